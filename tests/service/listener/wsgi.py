"""The listener called as a WSGI server calls it."""

from __future__ import annotations

import io
from typing import Any

from mpesa_cbp import decode
from mpesa_cbp_service import Listener
from mpesa_cbp_service.listener import wsgi_application
from tests.service.listener.messages import TOKEN


def post(listener: Listener, body: bytes, **changes: str) -> tuple[str, bytes]:
    """Status line and body of the answer; ``changes`` are entries of the environment."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{TOKEN}/result",
        "CONTENT_TYPE": "text/xml; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.input": io.BytesIO(body),
        **changes,
    }
    status: list[str] = []
    answer = b"".join(wsgi_application(listener)(environ, lambda line, _: status.append(line)))  # type: ignore[arg-type]
    return status[0], answer


def code_of(answer: bytes) -> str:
    """The code in our answer, whichever kind of message was answered."""
    message = decode(answer).message
    found = getattr(message, "response_code", None) or getattr(message, "result_code", None)
    return str(found if found is not None else message.result.result_code)
