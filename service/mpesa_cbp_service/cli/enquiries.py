"""A failed enquiry says nothing about the payment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mpesa_cbp.errors import NotSent, OutcomeUnknown, Refused


@contextmanager
def tells_nothing() -> Iterator[None]:
    """Let an enquiry that was not sent or was refused end as one that learnt nothing, never as a failed payment."""
    try:
        yield
    except (NotSent, Refused) as error:
        raise OutcomeUnknown(
            error.message,
            conversation_id=error.conversation_id,
            sent=error.sent,
            code=error.code,
            meaning=error.meaning,
            body=error.body,
            advice="Nothing was learnt of the payment by this: ask again.",
        ) from error
