"""The page of one payment."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp.payment.model import Payment
from mpesa_cbp_service.formatting import pretty
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.store import Conversation, State
from mpesa_cbp_simulator.timeline import TimelineEntry
from mpesa_cbp_simulator.web.layout import action, badge, document, money, party
from mpesa_cbp_simulator.web.markup import element
from mpesa_cbp_simulator.web.sequence_diagram import picture

_OUT, _IN = "Partner to broker", "Broker to partner"
_WHERE = {1: _OUT, 2: _IN, 3: "Core", 4: _IN, 5: _OUT}
_WHERE_C2B = {**_WHERE, 1: _IN, 2: _OUT}


def payment(world: Context, number: int, *, ours: Payment | None, changes: int, problem: str = "") -> bytes:
    """The page. ``ours`` is the payment in the demo partner's journal, if it was that one's. Raises LookupError.

    ``changes`` is the count of steps before anything here was looked up.
    """
    conversation = world.records.get(number)
    steps = world.records.steps(conversation)
    moving = conversation.state in {State.ACCEPTED, State.CACHED} or world.schedule.planned() > 0
    where = _WHERE_C2B if conversation.kind == "C2B" else _WHERE
    title = f"{conversation.command} {number}"
    return document(
        title,
        element("h1", title),
        element("p", problem, class_="problem", role="alert") if problem else None,
        element(
            "section",
            _facts(conversation),
            _in_journal(ours),
            id="facts",
            data_live="",
            aria_label="What it is and how it stands",
        ),
        element(
            "section",
            element("h2", "What can be done", id="actions-title"),
            _actions(conversation),
            id="actions",
            data_live="",
            aria_labelledby="actions-title",
        ),
        element(
            "section",
            element("h2", "Its steps", id="steps-title"),
            element("div", picture(steps, kind=conversation.kind), class_="scroll"),
            element("ol", *(_step(place, each, where) for place, each in enumerate(steps, 1)), class_="steps"),
            id="steps",
            data_live="",
            aria_labelledby="steps-title",
        ),
        changes=changes,
        moving=moving,
    )


def _facts(each: Conversation) -> etree._Element:
    pairs: list[tuple[str, etree._Element | str]] = [
        ("State", badge(each.state)),
        ("Amount", f"{money(each.amount)} KES"),
        ("From" if each.kind == "C2B" else "To", party(each)),
        ("Day", str(each.bad_day)),
        ("Receipt", each.receipt or "–"),
        ("ResponseCode", each.response_code or "–"),
        ("ResultCode", each.result_code or "–"),
        ("OriginatorConversationID", element("code", each.conversation_id or "–")),
        ("ConversationID", element("code", each.core_id)),
    ]
    rows: list[etree._Element] = []
    for name, value in pairs:
        rows += [element("dt", name), element("dd", value)]
    return element("dl", *rows, class_="facts")


def _in_journal(ours: Payment | None) -> etree._Element | None:
    if ours is None:
        return None
    state = ours.state.name
    told = element("strong", state, class_=f"badge journal-{ours.state.value}", id="journal-state")
    return element("p", "In the demo partner's journal this payment is ", told, ".", class_="journal", role="status")


def _actions(each: Conversation) -> etree._Element:
    forms = []
    if each.result is not None and each.result_url is not None:
        forms.append(action(f"/payments/{each.number}/resend", "Post the result again"))
    if each.state is State.CACHED:
        forms.append(action(f"/payments/{each.number}/expire", "Let it expire in the cache"))
    if not forms:
        return element("p", "Nothing at present: it has no result that could be posted, and is not cached.")
    return element("div", *forms, class_="actions")


def _step(place: int, step: TimelineEntry, where: dict[int, str]) -> etree._Element:
    head = element("p", element("b", f"{where[step.number]}. "), step.what)
    when = element("time", f"{step.at:%H:%M:%S.%f}"[:-3], datetime=step.at.isoformat())
    message = None
    if step.xml:
        shown = element("pre", element("code", pretty(step.xml)), tabindex="0")
        summary = element("summary", f"The message of step {step.number}, {len(step.xml):,} bytes, masked")
        message = element("details", summary, shown, id=f"message-{place}")
    return element("li", head, when, message, value=step.number)
