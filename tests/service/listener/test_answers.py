"""What the listener answers, byte for byte, and that the contract allows it (protocol, sections 5 and 10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpesa_cbp import decode
from mpesa_cbp_service import Journal, Listener
from tests.service.journal.damage import lose_table
from tests.service.listener.messages import TOKEN
from tests.service.listener.test_listener import CONFIRMATION, RESULT, TIMEOUT, VALIDATION
from tests.service.listener.wsgi import post

GOLDEN = Path(__file__).parent / "golden"

DELIVERIES = {"result": RESULT, "queue-timeout": TIMEOUT, "validation": VALIDATION, "confirmation": CONFIRMATION}


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "not-stored"])
@pytest.mark.parametrize("name", DELIVERIES)
def test_answer_is_the_golden_one_and_strictly_the_contract_s(tmp_path: Path, name: str, stored: bool) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)
        listener.on_c2b_validation(lambda _: None)
        if not stored:
            lose_table(tmp_path / "j.db", "mpesa_cbp_events")
        status, answer = post(listener, DELIVERIES[name])
    assert answer.decode() == (GOLDEN / f"{name}-{'stored' if stored else 'not-stored'}.xml").read_text()
    is_fault = name == "confirmation" and not stored
    assert status == ("500 Internal Server Error" if is_fault else "200 OK")
    decoded = decode(answer, strict=True)
    assert (decoded.fault is not None) is is_fault
    assert decoded.direction == (None if is_fault else "output")


def test_answer_to_what_cannot_be_read_is_the_golden_fault(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db") as journal:
        status, answer = post(Listener(journal=journal, path_token=TOKEN), b"<half")
    assert (status, answer.decode()) == ("500 Internal Server Error", (GOLDEN / "unreadable.xml").read_text())
