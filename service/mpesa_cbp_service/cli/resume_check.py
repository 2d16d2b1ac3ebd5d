"""Whether a request equals the stored one under its conversation id."""

from __future__ import annotations

from mpesa_cbp.errors import DuplicateConversation, Sent
from mpesa_cbp.send.stored_request import conversation_id_of, differences
from mpesa_cbp_models import Request
from mpesa_cbp_service.journal import Journal


def require_the_same(journal: Journal, request: Request, error: DuplicateConversation) -> None:
    """Raise the error unless the journal knows this very request: then what it says of it is the answer."""
    conversation_id = conversation_id_of(request)
    known = journal.payment(conversation_id)
    if error.sent is not Sent.NO or known is None or differences(known, journal.request(conversation_id), request):
        raise error
    error.advice = "Nothing was sent now; this is what the journal says of the earlier request."
