"""The frame of every page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from lxml import etree

from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_simulator.store import Conversation, State
from mpesa_cbp_simulator.web.markup import element, page

STYLE, SCRIPT = "/simulator.css", "/simulator.js"
"""Paths of the two files that pages bring along; there are no others, and none from elsewhere."""

STATE_WORDS = {
    State.REFUSED: "refused by the broker",
    State.ACCEPTED: "accepted, not yet done",
    State.CACHED: "cached, waits",
    State.COMPLETED: "done",
    State.FAILED: "not done",
    State.EXPIRED: "expired in the cache",
}


def document(title: str, *content: etree._Element | None, changes: int, moving: bool = False) -> bytes:
    """A page. ``changes`` is the count of steps before what it shows was looked up, so that no later one is missed.

    ``moving`` has it read again even without a script.
    """
    reload = element("noscript", element("meta", http_equiv="refresh", content="2")) if moving else None
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – M-PESA simulator"),
        element("link", rel="stylesheet", href=STYLE),
        element("link", rel="icon", href="data:,"),
        element("script", src=SCRIPT, defer=""),
        reload,
    )
    banner = element(
        "header",
        element("a", "Skip to the content", class_="skip", href="#content"),
        element("p", element("a", "M-PESA simulator", href="/"), class_="brand"),
        element("nav", _links(), aria_label="Pages"),
    )
    main = element("main", *content, id="content", tabindex="-1", data_changes=changes)
    foot = element(
        "footer", element("p", "A simulated broker and core on this machine: no money, no customers, no network.")
    )
    return page(element("html", head, element("body", banner, main, foot), lang="en"))


def _links() -> etree._Element:
    pages = (("/", "Overview"), ("/payments", "Payments"), ("/accounts", "Accounts"), ("/bad-days", "Bad days"))
    return element("ul", *(element("li", element("a", text, href=path)) for path, text in pages))


def badge(state: State) -> etree._Element:
    """The state of a conversation, in words and in colour."""
    return element("span", STATE_WORDS[state], class_=f"badge {state.value}")


def money(amount: Decimal | None) -> str:
    """An amount for people."""
    return "–" if amount is None else f"{amount:,.2f}"


def party(each: Conversation) -> str:
    """Who receives, or for a customer's payment who pays; numbers of customers masked."""
    number = each.receiver
    return mask_msisdn(number) if each.kind in {"B2C", "C2B"} and number else number or "–"


def action(path: str, label: str, *fields: etree._Element, class_: str | None = None) -> etree._Element:
    """A form with one button that posts to ``path``."""
    return element("form", *fields, element("button", label, type="submit"), method="post", action=path, class_=class_)


def field(name: str, label: str, **attributes: str | int | None) -> etree._Element:
    """A labelled input."""
    return element("p", element("label", label, for_=name), element("input", id=name, name=name, **attributes))


def payments_table(found: list[Conversation], caption: str) -> etree._Element:
    """Conversations as a table, each with a link to its own page."""
    if not found:
        return element("p", "Nothing has happened yet.", class_="empty")
    names = ("No.", "Time", "Command", "To or from", "KES", "State", "Day", "Receipt")
    return table(caption, names, [_row(each) for each in found], numbers={"KES"})


def table(
    caption: str, names: Sequence[str], rows: Sequence[etree._Element], *, numbers: Collection[str] = ()
) -> etree._Element:
    """A table that scrolls by itself where it is too wide; the columns in ``numbers`` stand on the right."""
    heads = (element("th", name, scope="col", class_="number" if name in numbers else None) for name in names)
    made = element(
        "table", element("caption", caption), element("thead", element("tr", *heads)), element("tbody", *rows)
    )
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(each: Conversation) -> etree._Element:
    day = str(each.bad_day)
    return element(
        "tr",
        element("th", element("a", str(each.number), href=f"/payments/{each.number}"), scope="row"),
        element("td", f"{each.created:%H:%M:%S}"),
        element("td", each.command),
        element("td", party(each)),
        element("td", money(each.amount), class_="number"),
        element("td", badge(each.state)),
        element("td", "" if day == "good" else day),
        element("td", each.receipt or ""),
    )
