"""The pages with lists."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.faults import all_days
from mpesa_cbp_simulator.ledger import CHARGES, UTILITY, WORKING, Account
from mpesa_cbp_simulator.store import State
from mpesa_cbp_simulator.web.layout import STATE_WORDS, action, document, field, money, payments_table, table
from mpesa_cbp_simulator.web.markup import element

PAGE = 50
"""Rows of one page of a list."""


def overview(world: Context, *, endpoint: str, problem: str = "") -> bytes:
    """What one can do, what has happened last, who holds what."""
    changes = world.log.count
    counts = world.records.counts()
    settings = element(
        "dl",
        *_pair("Endpoint for partners", endpoint),
        *_pair("spId", world.setup.service_provider.id),
        *_pair("Initiator", f"{world.setup.operators[0].name} of {world.setup.operators[0].short_code}"),
    )
    tallies = element(
        "ul",
        *(
            element("li", element("b", f"{counts.get(state, 0):,}"), f" {STATE_WORDS[state]}")
            for state in State
            if counts.get(state)
        ),
        class_="tallies",
    )
    latest = element(
        "section",
        element("h2", "Latest payments", id="latest"),
        tallies if counts else None,
        payments_table(world.records.latest(10), "The ten latest, newest first"),
        element("p", element("a", "All payments", href="/payments")) if counts else None,
        aria_labelledby="latest",
        id="latest-payments",
        data_live="",
    )
    return document(
        "Overview",
        element("h1", "A broker to watch"),
        element("p", problem, class_="problem", role="alert") if problem else None,
        settings,
        element("div", _pay(), _pay_in(world), _choose(world), class_="cards"),
        latest,
        _organisations(world),
        changes=changes,
    )


def payments(world: Context, *, before: int | None, state: State | None) -> bytes:
    """All payments, a page at a time."""
    changes = world.log.count
    found = world.records.latest(PAGE, before=before, state=state)
    query = f"&state={state.value}" if state is not None else ""
    older = element("a", "Older", href=f"/payments?before={found[-1].number}{query}", rel="next")
    newest = element("a", "Newest", href=f"/payments{'?' + query[1:] if query else ''}")
    filters = [("/payments", "all", state is None)]
    filters += [(f"/payments?state={each.value}", STATE_WORDS[each], state is each) for each in State]
    links = (
        element("li", element("a", text, href=path, aria_current="true" if here else None))
        for path, text, here in filters
    )
    return document(
        "Payments",
        element("h1", "Payments"),
        element("nav", element("ul", *links), aria_label="Which payments", class_="filters"),
        element(
            "section",
            payments_table(found, "Newest first" if before is None else f"Before number {before}"),
            id="all-payments",
            data_live="" if before is None else None,
        ),
        element(
            "nav",
            newest if before is not None else None,
            " " if before is not None else None,
            older if len(found) == PAGE else None,
            aria_label="Pages of the list",
            class_="pager",
        ),
        changes=changes,
    )


def accounts(world: Context, *, page: int) -> bytes:
    """Who holds what; pages are counted from 1, since a link with a number to go on from would show a customer's."""
    changes = world.log.count
    found = world.ledger.customers(PAGE, skip=(page - 1) * PAGE)
    rows = (
        element(
            "tr",
            element("th", mask_msisdn(each.msisdn), scope="row"),
            element("td", "yes" if each.registered else "no"),
            element("td", "yes" if each.active else "no"),
            element("td", money(each.balance), class_="number"),
        )
        for each in found
    )
    names = ("Customer", "Registered", "Active", "KES")
    shown = table("Customers who have appeared", names, list(rows), numbers={"KES"})
    more = element("a", "More", href=f"/accounts?page={page + 1}") if len(found) == PAGE else None
    return document(
        "Accounts",
        element("h1", "Accounts"),
        _organisations(world),
        element(
            "section",
            element("h2", "Customers", id="customers"),
            shown,
            element("nav", more, aria_label="Pages of the list", class_="pager"),
            aria_labelledby="customers",
            id="customer-accounts",
            data_live="",
        ),
        changes=changes,
    )


