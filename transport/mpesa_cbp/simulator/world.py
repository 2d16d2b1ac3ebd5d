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
from mpesa_cbp.simulator.records import Records
from mpesa_cbp.simulator.scenario import Days, Scenario
from mpesa_cbp.simulator.schedule import Schedule
from mpesa_cbp.simulator.setup import Setup
from mpesa_cbp.simulator.story import StepHook
from mpesa_cbp.simulator.work import Work

_TIMEOUT = (2.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The parts that the page, the API and the SOAP endpoint use."""

    setup: Setup
    database: Database
    records: Records
    ledger: Ledger
    days: Days
    schedule: Schedule
    work: Work
    broker: Broker
    customer_payments: CustomerPayments
    http: HttpTransport

    def close(self) -> None:
        """Drop what is planned, close connections and database."""
        self.schedule.stop()
        self.http.close()
        self.database.close()


def make_world(setup: Setup, scenario: Scenario, *, database: Path | None, on_step: StepHook | None) -> World:
    """Make all parts; nothing runs yet."""
    store = Database(database)
    records = Records(store, setup, on_step)
    ledger = Ledger(store, setup)
    days = Days(scenario, seed=setup.seed, magic=setup.magic)
    schedule = Schedule()
    # Every delivery names its own URL; the endpoint is never used.
    http = HttpTransport("http://127.0.0.1:9/", timeout=_TIMEOUT, connect_retries=0)
    courier = Courier(http, records, schedule, setup.timing)
    core = Core(CoreChecks(setup, ledger), ledger, records, setup.clock)
    work = Work(core, courier, records, schedule, setup.timing)
    enquiries = Enquiries(setup, records)
    return World(
        setup=setup,
        database=store,
        records=records,
        ledger=ledger,
        days=days,
        schedule=schedule,
        work=work,
        broker=Broker(setup, records, days, work, enquiries),
        customer_payments=CustomerPayments(setup, ledger, records, courier, schedule, days),
        http=http,
    )
