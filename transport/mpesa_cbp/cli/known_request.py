"""Whether a request is the one that the journal has under its conversation id: only then its end may be told."""

from __future__ import annotations

from mpesa_cbp.delivery import differences, facts_of
from mpesa_cbp.errors import DuplicateConversation, Sent
from mpesa_cbp.journal import Journal
from mpesa_cbp.payments import EventKind
from mpesa_cbp_models import Request


def require_the_same(journal: Journal, request: Request, error: DuplicateConversation) -> None:
    """Raise the error unless the journal knows this very payment: then what it says of it is the answer."""
    known = journal.payment(request.transaction.originator_conversation_id)
    if error.sent is not Sent.NO or known is None:
        raise error
    if differences(known, facts_of(request)) or not _asks_the_same(journal, request):
        raise error
    error.advice = "Nothing was sent now; this is what the journal says of the earlier request."


def _asks_the_same(journal: Journal, request: Request) -> bool:
    """Whether the stored request has the same parameters: a receipt, an account, the addresses to register."""
    events = journal.events(request.transaction.originator_conversation_id)
    stored = next((event.body for event in events if event.kind is EventKind.CREATED), None)
    try:
        return stored is not None and _parameters(Request.from_xml(stored)) == _parameters(request)
    except ValueError:
        return False


def _parameters(request: Request) -> list[tuple[str, str | None]]:
    transaction = request.transaction
    pairs = transaction.parameters.parameter if transaction.parameters is not None else []
    items = transaction.reference_data.reference_item if transaction.reference_data is not None else []
    told = [(pair.key, pair.value) for pair in pairs] + [(item.key, item.value) for item in items]
    return [(key, value) for key, value in told if key != "QueueTimeoutURL"]
