"""Check arguments and requests against the contract; problems name the element, never a customer's text."""

from __future__ import annotations

import re

from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp_models import InvalidValue, Request

_SHOWN_TEXT = re.compile(r", not ['\"].*\Z", re.DOTALL)


def check_schema(request: Request) -> None:
    """Raise InvalidRequest with all that the contract has against a request, each with the path of the element."""
    given: object = request
    if not isinstance(given, Request):
        raise InvalidRequest([f"request: must be a Request, not {type(given).__name__}"])
    problems = schema_problems(request)
    if problems:
        found: object = getattr(request.transaction, "originator_conversation_id", None)
        raise InvalidRequest(problems, conversation_id=found if isinstance(found, str) else None)


def schema_problems(request: Request) -> tuple[str, ...]:
    """All that the contract has against a request."""
    try:
        request.validate()
    except InvalidValue as error:
        # A text is a customer's, or long, or both: the path and the rule say enough.
        return tuple(_SHOWN_TEXT.sub("", problem) for problem in error.problems)
    return ()


def require_texts(**values: object) -> None:
    """Raise InvalidRequest for arguments that are neither text nor None, which Python itself lets through."""
    wrong = [
        f"{name}: must be text, not {type(value).__name__}"
        for name, value in values.items()
        if value is not None and not isinstance(value, str)
    ]
    if wrong:
        raise InvalidRequest(wrong)
