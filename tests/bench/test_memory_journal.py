"""The journal in memory that is measured does what the listener needs of one: it is no empty shell."""

from __future__ import annotations

import queue
from datetime import timedelta

from bench.memory_journal import MemoryJournal

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import Handling, InboundMessage
from mpesa_cbp_service.listener import Listener
from mpesa_cbp_service.notifications import ResultNotification
from tests.service.listener.messages import TOKEN, result
from tests.service.listener.wsgi import code_of, post


def test_each_result_is_stored_once_and_handled_once() -> None:
    listener = Listener(journal=MemoryJournal(), path_token=TOKEN)
    seen: queue.Queue[str | None] = queue.Queue()

    @listener.on_result
    def handle(notification: ResultNotification) -> None:
        seen.put(notification.conversation_id)

    names = [f"600000_{number}" for number in range(120)]
    codes = {code_of(post(listener, result(name))[1]) for name in [*names, *names]}
    listener.start()
    handled = [seen.get(timeout=30) for _ in names]
    listener.stop()

    assert codes == {"00000000"}
    assert handled == names
    assert seen.empty()


def test_event_is_lent_to_one_until_it_is_released_or_has_failed() -> None:
    journal = MemoryJournal()
    journal.receive_all([InboundMessage(kind=EventKind.RESULT, identity="i", code="0", body=b"<result/>")])
    lease = timedelta(minutes=1)

    assert [event.attempts for event in journal.claim(limit=5, lease=lease)] == [1]
    assert journal.claim(limit=5, lease=lease) == []
    journal.release(1)
    assert [event.attempts for event in journal.claim(limit=5, lease=lease)] == [1]
    journal.failed(1, error="ValueError", retry_at=None)
    assert journal.claim(limit=5, lease=lease) == []
    event = journal.event(1)
    assert event is not None
    assert event.handling is Handling.DEAD
