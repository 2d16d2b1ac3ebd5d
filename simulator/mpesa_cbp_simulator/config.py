"""The participants and timing of the simulated world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mpesa_cbp.identity.profile import Secret, ServiceProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A user of an organisation at the operator: the initiator of requests (protocol, section 4).

    ``commands`` are the CommandIDs that this user may order; None allows all.
    """

    name: str
    password: Secret = field(repr=False)
    short_code: str
    commands: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation with its accounts, in KES. One that is not ``active`` may not initiate, pay or receive."""

    short_code: str
    name: str
    working: Decimal = Decimal("1000000.00")
    utility: Decimal = Decimal("1000000.00")
    charges_paid: Decimal = Decimal("0.00")
    minimum_balance: Decimal = Decimal("0.00")
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer. Unregistered ones can be paid by promotion and salary payments only, and have no name."""

    msisdn: str = field(repr=False)
    name: str = field(default="", repr=False)
    balance: Decimal = Decimal("0.00")
    registered: bool = True
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take, in seconds.

    ``result_delay``: from the answer to the core's work and its result; ``late_delay``: the same on a late day;
    ``slow_delay``: how long a slow answer keeps the caller; ``cache_time``: how long a request stays in the broker's
    cache; ``retry_delay``: between deliveries of one result, which are ``attempts`` at most.
    """

    result_delay: float = 0.5
    late_delay: float = 10.0
    slow_delay: float = 45.0
    cache_time: float = 3.0
    retry_delay: float = 1.0
    attempts: int = 5

    def __post_init__(self) -> None:
        delays = (self.result_delay, self.late_delay, self.slow_delay, self.cache_time, self.retry_delay)
        if not all(0 <= delay <= 86_400 for delay in delays) or not 1 <= self.attempts <= 100:
            raise ValueError("delays must be 0 to 86400 seconds, and attempts 1 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a customer may be paid, in KES: a transaction (registered or not), a day, and the balance."""

    minimum: Decimal = Decimal(10)
    maximum: Decimal
    unregistered_minimum: Decimal = Decimal(101)
    unregistered_maximum: Decimal = Decimal(35_000)
    daily: Decimal
    balance: Decimal


LIMITS = {
    "2014": Limits(maximum=Decimal(70_000), daily=Decimal(140_000), balance=Decimal(100_000)),
    "today": Limits(maximum=Decimal(250_000), daily=Decimal(500_000), balance=Decimal(500_000)),
}
"""The figures of the specification and those of recent years (protocol, section 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The whole world at its beginning.

    ``time_stamp_tolerance`` is how many seconds the signing header's timeStamp may be off, read as UTC or as Nairobi
    time. ``strict`` refuses requests that depart from the contract in any way. ``magic`` switches the magic amounts
    and numbers. ``any_customer`` makes a registered customer of each well-formed number when it first appears.
    ``limits`` are one of ``LIMITS`` or figures of your own. After ``attempts_before_lock`` wrong passwords in a row an
    operator's credential is locked. ``new_password_key`` and ``new_password_vector`` are for changePassword (protocol,
    section 9).
    """

    service_provider: ServiceProvider
    operators: tuple[Operator, ...]
    organisations: tuple[Organisation, ...]
    customers: tuple[Customer, ...]
    clock: Callable[[], datetime]
    private_key: bytes = field(repr=False)
    seed: int | None = None
    timing: Timing = field(default_factory=Timing)
    time_stamp_tolerance: float = 600
    strict: bool = False
    magic: bool = True
    any_customer: bool = True
    limits: Limits = LIMITS["2014"]
    attempts_before_lock: int = 3
    new_password_key: str = field(default="simulators-aes-k", repr=False)
    new_password_vector: str = field(default="simulators-aes-v", repr=False)


DEFAULT_SERVICE_PROVIDER = ServiceProvider(id="107031", password="simulator-sp-secret", service_id="107031000")
DEFAULT_OPERATORS = (Operator(name="api", password="simulator-initiator-secret", short_code="600000"),)
DEFAULT_ORGANISATIONS = (
    Organisation(short_code="600000", name="Acme"),
    Organisation(short_code="888888", name="Wholesale"),
)
DEFAULT_CUSTOMERS = (
    Customer(msisdn="254700000000", name="Jane Doe"),
    Customer(msisdn="254700000001", registered=False),
    Customer(msisdn="254700000002", name="Frozen Account", active=False),
    Customer(msisdn="254700000003", name="Nearly Full", balance=Decimal("99995.00")),
)
