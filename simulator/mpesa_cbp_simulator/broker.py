"""The broker: check a SOAP message, answer it, and start the rest (protocol, section 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.identity.profile import reveal
from mpesa_cbp.payment.codes import response_meaning
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp_models import ChangePassword, QueryTransaction, Request
from mpesa_cbp_simulator.checks import Refusal, check_header, check_parameters, check_path, check_schema
from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.enquiries import PASSWORD, Enquiries
from mpesa_cbp_simulator.faults import CACHED, GOOD, BadDay
from mpesa_cbp_simulator.messages import Reply, fault, html, http_request, http_response, response, soap, without_header
from mpesa_cbp_simulator.parsed_request import ParsedRequest, read_order
from mpesa_cbp_simulator.processing import Work
from mpesa_cbp_simulator.runtime_settings import Registry
from mpesa_cbp_simulator.scenario import FaultPlan
from mpesa_cbp_simulator.store import Conversation, Records, State
from mpesa_cbp_simulator.timeline import TimelineEntry

_CORE_URL = "http://core.invalid/CoreApi"
_ACCEPTED = "0"
_QUEUED = "100000000"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A POST as it came: the URL under which we are reached, SOAPAction, body."""

    url: str
    soap_action: str
    body: bytes = field(repr=False)


class Broker:
    """Answers the three operations that partners call."""

    def __init__(
        self, setup: Setup, records: Records, registry: Registry, days: FaultPlan, work: Work, enquiries: Enquiries
    ) -> None:
        self._setup = setup
        self._records = records
        self._registry = registry
        self._days = days
        self._work = work
        self._enquiries = enquiries

    def handle(self, inbound: Inbound) -> Reply:
        """Answer a message; never raises for anything that a caller can send."""
        try:
            decoded = decode(inbound.body, strict=self._setup.strict)
        except MalformedMessage as error:
            return self._unreadable(inbound, error)
        message = decoded.message
        if isinstance(message, Request):
            with self._work.arriving():
                return self._request(inbound, decoded, message)
        if isinstance(message, QueryTransaction):
            refusal = self._header_refusal(decoded)
            return self._enquiries.query(message, refusal)
        if isinstance(message, ChangePassword):
            return self._enquiries.change_password(message, self.password())
        return fault("soapenv:Client", "This operation is not offered here.")

    def password(self) -> str | None:
        """The service provider's password as it is now."""
        secret = self._setup.service_provider.password
        return self._registry.setting(PASSWORD) or (None if secret is None else reveal(secret))

    def _unreadable(self, inbound: Inbound, error: MalformedMessage) -> Reply:
        if b"RequestMsg" not in inbound.body:
            return fault("soapenv:Client", f"The message cannot be read: {error.reason}")
        # The envelope is one of ours; that its payload cannot be read is a matter of the schema (section 5, code 23).
        return self._refuse_unopened(inbound, Refusal("23", f"the request cannot be read: {error.reason}"))

    def _refuse_unopened(self, inbound: Inbound, refusal: Refusal) -> Reply:
        answer = response(refusal.code, refusal.described)
        for number, what, xml in (
            (1, "A request arrives.", inbound.body),
            (2, f"The broker refuses it: {refusal.why}.", answer),
        ):
            self._records.tell(
                TimelineEntry(number, what, "", xml, self._setup.clock(), refusal.code if number == 2 else None)
            )
        return soap(answer)

    def _header_refusal(self, decoded: Decoded) -> Refusal | None:
        return check_header(decoded.header, setup=self._setup, password=self.password(), now=self._setup.clock())

    def _request(self, inbound: Inbound, decoded: Decoded, request: Request) -> Reply:
        order = read_order(request)
        refusal = (
            self._header_refusal(decoded)
            or check_schema(request)
            or check_path(inbound.url, order)
            or check_parameters(order)
        )
        if refusal is not None and not order.conversation_id.strip():
            return self._refuse_unopened(inbound, refusal)
        # A request that is refused anyway does not use up a day.
        day = GOOD if refusal is not None else self._day(order)
        conversation = self._open(inbound, order, day)
        if day.name in _DROPPED:
            return self._dropped(conversation, day)
        refusal = refusal or _refusal_of_day(day)
        if refusal is not None:
            return self._answer(conversation, refusal.code, refusal.described, State.REFUSED)
        return self._accept(inbound, conversation, order, day)

    def _day(self, order: ParsedRequest) -> BadDay:
        return self._days.day_for(
            conversation_id=order.conversation_id,
            command=order.command_id,
            receiver=order.receiver,
            amount=order.amount,
        )

    def _open(self, inbound: Inbound, order: ParsedRequest, day: BadDay) -> Conversation:
        conversation = self._records.open(
            conversation_id=order.conversation_id,
            kind=order.kind,
            command=order.command_id,
            short_code=order.short_code,
            receiver=order.receiver,
            amount=order.amount,
            reference=order.value("AccountReference"),
            bad_day=day,
            result_url=order.result_url,
            timeout_url=order.timeout_url,
            request=inbound.body,
        )
        what = f"The partner sends {order.command_id}; the broker checks who it is and what it asks for."
        self._records.step(conversation, 1, what, inbound.body)
        if day.name not in _NEVER_CAME:
            self._keep(conversation, "submitApiRequest", http_request(inbound.url, inbound.body))
        return conversation

    def _accept(self, inbound: Inbound, conversation: Conversation, order: ParsedRequest, day: BadDay) -> Reply:
        if day.name in CACHED or day.is_dialect(10):
            reply = self._answer(conversation, _QUEUED, "The request was cached and waits to be sent on.", State.CACHED)
            self._work.cached(conversation, order)
            return reply
        self._keep(conversation, "submitApiRequest", http_request(_CORE_URL, without_header(inbound.body)))
        if day.name == "result-before-response":
            self._work.now(conversation, order)
            return self._answer(conversation, _ACCEPTED, "Accepted.", None)
        code = "100000004" if day.name == "internal-error" else _ACCEPTED
        reply = self._answer(conversation, code, "Accepted." if code == _ACCEPTED else "", None)
        reply = self._spoilt(conversation, reply, day)
        self._work.later(conversation, order)
        return reply

    def _answer(
        self,
        conversation: Conversation,
        code: str,
        description: str,
        state: State | None,
    ) -> Reply:
        meaning = response_meaning(code)
        refused = state is State.REFUSED
        answer = response(
            code,
            description or meaning.meaning,
            conversation_id=conversation.conversation_id,
            core_id="" if refused or state is State.CACHED else conversation.core_id,
        )
        self._records.update(conversation.number, state=state, response_code=code)
        told = "refuses the request" if refused else "answers"
        self._records.step(conversation, 2, f"The broker {told}: {meaning.meaning}", answer, code)
        if not refused and state is not State.CACHED:
            self._keep(conversation, "submitApiResponse", http_response(without_header(answer)))
        self._keep(conversation, "submitApiResponse", http_response(answer))
        return soap(answer)

    def _keep(self, conversation: Conversation, which: str, message: bytes) -> None:
        self._records.keep(conversation, which, message)

    def _spoilt(self, conversation: Conversation, good: Reply, day: BadDay) -> Reply:
        """What the caller gets in place of the good answer, on days when the payment goes on."""
        if day.name not in _SPOILT:
            return good
        told, spoil = _SPOILT[day.name]
        reply = spoil(good, self._setup.timing.slow_delay)
        self._records.step(conversation, 2, told, b"" if day.name == "slow" else reply.body)
        return reply

    def _dropped(self, conversation: Conversation, day: BadDay) -> Reply:
        reply = _DROPPED[day.name]()
        self._records.update(conversation.number, state=State.REFUSED)
        self._records.step(conversation, 2, f"The request is dropped ({day.name}); nothing was done.", reply.body)
        return reply


