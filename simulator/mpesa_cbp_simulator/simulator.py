"""``Simulator``: the broker and the core in this process, on a loopback port, ready for a client."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.profile import Initiator, ServiceProvider
from mpesa_cbp.parsing import parse_amount
from mpesa_cbp_simulator.application import ENDPOINT, Application
from mpesa_cbp_simulator.c2b import CustomerPayment
from mpesa_cbp_simulator.config import (
    DEFAULT_CUSTOMERS,
    DEFAULT_OPERATORS,
    DEFAULT_ORGANISATIONS,
    DEFAULT_SERVICE_PROVIDER,
    LIMITS,
    Customer,
    Limits,
    Operator,
    Organisation,
    Setup,
    Timing,
)
from mpesa_cbp_simulator.context import Context, make_world
from mpesa_cbp_simulator.faults import BadDay
from mpesa_cbp_simulator.keys import prepare_key_pair
from mpesa_cbp_simulator.ledger import Transfer
from mpesa_cbp_simulator.scenario import Scenario
from mpesa_cbp_simulator.server import Server
from mpesa_cbp_simulator.store import Conversation
from mpesa_cbp_simulator.test_partner import Partner
from mpesa_cbp_simulator.timeline import StepHook, StepLog, TimelineEntry
from mpesa_cbp_simulator.web.demo_partner import DemoPartner

_DATABASE_NAME = "simulator.db"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What there is while it runs."""

    certificate: Path
    world: Context
    application: Application
    server: Server
    demo_partner: DemoPartner


def _timing(scenario: Scenario, timing: Timing, result_delay: float | None) -> Timing:
    """The times of the scenario where it names them, then ``timing``; ``result_delay`` goes before both."""
    try:
        timing = scenario.timing_over(timing)
        return timing if result_delay is None else replace(timing, result_delay=result_delay)
    except ValueError as error:
        raise SettingsError(str(error)) from None


