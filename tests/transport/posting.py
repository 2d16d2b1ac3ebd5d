"""Posting to a broker that fails, with secrets in address and body that no error may show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mpesa_cbp.errors import CbpError
from mpesa_cbp.http import HttpTransport

CREDENTIAL = "c2VjcmV0LWNyZWRlbnRpYWw="
NUMBER = "254700000001"
BODY = f"<e><c>{CREDENTIAL}</c><n>{NUMBER}</n>".encode() + b" " * 300_000 + b"</e>"
XML_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
SECRETS = (CREDENTIAL, NUMBER, "planted-user", "planted-word", "planted-query")


def transport_to(
    endpoint: str,
    *,
    ca: Path | None = None,
    client_certificate: tuple[Path, Path] | None = None,
    timeout: tuple[float, float] = (5, 5),
    answer_deadline: float | None = None,
    connect_retries: int = 2,
    sleep: Callable[[float], None] = lambda _: None,
    max_answer_bytes: int = 1_000_000,
    trust_env: bool = False,
) -> HttpTransport:
    """To the endpoint, with a user, a password and a query in its URL that must never be shown."""
    secretive = endpoint.replace("://", "://planted-user:planted-word@") + "?token=planted-query"
    return HttpTransport(
        secretive,
        ca=ca,
        client_certificate=client_certificate,
        timeout=timeout,
        answer_deadline=answer_deadline,
        connect_retries=connect_retries,
        sleep=sleep,
        max_answer_bytes=max_answer_bytes,
        trust_env=trust_env,
    )


def failure_of(transport: HttpTransport) -> CbpError:
    with transport, pytest.raises(CbpError) as caught:
        transport.post(BODY, conversation_id="600000_Acme_1")
    assert caught.value.conversation_id == "600000_Acme_1"
    assert_shows_no_secret(caught.value)
    return caught.value


def assert_shows_no_secret(error: CbpError) -> None:
    shown = [str(error), repr(error)]
    assert error.__cause__ is None
    assert error.__context__ is None, "a chained error of urllib3 shows the URL"
    trace = error.__traceback__
    while trace is not None:
        if "mpesa_cbp" in Path(trace.tb_frame.f_code.co_filename).parts:
            shown += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
        trace = trace.tb_next
    assert len(shown) > 2
    for secret in SECRETS:
        assert secret not in "\n".join(shown)
