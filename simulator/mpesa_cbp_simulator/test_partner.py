"""A client, a listener and a journal wired to the simulated broker."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from mpesa_cbp.client import Client
from mpesa_cbp.payment.model import Payment, PaymentState
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.listener import Listener, ListenerServer
from mpesa_cbp_service.notifications import C2BNotification, QueueTimeoutNotification, ResultNotification
from mpesa_cbp_simulator.timeline import StepLog

_TOKEN = "simulated-partner"
_ENDED = frozenset({PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.EXPIRED})


class Partner:
    """Us, as a user's program would be: everything that the simulator calls back arrives here.

    ``client``, ``listener`` and ``journal`` are there between ``start`` and ``stop``, or inside a ``with`` statement.
    Notifications of results, queue timeouts and customers' payments are put into ``notifications``, unless handlers of
    your own are registered with ``listener``. The journal is in memory, if ``settings`` name no other one.
    """

    client: Client
    journal: Journal
    listener: Listener

    def __init__(self, settings: Mapping[str, Any], log: StepLog) -> None:
        self._settings = dict(settings)
        self._log = log
        self._open = ExitStack()
        self.notifications: queue.Queue[ResultNotification | QueueTimeoutNotification | C2BNotification] = queue.Queue()
        self.urls: dict[str, str] = {}
        """Where the broker calls us: result, queue-timeout, validation, confirmation."""

    def __enter__(self) -> Partner:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a free loopback port, and make the client."""
        with ExitStack() as opened:
            journal = self._settings.pop("journal", None)
            self.journal = opened.enter_context(Journal("sqlite://")) if journal is None else journal
            self.listener = Listener(journal=self.journal, path_token=_TOKEN)
            self.listener.on_result(self.notifications.put)
            self.listener.on_queue_timeout(self.notifications.put)
            self.listener.on_c2b_validation(lambda _: None)
            self.listener.on_c2b_confirmation(self.notifications.put)
            server = opened.enter_context(ListenerServer(self.listener))
            names = ("result", "queue-timeout", "validation", "confirmation")
            self.urls = {name: f"{server.url}/{_TOKEN}/{name}" for name in names}
            own = {"result_url": self.urls["result"], "queue_timeout_url": self.urls["queue-timeout"]}
            client = Client(**{**own, **self._settings, "journal": self.journal})
            self.client = opened.enter_context(client)
            self._open = opened.pop_all()

    def stop(self) -> None:
        """Finish what is at hand and close everything; a second time does nothing."""
        self._open.close()

    @staticmethod
    def is_own_kind(url: str) -> bool:
        """Whether a URL is that of some partner of this kind, perhaps of one that is gone."""
        return f"/{_TOKEN}/" in url

    def register_urls(self) -> None:
        """Have customers' payments (C2B) validated and confirmed here."""
        self.client.register_urls(validation_url=self.urls["validation"], confirmation_url=self.urls["confirmation"])

    def wait_for_end(self, conversation_id: str, timeout: float = 10) -> Payment:
        """The payment once it has succeeded, failed or expired. Raises TimeoutError where it does not in time."""
        return self.wait_for_state(conversation_id, _ENDED, timeout)

    def wait_for_state(self, conversation_id: str, states: frozenset[PaymentState], timeout: float = 10) -> Payment:
        """The payment once it is in one of the states. Raises TimeoutError where it does not get there in time."""

        def reached() -> bool:
            payment = self.journal.payment(conversation_id)
            return payment is not None and payment.state in states

        # What the broker tells us is in the journal before the broker's own step 5.
        self._log.wait_until(reached, timeout)
        payment = self.journal.payment(conversation_id)
        if payment is None or payment.state not in states:
            at = "not known" if payment is None else payment.state.name
            raise TimeoutError(f"after {timeout:g} seconds the payment is {at}")
        return payment
