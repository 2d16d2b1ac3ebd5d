"""The partner behind the page's buttons."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from decimal import Decimal

from mpesa_cbp.errors import CbpError
from mpesa_cbp.payment.model import Payment
from mpesa_cbp_simulator.c2b import CustomerPayment
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.test_partner import Partner

_log = logging.getLogger(__name__)
_PATIENCE = 10.0


class DemoPartner:
    """Starts a partner when it is first needed."""

    def __init__(self, world: Context, make_partner: Callable[[], Partner]) -> None:
        self._world = world
        self._make = make_partner
        self._partner: Partner | None = None
        self._lock = threading.Lock()
        self._payers: list[threading.Thread] = []

    def _started(self) -> Partner:
        with self._lock:
            if self._partner is None:
                partner = self._make()
                partner.start()
                self._partner = partner
            return self._partner

    def pay(self, msisdn: str, amount: Decimal) -> int:
        """Pay a customer; returns the number under which the broker has the request, without waiting for its answer.

        Raises ValueError where the request did not arrive.
        """
        partner = self._started()
        conversation_id = f"{self._world.setup.operators[0].short_code}_page_{uuid.uuid4().hex}"

        def run() -> None:
            try:
                partner.client.pay_customer(msisdn, amount, remark="From the page", conversation_id=conversation_id)
            except CbpError as error:
                # Told by the payment's page: the journal has it.
                _log.info("the demo partner's payment ended in %s", type(error).__name__)
            finally:
                # The broker's last step was before the answer reached us, and so before our journal had it.
                self._world.log.changed()

        thread = threading.Thread(target=run, name="simulator-demo-payment", daemon=True)
        self._payers = [each for each in self._payers if each.is_alive()] + [thread]
        thread.start()
        records = self._world.records
        if not self._world.log.wait_until(lambda: bool(records.find(conversation_id=conversation_id)), _PATIENCE):
            raise ValueError("the request did not arrive at the broker; the simulator's log tells why")
        return records.find(conversation_id=conversation_id)[-1].number

    def receive(self, payment: CustomerPayment) -> int:
        """Let a customer pay in, having registered this partner's own URLs where nobody has any. Raises ValueError."""
        registry = self._world.registry
        registration = registry.registration(payment.short_code)
        partner = self._started()
        # Those of a demo partner that ended with an earlier run are nobody's any more.
        stale = registration is not None and partner.is_own_kind(registration.confirmation)
        if registration is None or (stale and registration.confirmation != partner.urls["confirmation"]):
            partner.register_urls()
            own = partner.urls["confirmation"]

            def registered() -> bool:
                found = registry.registration(payment.short_code)
                return found is not None and found.confirmation == own

            self._world.log.wait_until(registered, _PATIENCE)
        return self._world.customer_payments.start(payment).number

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment in this partner's journal, if it is one of its own."""
        with self._lock:
            partner = self._partner
        return None if partner is None else partner.journal.payment(conversation_id)

    def stop(self) -> None:
        """End it; a payment that is under way is given a moment."""
        with self._lock:
            partner, self._partner = self._partner, None
        if partner is not None:
            for thread in self._payers:
                thread.join(1)
            partner.stop()