_SPOILT: dict[str, tuple[str, Callable[[Reply, float], Reply]]] = {
    "slow": ("The answer is held back for a while.", lambda good, delay: replace(good, delay=delay)),
    "reset-after": (
        "The connection is reset before the answer arrives; the payment goes on.",
        lambda _, __: Reply(0, "", b"", reset=True),
    ),
    "fault-server": (
        "A SOAP fault goes out in place of the answer; the payment goes on.",
        lambda _, __: fault("soapenv:Server", "The service is not available."),
    ),
    "html-503": (
        "A gateway sends a page with HTTP 503 in place of the answer; the payment goes on.",
        lambda _, __: html(503, "Service Unavailable", "The gateway got no answer in time."),
    ),
    "cut-answer": (
        "The answer breaks off in the middle; the payment goes on.",
        lambda good, _: replace(good, cut=len(good.body) // 3),
    ),
}

_DROPPED: dict[str, Callable[[], Reply]] = {
    "reset-before": lambda: Reply(0, "", b"", reset=True),
    "fault-refused": lambda: fault("SVC0901", "The SP password is not accepted."),
    "html": lambda: html(200, "Request Rejected", "The request was rejected. Support ID: 4711."),
}


# FaultPlan on which something before the broker took the request: queryTransaction has no record of it.
_NEVER_CAME = frozenset({"reset-before", "html"})


def _refusal_of_day(day: BadDay) -> Refusal | None:
    if day.name == "throttled":
        return Refusal("100000002", "the request is throttled")
    if day.name == "overloaded":
        return Refusal("100000001", "the broker is overloaded")
    if day.name == "response-code":
        return Refusal(str(day.number), "the simulator was told to refuse it")
    return None
