"""The recorded messages of queryTransaction's answer, one by one: between whom each went, and whether it can be used.

Protocol, section 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from mpesa_cbp.history.recorded_http import RecordedHttp, read_recorded
from mpesa_cbp.soap import Decoded
from mpesa_cbp_models import NotifyQueueTimeout, QueryTransactionResponse, Request, Response, Result

__all__ = ["EntryKind", "HistoryEntry", "Leg", "read_entries"]


class EntryKind(Enum):
    """The list of the answer that an entry comes from."""

    REQUEST = "submitApiRequest"
    RESPONSE = "submitApiResponse"
    RESULT = "submitApiResult"
    QUEUE_TIMEOUT = "queueTimeOut"


class Leg(Enum):
    """Between whom a recorded message went."""

    PARTNER_TO_BROKER = "partner → broker"
    BROKER_TO_CORE = "broker → core"
    CORE_TO_BROKER = "core → broker"
    BROKER_TO_PARTNER = "broker → partner"


_MESSAGES: dict[EntryKind, type] = {
    EntryKind.REQUEST: Request,
    EntryKind.RESPONSE: Response,
    EntryKind.RESULT: Result,
    EntryKind.QUEUE_TIMEOUT: NotifyQueueTimeout,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One recorded HTTP message.

    ``leg`` is None where the record does not say. ``problem`` says why the entry was not used: it could not be read,
    or it is another message than its list is for, or speaks of another conversation.
    """

    kind: EntryKind
    leg: Leg | None = None
    http: RecordedHttp = field(repr=False)
    problem: str | None = None

    @property
    def decoded(self) -> Decoded | None:
        """The envelope, None where it could not be read."""
        return self.http.decoded

    @property
    def code(self) -> str | None:
        """ResponseCode or ResultCode of the message."""
        message = self.decoded.message if self.decoded is not None else None
        if isinstance(message, Response):
            return message.response_code
        return message.result_code if isinstance(message, Result) else None


def read_entries(
    answer: QueryTransactionResponse, conversation_id: str | None
) -> tuple[str | None, tuple[HistoryEntry, ...]]:
    """Read all entries, in the answer's order, and the conversation id that they are held against.

    Where ``conversation_id`` is None that is the first one on record. Entries of any content raise no error.
    """
    read = [(kind, read_recorded(text)) for kind, text in _texts(answer)]
    if conversation_id is None:
        conversation_id = next(filter(None, (_conversation_of(http) for _, http in read)), None)
    core_ids = _core_ids(http for kind, http in read if kind is EntryKind.RESPONSE)
    legs = _legs(read)
    return conversation_id, tuple(
        HistoryEntry(kind=kind, leg=leg, http=http, problem=_problem(kind, http, conversation_id, core_ids))
        for (kind, http), leg in zip(read, legs, strict=True)
    )


def _texts(answer: QueryTransactionResponse) -> Iterator[tuple[EntryKind, str]]:
    requests, responses = answer.submit_api_request_list, answer.submit_api_response_list
    results, timeouts = answer.submit_api_result_list, answer.queue_time_out_list
    for text in requests.submit_api_request if requests is not None else ():
        yield EntryKind.REQUEST, text
    for text in responses.submit_api_response if responses is not None else ():
        yield EntryKind.RESPONSE, text
    for text in results.submit_api_result if results is not None else ():
        yield EntryKind.RESULT, text
    for text in timeouts.queue_time_out if timeouts is not None else ():
        yield EntryKind.QUEUE_TIMEOUT, text


# -- whose message it is ------------------------------------------------------------------------------------------


def _conversation_of(http: RecordedHttp) -> str | None:
    message = http.decoded.message if http.decoded is not None else None
    if isinstance(message, Request):
        message = message.transaction
    found: object = getattr(message, "originator_conversation_id", None)
    return (found.strip() or None) if isinstance(found, str) else None


def _core_ids(responses: Iterable[RecordedHttp]) -> frozenset[str]:
    """The core's own ids of the payment, by which a result that names no OriginatorConversationID is known."""
    messages = (http.decoded.message for http in responses if http.decoded is not None)
    found = (message.conversation_id for message in messages if isinstance(message, Response))
    return frozenset(filter(None, found))


def _problem(kind: EntryKind, http: RecordedHttp, conversation_id: str | None, core_ids: frozenset[str]) -> str | None:
    if http.decoded is None:
        return http.problem
    message = http.decoded.message
    if not isinstance(message, _MESSAGES[kind]):
        return "it is another message than its list is for"
    named = _conversation_of(http)
    known = isinstance(message, Response) or (isinstance(message, Result) and message.conversation_id in core_ids)
    if named is None and not known:
        return "it names no conversation"
    if named is not None and conversation_id is not None and named != conversation_id.strip():
        return "it speaks of another conversation"
    return None


# -- between whom it went -----------------------------------------------------------------------------------------


def _legs(read: list[tuple[EntryKind, RecordedHttp]]) -> list[Leg | None]:
    requests = [_leg_of_request(http) for kind, http in read if kind is EntryKind.REQUEST]
    responses = _legs_of_responses(requests, sum(kind is EntryKind.RESPONSE for kind, _ in read))
    ours = _result_urls(read, signed=True)
    theirs = _result_urls(read, signed=False) - ours
    results = [_leg_of_result(http, ours, theirs) for kind, http in read if kind is EntryKind.RESULT]
    timeouts: list[Leg | None] = [Leg.BROKER_TO_PARTNER for kind, http in read if kind is EntryKind.QUEUE_TIMEOUT]
    return [*requests, *responses, *results, *timeouts]


def _leg_of_request(http: RecordedHttp) -> Leg | None:
    """The broker takes our signing header off before it passes a request on."""
    if http.decoded is None:
        return None
    return Leg.PARTNER_TO_BROKER if http.decoded.header is not None else Leg.BROKER_TO_CORE


def _legs_of_responses(requests: list[Leg | None], count: int) -> list[Leg | None]:
    """A request that was passed on has two answers, the core's and the broker's; any other only the broker's."""
    expected: list[Leg | None] = []
    for number, leg in enumerate(requests):
        if leg is Leg.PARTNER_TO_BROKER:
            passed_on = requests[number + 1 : number + 2] == [Leg.BROKER_TO_CORE]
            expected += [Leg.CORE_TO_BROKER] * passed_on + [Leg.BROKER_TO_PARTNER]
    return expected if len(expected) == count and None not in requests else [None] * count


def _result_urls(read: list[tuple[EntryKind, RecordedHttp]], *, signed: bool) -> set[str]:
    """ResultURLs of the recorded requests, without their scheme: of ours, or of those that the broker passed on."""
    urls = set()
    for _, http in read:
        if http.decoded is None or not isinstance(http.decoded.message, Request):
            continue
        caller = http.decoded.message.identity.caller
        if (http.decoded.header is not None) is signed and caller.result_url:
            urls.add(caller.result_url.strip().partition("://")[2])
    return urls


def _leg_of_result(http: RecordedHttp, ours: set[str], theirs: set[str]) -> Leg | None:
    target = f"{http.header('Host')}{http.path}"
    if target in ours:
        return Leg.BROKER_TO_PARTNER
    return Leg.CORE_TO_BROKER if target in theirs else None
