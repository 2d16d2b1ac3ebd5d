"""Put the parts of the simulator together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mpesa_cbp.http import HttpTransport
from mpesa_cbp_simulator.broker import Broker
from mpesa_cbp_simulator.c2b import CustomerPayments
from mpesa_cbp_simulator.checks import CoreChecks
from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.core import Core
from mpesa_cbp_simulator.database import Database
from mpesa_cbp_simulator.delivery import CallbackSender
from mpesa_cbp_simulator.enquiries import Enquiries
from mpesa_cbp_simulator.ledger import Ledger
from mpesa_cbp_simulator.outbox import Outbox
from mpesa_cbp_simulator.processing import Work
from mpesa_cbp_simulator.runtime_settings import Registry
from mpesa_cbp_simulator.scenario import FaultPlan, Scenario
from mpesa_cbp_simulator.scheduler import Schedule
from mpesa_cbp_simulator.store import Records
from mpesa_cbp_simulator.timeline import StepLog

_TIMEOUT = (2.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts that the page, the API and the SOAP endpoint use."""

    setup: Setup
    database: Database
    records: Records
    registry: Registry
    ledger: Ledger
    days: FaultPlan
    log: StepLog
    schedule: Schedule
    courier: CallbackSender
    work: Work
    broker: Broker
    customer_payments: CustomerPayments
    http: HttpTransport

    def start(self) -> None:
        """Go on with what was open when the simulator was stopped."""
        for conversation in self.records.open_ones():
            if conversation.kind == "C2B":
                self.customer_payments.resume(conversation)
            else:
                self.work.resume(conversation)
        self.courier.resume()
        self.schedule.start()

    def reset(self) -> None:
        """Begin anew, as on the first start: no conversations, opening balances, nothing planned or registered."""
        self.schedule.clear()
        with self.database.transaction():
            self.database.clear()
            self.ledger.open_accounts()
        self.days.forget()
        self.log.forget()

    def close(self) -> None:
        """Drop what is planned, close connections and database."""
        self.schedule.stop()
        self.http.close()
        self.database.close()


def make_world(setup: Setup, scenario: Scenario, *, database: Path | None, log: StepLog) -> Context:
    """Make all parts; nothing runs yet."""
    store = Database(database)
    records, registry = Records(store, setup, log.add), Registry(store)
    ledger = Ledger(store, setup)
    days = FaultPlan(scenario, seed=setup.seed, magic=setup.magic)
    schedule = Schedule()
    # Every delivery names its own URL; the endpoint is never used.
    http = HttpTransport("http://127.0.0.1:9/", timeout=_TIMEOUT, connect_retries=0)
    courier = CallbackSender(http, records, Outbox(store), schedule, setup.timing)
    core = Core(CoreChecks(setup, ledger, registry), ledger, records, registry, setup)
    work = Work(store, core, courier, records, schedule, setup.timing)
    return Context(
        setup=setup,
        database=store,
        records=records,
        registry=registry,
        ledger=ledger,
        days=days,
        log=log,
        schedule=schedule,
        courier=courier,
        work=work,
        broker=Broker(setup, records, registry, days, work, Enquiries(setup, records, registry)),
        customer_payments=CustomerPayments(setup, store, ledger, records, registry, courier, schedule, days),
        http=http,
    )