def bad_days(world: Context) -> bytes:
    """Everything that can go wrong, with its magic amount, and a button for each."""
    changes = world.log.count
    rows = (
        element(
            "tr",
            element("th", element("code", each.name), scope="row"),
            element("td", str(each.magic), class_="number"),
            element("td", each.what),
            element("td", action("/bad-day", f"Choose {each.name}", _hidden("name", each.name), _hidden("times", "1"))),
        )
        for each in all_days()
    )
    names = ("Name", "Amount", "What happens", "Next request")
    shown = table("Bad days by name and by magic amount", names, list(rows), numbers={"Amount"})
    return document(
        "Bad days",
        element("h1", "Bad days"),
        element("p", "A payment of just this amount has this day; or choose it for the next request, whatever it is."),
        _chosen(world),
        shown,
        changes=changes,
    )


def _pay() -> etree._Element:
    return element(
        "section",
        element("h2", "Pay a customer", id="pay"),
        element("p", "As a partner would: the simulator's own client pays, its own listener takes the result."),
        action(
            "/pay",
            "Pay",
            field("msisdn", "Customer's number", value="254700000000", inputmode="numeric", required="", maxlength=15),
            field("amount", "KES", value="100.00", inputmode="decimal", required="", maxlength=16),
            _days("pay-day", "Day"),
        ),
        aria_labelledby="pay",
        class_="card",
    )


def _pay_in(world: Context) -> etree._Element:
    registered = [each for each in world.ledger.organisations() if world.registry.registration(each.short_code)]
    told = ", ".join(each.short_code for each in registered) or "none; the demo partner registers itself when needed"
    return element(
        "section",
        element("h2", "A customer pays in", id="pay-in"),
        element("p", f"C2B: validation, then confirmation. URLs are registered for: {told}."),
        action(
            "/c2b",
            "Pay in",
            field("payer", "Customer's number", value="254700000000", inputmode="numeric", required="", maxlength=15),
            field("c2b-amount", "KES", value="250.00", inputmode="decimal", required="", maxlength=16),
            field("reference", "Account reference", value="INV-1", maxlength=20),
        ),
        aria_labelledby="pay-in",
        class_="card",
    )


def _choose(world: Context) -> etree._Element:
    return element(
        "section",
        element("h2", "Choose a bad day", id="choose"),
        _chosen(world),
        action(
            "/bad-day",
            "Choose",
            _days("name", "Day"),
            field("times", "For how many requests", type="number", min=0, max=1000, value=1, required=""),
        ),
        aria_labelledby="choose",
        class_="card",
    )


def _chosen(world: Context) -> etree._Element:
    day, left = world.days.chosen
    none = "None is chosen: magic amounts and the scenario count."
    told = f"Chosen: {day}, for {left} more." if left else none
    return element("p", told, id="chosen", data_live="")


def _days(identifier: str, label: str) -> etree._Element:
    options = [element("option", "good", value="good")]
    options += [element("option", each.name, value=each.name) for each in all_days()]
    select = element("select", *options, id=identifier, name="name")
    return element("p", element("label", label, for_=identifier), select)


def _organisations(world: Context) -> etree._Element:
    names, balance = (WORKING, UTILITY, CHARGES), world.ledger.balance
    rows = (
        element(
            "tr",
            element("th", f"{each.short_code} {each.name}", scope="row"),
            *(element("td", money(balance(Account(each.short_code, name))), class_="number") for name in names),
        )
        for each in world.ledger.organisations()
    )
    shown = table("Balances in KES", ("Organisation", *names), list(rows), numbers=names)
    return element(
        "section",
        element("h2", "Organisations", id="organisations"),
        shown,
        aria_labelledby="organisations",
        id="organisation-accounts",
        data_live="",
    )


def _hidden(name: str, value: str) -> etree._Element:
    return element("input", type="hidden", name=name, value=value)


def _pair(name: str, value: str) -> tuple[etree._Element, etree._Element]:
    return element("dt", name), element("dd", element("code", value))
