"""The simulated world put together: each part is made here, once, and knows only the parts that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mpesa_cbp.http import HttpTransport
from mpesa_cbp.simulator.broker import Broker
from mpesa_cbp.simulator.c2b import CustomerPayments
from mpesa_cbp.simulator.checks import CoreChecks
from mpesa_cbp.simulator.core import Core
from mpesa_cbp.simulator.database import Database
from mpesa_cbp.simulator.delivery import Courier
from mpesa_cbp.simulator.enquiries import Enquiries
from mpesa_cbp.simulator.ledger import Ledger
from mpesa_cbp.simulator.outbox import Outbox
from mpesa_cbp.simulator.records import Records
from mpesa_cbp.simulator.registry import Registry
from mpesa_cbp.simulator.scenario import Days, Scenario
from mpesa_cbp.simulator.schedule import Schedule
from mpesa_cbp.simulator.setup import Setup
from mpesa_cbp.simulator.story import StepLog
from mpesa_cbp.simulator.work import Work

_TIMEOUT = (2.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The parts that the page, the API and the SOAP endpoint use."""

    setup: Setup
    database: Database
    records: Records
    registry: Registry
    ledger: Ledger
    days: Days
    log: StepLog
    schedule: Schedule
    courier: Courier
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


def make_world(setup: Setup, scenario: Scenario, *, database: Path | None, log: StepLog) -> World:
    """Make all parts; nothing runs yet."""
    store = Database(database)
    records, registry = Records(store, setup, log.add), Registry(store)
    ledger = Ledger(store, setup)
    days = Days(scenario, seed=setup.seed, magic=setup.magic)
    schedule = Schedule()
    # Every delivery names its own URL; the endpoint is never used.
    http = HttpTransport("http://127.0.0.1:9/", timeout=_TIMEOUT, connect_retries=0)
    courier = Courier(http, records, Outbox(store), schedule, setup.timing)
    core = Core(CoreChecks(setup, ledger), ledger, records, registry, setup.clock)
    work = Work(store, core, courier, records, schedule, setup.timing)
    return World(
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
