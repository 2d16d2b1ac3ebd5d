"""Handlers for ``mpesa-cbp listen --handlers listener_handlers:register``, and for the web frameworks beside this file.

Each handler runs after its message was stored and acknowledged, at least once: make its work repeatable by event id.
"""

from __future__ import annotations

from mpesa_cbp import Listener
from mpesa_cbp.notices import C2BNotice, QueueTimeoutNotice, ResultNotice

KNOWN_ACCOUNTS = {"INV-1", "INV-2"}


def register(listener: Listener) -> None:
    """Register what is to happen with each kind of message."""

    @listener.on_result
    def result(notice: ResultNotice) -> None:
        if not notice.final:
            return  # 43, say: the core waits for a confirmation
        outcome = "paid" if notice.succeeded else f"not paid ({notice.meaning.meaning})"
        print(f"event {notice.event_id}: {notice.conversation_id} {outcome}", flush=True)

    @listener.on_queue_timeout
    def queue_timeout(notice: QueueTimeoutNotice) -> None:
        print(f"event {notice.event_id}: {notice.conversation_id} expired unsent", flush=True)

    @listener.on_c2b_validation
    def validate(notice: C2BNotice) -> str | None:
        return None if notice.account_reference in KNOWN_ACCOUNTS else "C2B00012"

    @listener.on_c2b_confirmation
    def confirm(notice: C2BNotice) -> None:
        print(f"event {notice.event_id}: {notice.transaction_id} brought {notice.amount}", flush=True)

    @listener.on_contradiction
    def contradiction(notice: ResultNotice | QueueTimeoutNotice) -> None:
        print(f"event {notice.event_id}: {notice.conversation_id} contradicts what settled it", flush=True)
