"""Routes of the page and its forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from mpesa_cbp.parsing import normalise_msisdn, parse_amount
from mpesa_cbp_simulator.c2b import CustomerPayment
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.faults import GOOD, BadDay
from mpesa_cbp_simulator.messages import HTML_TYPE, Reply
from mpesa_cbp_simulator.store import State
from mpesa_cbp_simulator.web import pages
from mpesa_cbp_simulator.web.demo_partner import DemoPartner
from mpesa_cbp_simulator.web.layout import SCRIPT, STYLE
from mpesa_cbp_simulator.web.payment import payment

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    # Not no-referrer: browsers would then hide the origin of our own forms (Fetch, section 3.2.5).
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
)
_FILES = {
    STYLE: ("simulator.css", "text/css; charset=utf-8"),
    SCRIPT: ("simulator.js", "text/javascript; charset=utf-8"),
}


class Site:
    """The pages for people."""

    def __init__(self, world: Context, partner: DemoPartner) -> None:
        self._world = world
        self._partner = partner

    def get(self, path: str, query: Mapping[str, str], *, endpoint: str) -> Reply | None:
        """A page or one of their two files; None where there is nothing."""
        if path in _FILES:
            name, kind = _FILES[path]
            return Reply(200, kind, Path(__file__).with_name(name).read_bytes(), headers=_HEADERS)
        if path == "/":
            return _page(pages.overview(self._world, endpoint=endpoint))
        if path == "/payments":
            return _page(pages.payments(self._world, before=_number(query.get("before", "")), state=_state(query)))
        if path == "/accounts":
            return _page(pages.accounts(self._world, page=_number(query.get("page", "")) or 1))
        if path == "/bad-days":
            return _page(pages.bad_days(self._world))
        number = _number(path.removeprefix("/payments/"))
        return None if number is None else self._payment(number)

    def _payment(self, number: int, *, status: int = 200, problem: str = "") -> Reply | None:
        try:
            conversation = self._world.records.get(number)
        except LookupError:
            return None
        changes = self._world.log.count
        ours = self._partner.payment(conversation.conversation_id)
        return _page(payment(self._world, number, ours=ours, changes=changes, problem=problem), status)

    def post(self, path: str, body: bytes, *, endpoint: str) -> Reply | None:
        """Do what a form asks for, then send the browser to where it shows; None where there is no such form."""
        try:
            values = dict(parse_qsl(body.decode("utf-8"), max_num_fields=20))
        except ValueError:
            values = {}
        parts = path.strip("/").split("/")
        if len(parts) == 3 and parts[0] == "payments" and parts[2] in {"resend", "expire"}:
            return self._by_hand(_number(parts[1]), parts[2])
        does = {"/pay": self._pay, "/c2b": self._pay_in, "/bad-day": self._choose}.get(path)
        if does is None:
            return None
        try:
            return _see_other(does(values))
        except ValueError as error:
            return _page(pages.overview(self._world, endpoint=endpoint, problem=_sentence(error)), 400)

    def _pay(self, values: Mapping[str, str]) -> str:
        number = normalise_msisdn(values.get("msisdn", ""))
        amount = parse_amount(values.get("amount", ""))
        day = BadDay.parse(values.get("name", "good"))
        if day != GOOD:
            self._world.days.choose(day)
        return f"/payments/{self._partner.pay(number, amount)}"

    def _pay_in(self, values: Mapping[str, str]) -> str:
        paid = CustomerPayment(
            short_code=self._world.setup.operators[0].short_code,
            msisdn=normalise_msisdn(values.get("payer", "")),
            amount=parse_amount(values.get("c2b-amount", "")),
            reference=values.get("reference", "")[:20],
        )
        return f"/payments/{self._partner.receive(paid)}"

    def _choose(self, values: Mapping[str, str]) -> str:
        times = _number(values.get("times", "1"))
        if times is None or times > 1000:
            raise ValueError("the number of requests must be 0 to 1000")
        self._world.days.choose(BadDay.parse(values.get("name", "")), times)
        return "/"

    def _by_hand(self, number: int | None, what: str) -> Reply | None:
        if number is None:
            return None
        try:
            (self._world.work.resend if what == "resend" else self._world.work.expire_soon)(number)
        except LookupError:
            return None
        except ValueError as error:
            return self._payment(number, status=409, problem=_sentence(error))
        return _see_other(f"/payments/{number}")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _state(query: Mapping[str, str]) -> State | None:
    return next((state for state in State if state.value == query.get("state")), None)


def _sentence(error: ValueError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _page(body: bytes, status: int = 200) -> Reply:
    return Reply(status, HTML_TYPE, body, headers=_HEADERS)


def _see_other(path: str) -> Reply:
    return Reply(303, HTML_TYPE, b"", headers=(*_HEADERS, ("Location", path)))