class Simulator:
    """A broker to develop and test against; ``start`` and ``stop`` it, or use it in a ``with`` statement.

    ``host`` and ``port`` say where it listens (port 0: any free one). ``directory`` keeps its key pair and its state
    (SQLite) for the next time; without one both vanish with it. ``service_provider``, ``operators``,
    ``organisations`` and ``customers`` are who it knows. ``clock`` gives aware datetimes. ``seed`` makes ids, receipts
    and chances the same in every run. ``result_delay`` is the time in seconds from the answer to the result,
    ``timing`` has that and the others. ``scenario`` is a bad day's name, a TOML file or a ``Scenario``. ``magic``
    switches magic amounts and numbers. ``strict`` refuses requests that depart from the contract in any way.
    ``limits`` are one of ``LIMITS``; ``attempts_before_lock`` wrong passwords lock a credential. ``on_step`` is
    called for each step. ``allow_hosts`` are further names under which page and API may be reached.

    Raises SettingsError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        directory: Path | str | None = None,
        service_provider: ServiceProvider = DEFAULT_SERVICE_PROVIDER,
        operators: Iterable[Operator] = DEFAULT_OPERATORS,
        organisations: Iterable[Organisation] = DEFAULT_ORGANISATIONS,
        customers: Iterable[Customer] = DEFAULT_CUSTOMERS,
        clock: Callable[[], datetime] = _now,
        seed: int | None = None,
        result_delay: float | None = None,
        timing: Timing | None = None,
        scenario: Scenario | Path | str | None = None,
        magic: bool = True,
        strict: bool = False,
        any_customer: bool = True,
        time_stamp_tolerance: float = 600,
        limits: Limits = LIMITS["2014"],
        attempts_before_lock: int = 3,
        on_step: StepHook | None = None,
        allow_hosts: Iterable[str] = (),
    ) -> None:
        self._host, self._port, self._allow_hosts = host, port, tuple(allow_hosts)
        self._directory = Path(directory) if directory is not None else None
        self._scenario = Scenario.of(scenario)
        self._log = StepLog(on_step)
        self._setup = Setup(
            service_provider=service_provider,
            operators=tuple(operators),
            organisations=tuple(organisations),
            customers=tuple(customers),
            clock=clock,
            private_key=b"",
            seed=seed if seed is not None else self._scenario.seed,
            timing=_timing(self._scenario, timing or Timing(), result_delay),
            magic=magic if self._scenario.magic is None else self._scenario.magic,
            strict=strict,
            any_customer=any_customer,
            time_stamp_tolerance=time_stamp_tolerance,
            limits=limits,
            attempts_before_lock=attempts_before_lock,
        )
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._parts: _Parts | None = None

    def __repr__(self) -> str:
        return f"Simulator({self.url!r})" if self._parts is not None else "Simulator(not started)"

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make or read the key pair, listen, and go on with what was open. Raises SettingsError."""
        if self._parts is not None:
            raise SettingsError("the simulator is running already")
        directory = self._directory
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="mpesa-cbp-simulator-")
            directory = Path(self._temporary.name)
        world: Context | None = None
        try:
            certificate, private_key = prepare_key_pair(directory, self._setup.clock())
            database = None if self._directory is None else directory / _DATABASE_NAME
            setup = replace(self._setup, private_key=private_key)
            world = make_world(setup, self._scenario, database=database, log=self._log)
            demo_partner = DemoPartner(world, self.partner)
            application = Application(world, host=self._host, partner=demo_partner, allow_hosts=self._allow_hosts)
            server = Server(application, host=self._host, port=self._port)
        except SettingsError:
            if world is not None:
                world.close()
            self._forget_directory()
            raise
        self._parts = _Parts(certificate, world, application, server, demo_partner)
        world.start()
        server.start()

    def stop(self) -> None:
        """Finish the requests at hand, drop what is planned, close everything; a second time does nothing."""
        parts, self._parts = self._parts, None
        if parts is None:
            return
        parts.application.hurry()
        parts.server.stop(parts.application.busy)
        parts.demo_partner.stop()
        parts.world.close()
        self._forget_directory()

    def _running(self) -> _Parts:
        if self._parts is None:
            raise SettingsError("the simulator is not running")
        return self._parts

    def _forget_directory(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    # -- for the client -----------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._host

    @property
    def url(self) -> str:
        """The endpoint that partners post to."""
        return f"{self._running().server.url}{ENDPOINT}"

    @property
    def certificate(self) -> Path:
        """The password certificate (PEM) under which a client encrypts the initiator's password."""
        return self._running().certificate

    @property
    def new_password_key(self) -> str:
        """The AES key for changePassword."""
        return self._setup.new_password_key

    @property
    def new_password_vector(self) -> str:
        """The AES vector for changePassword."""
        return self._setup.new_password_vector

    def client_settings(self) -> dict[str, Any]:
        """Keyword arguments with which ``Client`` can talk to this simulator as its first operator."""
        operator = self._setup.operators[0]
        organisation = next(
            (each.name for each in self._setup.organisations if each.short_code == operator.short_code), "Acme"
        )
        return {
            "endpoint": self.url,
            "service_provider": self._setup.service_provider,
            "initiator": Initiator(
                name=operator.name,
                password=operator.password,
                short_code=operator.short_code,
                certificate=self.certificate,
            ),
            "organisation": organisation,
        }

    def partner(self, **settings: Any) -> Partner:
        """A client, a listener and a journal that are wired to this simulator, to be used in a ``with`` statement.

        ``settings`` are keyword arguments of ``Client`` in place of those of ``client_settings``.
        """
        return Partner({**self.client_settings(), **settings}, self._log)

    # -- for tests and people -----------------------------------------------------------------------------------

    @property
    def world(self) -> Context:
        """The parts inside, for tests that look closer."""
        return self._running().world

    @property
    def steps(self) -> tuple[TimelineEntry, ...]:
        """The latest steps of all conversations, oldest first; ten thousand are kept."""
        return self._log.steps

    def wait_for(self, wanted: Callable[[TimelineEntry], bool], timeout: float = 10) -> TimelineEntry:
        """The first step, past or to come, of which ``wanted`` is true. Raises TimeoutError."""
        return self._log.wait_for(wanted, timeout)

    def settle(self, timeout: float = 10) -> None:
        """Wait until nothing is planned any more. Raises TimeoutError."""
        if not self.world.schedule.idle(timeout):
            raise TimeoutError("the simulator still has something to do")

    def advance(self, seconds: float, timeout: float = 60) -> None:
        """Put the schedule's time forward and do what falls due on the way: late results come at once.

        The clock by which timeStamp is judged stays as it is, since the clients' own clocks do too: after an hour put
        forward every request of theirs would be refused as stale. To see that, give ``clock``.

        Raises TimeoutError where it takes longer than ``timeout`` seconds, ValueError for a time that does not lie
        ahead.
        """
        if not 0 <= seconds <= 366 * 86_400:
            raise ValueError("seconds must be between 0 and those of a year")
        if not self.world.schedule.advance(seconds, timeout):
            raise TimeoutError("the simulator still has something to do")

    def choose(self, bad_day: BadDay | str, times: int = 1) -> None:
        """Give the next requests this bad day. Raises ValueError for a name that is none."""
        self.world.days.choose(BadDay.parse(bad_day) if isinstance(bad_day, str) else bad_day, times)

    def pay_in(
        self, msisdn: str, amount: Decimal | int | str, *, short_code: str | None = None, reference: str = ""
    ) -> Conversation:
        """Let a customer pay the organisation (C2B). Raises ValueError where that cannot be."""
        payee = short_code or self._setup.organisations[0].short_code
        payment = CustomerPayment(short_code=payee, msisdn=msisdn, amount=parse_amount(amount), reference=reference)
        return self.world.customer_payments.start(payment)

    def conversations(self) -> list[Conversation]:
        """The latest hundred conversations, newest first."""
        return self.world.records.latest(100)

    def transfers(self, conversation_id: str | None = None) -> list[Transfer]:
        """All money that has moved, oldest first, or what has moved for one conversation id: at most once each."""
        return self.world.ledger.transfers(conversation_id=conversation_id)

    def reset(self) -> None:
        """Forget everything: opening balances, nothing planned, chosen or registered."""
        self.world.reset()
