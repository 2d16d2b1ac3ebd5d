"""The steps of a payment as inline SVG."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp_simulator.timeline import TimelineEntry
from mpesa_cbp_simulator.web.markup import element

_LANES = (("Partner", 90), ("Broker", 370), ("Core", 620))
_WIDTH, _TOP, _ROW = 710, 64, 58
_NAMES = {
    ("C2B", 1): "ValidateC2BPayment",
    ("C2B", 4): "ConfirmC2BPayment",
}
_MOST = 40


def picture(steps: list[TimelineEntry], *, kind: str) -> etree._Element:
    """The picture; what it shows stands as a list below it too, so that it is hidden from readers of text."""
    shown = steps[:_MOST]
    height = _TOP + _ROW * max(1, len(shown)) + 16
    svg = element("svg", viewBox=f"0 0 {_WIDTH} {height}", aria_hidden="true", focusable="false", class_="picture")
    for name, x in _LANES:
        svg.append(element("rect", x=x - 62, y=8, width=124, height=32, rx=6, class_="lane"))
        svg.append(_text(name, x, 29, "lane-name"))
        svg.append(element("line", x1=x, y1=40, x2=x, y2=height - 6, class_="life"))
    for place, step in enumerate(shown):
        y = _TOP + _ROW * place + 22
        svg.append(_core(step, y) if step.number == 3 else _arrow(step, y, kind))
    return svg


def _arrow(step: TimelineEntry, y: int, kind: str) -> etree._Element:
    outward = step.number in ({1, 5} if kind != "C2B" else {2, 5})
    start, end = (_LANES[0][1], _LANES[1][1]) if outward else (_LANES[1][1], _LANES[0][1])
    tip = 9 if start < end else -9
    group = element("g", class_=f"message step-{step.number}")
    group.append(element("line", x1=start, y1=y, x2=end - tip, y2=y))
    group.append(element("path", d=f"M{end} {y} l{-tip * 1.3:.1f} -5 v10 z"))
    middle = (start + end) // 2
    group.append(_text(_label(step, kind), middle, y - 9, "label"))
    group.append(_text(f"{step.at:%H:%M:%S}.{step.at.microsecond // 1000:03}", middle, y + 17, "time"))
    group.append(_number(step.number, 22, y))
    return group


def _core(step: TimelineEntry, y: int) -> etree._Element:
    good = step.code == "0"
    group = element("g", class_=f"message step-3 {'good' if good else 'bad'}")
    x = _LANES[2][1] if step.code is not None else _LANES[1][1]
    group.append(element("rect", x=x - 84, y=y - 19, width=168, height=36, rx=6, class_="work"))
    told = "the money moves" if good else f"not done: {step.code}" if step.code else "expires"
    group.append(_text(told, x, y + 4, "label"))
    if step.code is not None:
        group.append(element("line", x1=_LANES[1][1], y1=y, x2=x - 92, y2=y, class_="inner"))
    group.append(_number(3, 22, y))
    return group


def _label(step: TimelineEntry, kind: str) -> str:
    names = {
        1: "request",
        2: "answer",
        4: "notifyQueueTimeout" if "notifyQueueTimeout" in step.what else "result",
        5: "acknowledgement" if step.code is not None else "no acknowledgement",
    }
    name = _NAMES.get((kind, step.number)) or names.get(step.number, "")
    lost = " (lost)" if "lost on its way" in step.what else ""
    return f"{name}{lost}{f' · {step.code}' if step.code is not None else ''}"


def _number(number: int, x: int, y: int) -> etree._Element:
    circle = element("circle", cx=x, cy=y, r=13)
    return element("g", circle, _text(str(number), x, y + 5, "figure"), class_="place")


def _text(text: str, x: int, y: int, class_: str) -> etree._Element:
    return element("text", text, x=x, y=y, class_=class_)
