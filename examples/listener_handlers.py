"""Handlers for ``mpesa-cbp listen --handlers listener_handlers:register``, and for the web frameworks beside this file.

Each handler runs after its message was stored and acknowledged, at least once: make its work repeatable by event id.
"""

from __future__ import annotations

from mpesa_cbp_service import Listener
from mpesa_cbp_service.notifications import C2BNotification, QueueTimeoutNotification, ResultNotification

KNOWN_ACCOUNTS = {"INV-1", "INV-2"}


def register(listener: Listener) -> None:
    """Register what is to happen with each kind of message."""

    @listener.on_result
    def result(notification: ResultNotification) -> None:
        if not notification.final:
            return  # 43, say: the core waits for a confirmation
        outcome = "paid" if notification.succeeded else f"not paid ({notification.meaning.meaning})"
        print(f"event {notification.event_id}: {notification.conversation_id} {outcome}", flush=True)

    @listener.on_queue_timeout
    def queue_timeout(notification: QueueTimeoutNotification) -> None:
        print(f"event {notification.event_id}: {notification.conversation_id} expired unsent", flush=True)

    @listener.on_c2b_validation
    def validate(notification: C2BNotification) -> str | None:
        return None if notification.account_reference in KNOWN_ACCOUNTS else "C2B00012"

    @listener.on_c2b_confirmation
    def confirm(notification: C2BNotification) -> None:
        print(f"event {notification.event_id}: {notification.transaction_id} brought {notification.amount}", flush=True)

    @listener.on_contradiction
    def contradiction(notification: ResultNotification | QueueTimeoutNotification) -> None:
        print(f"event {notification.event_id}: {notification.conversation_id} contradicts what settled it", flush=True)
