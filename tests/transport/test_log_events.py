"""Log events: what a record carries, and that the documentation lists them all."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from mpesa_cbp import log_events
from mpesa_cbp.log_events import EVENTS, LogEvent

ROOT = Path(__file__).resolve().parents[2]
LOGGER = logging.getLogger("mpesa_cbp.test")


def test_record_carries_the_event_and_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mpesa_cbp"):
        log_events.PAYMENT_ACCEPTED.log(LOGGER, conversation_id="600000_Acme_1", code="0", core_conversation_id=None)
    (record,) = caplog.records
    assert record.getMessage() == "payment.accepted conversation_id=600000_Acme_1 code=0"
    assert (record.__dict__["event"], record.__dict__["conversation_id"]) == ("payment.accepted", "600000_Acme_1")
    assert "core_conversation_id" not in record.__dict__
    assert record.filename == "test_log_events.py"


def test_value_cannot_forge_a_field_or_a_line(caplog: pytest.LogCaptureFixture) -> None:
    log_events.PAYMENT_REFUSED.log(LOGGER, conversation_id="x code=0\nERROR", code="1")
    assert caplog.records[0].getMessage() == r"payment.refused conversation_id='x code=0\nERROR' code=1"


def test_customers_number_is_masked_wherever_it_strays(caplog: pytest.LogCaptureFixture) -> None:
    log_events.PAYMENT_REFUSED.log(LOGGER, error="no such customer 254712345678")
    assert "254712345678" not in caplog.text
    assert "254712345678" not in str(caplog.records[0].__dict__)


def test_field_that_is_not_declared_is_an_error_of_the_caller() -> None:
    with pytest.raises(TypeError, match="has no field body"):
        log_events.PAYMENT_SENDING.log(LOGGER, body="x")


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_event_can_be_logged_with_all_its_fields(event: LogEvent, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mpesa_cbp"):
        event.log(LOGGER, **dict.fromkeys(event.fields, "x"))
    assert len(caplog.records) == 1


def test_documentation_lists_every_event_with_its_level_and_fields() -> None:
    rows = re.findall(r"^\| `([a-z._]+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/logging.md").read_text(), re.MULTILINE)
    documented = {name: (level, tuple(re.findall(r"`(\w+)`", fields))) for name, level, fields in rows}
    assert documented == {
        name: (logging.getLevelName(event.level).lower(), event.fields) for name, event in EVENTS.items()
    }
