"""The checks of broker and core, each giving a code or None.

The broker answers at once, with a ResponseCode; the core's refusals come as results, with a ResultCode (protocol,
section 5). Where the sources leave the order of checks open, docs/simulator.md states ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mpesa_cbp.commands.table import REGISTER_URL, REVERSED_RECEIPT, TRANSACTION_REVERSAL, Receiver
from mpesa_cbp.identity.profile import NAIROBI, reveal
from mpesa_cbp.identity.security import SecurityError, SpPasswordReading, decryption_key, sp_password
from mpesa_cbp.payment.codes import response_meaning
from mpesa_cbp_models import IdentifierType, InvalidValue, Request, RequestSOAPHeader
from mpesa_cbp_models.request import PrimaryParty, ReceiverParty
from mpesa_cbp_simulator.config import Operator, Setup
from mpesa_cbp_simulator.ledger import Ledger
from mpesa_cbp_simulator.parsed_request import ParsedRequest
from mpesa_cbp_simulator.runtime_settings import Registry


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code and why, in a sentence that repeats no value of the request."""

    code: str
    why: str

    @property
    def described(self) -> str:
        """What a refusal by the broker says: the ResponseCode's meaning, and why."""
        return f"{response_meaning(self.code).meaning.rstrip('.')}: {self.why}."


def check_header(
    header: RequestSOAPHeader | None, *, setup: Setup, password: str | None, now: datetime
) -> Refusal | None:
    """The signing header (protocol, section 2): all three readings of spPassword are taken."""
    if header is None or not header.sp_id:
        return Refusal("100000014", "the signing header or its spId is missing")
    provider = setup.service_provider
    if header.sp_id != provider.id:
        return Refusal("100000022", "the spId is not known")
    if provider.service_id and header.service_id and header.service_id != provider.service_id:
        return Refusal("100000008", "the serviceId is not known")
    return check_signature(header.sp_password, header.time_stamp, setup=setup, password=password, now=now)


def check_signature(
    signed: str | None, time_stamp: str | None, *, setup: Setup, password: str | None, now: datetime
) -> Refusal | None:
    """spPassword and timeStamp, of the header or of changePassword; ``password`` None asks for neither."""
    if password is None:
        return None
    if not signed or not time_stamp:
        return Refusal("100000014", "spPassword or timeStamp is missing")
    expected: list[bytes] = []
    try:
        for reading in SpPasswordReading:
            text = sp_password(
                sp_id=setup.service_provider.id, password=password, time_stamp=time_stamp, reading=reading
            )
            expected.append(text.encode())
        written = datetime.strptime(time_stamp, "%Y%m%d%H%M%S")
    except (SecurityError, ValueError):
        return Refusal("100000007", "timeStamp is not of the form yyyyMMddHHmmss")
    # The specification says UTC, partners also send Nairobi time; either is taken.
    age = min(abs((now - written.replace(tzinfo=zone)).total_seconds()) for zone in (UTC, NAIROBI))
    if age > setup.time_stamp_tolerance:
        return Refusal("100000007", "timeStamp is too far from the broker's clock")
    if not any(hmac.compare_digest(each, signed.encode("utf-8", "replace")) for each in expected):
        return Refusal("100000007", "spPassword is wrong in each of its three readings")
    return None


def check_schema(request: Request) -> Refusal | None:
    """What the schema says that reading alone has not found out."""
    try:
        request.validate()
    except InvalidValue as error:
        # Field clients leave Timestamp out, and the broker is seen to take that (wire samples).
        problems = [each for each in error.problems if "/Timestamp" not in each or request.transaction.timestamp]
        if problems:
            paths = ", ".join(problem.split(":")[0] for problem in problems)
            return Refusal("23", f"the request does not follow the schema at {paths}")
    return None


REGISTRATION = "/mminterface/registerURL"
"""Where RegisterURL is posted, and nothing else (protocol, section 12)."""


def check_path(url: str, order: ParsedRequest) -> Refusal | None:
    """RegisterURL has a path of its own."""
    if (order.command_id == REGISTER_URL) == url.endswith(REGISTRATION):
        return None
    return Refusal("100000013", f"{order.command_id} is not posted to this path")


def check_parameters(order: ParsedRequest) -> Refusal | None:
    """The values without which a command makes no sense; those of unknown commands are not looked at."""
    if not order.conversation_id.strip():
        return Refusal("24", "OriginatorConversationID is blank")
    if order.command is None:
        return None
    needed = ["Amount"] if order.command.amount else []
    needed += ["AccountReference"] if order.command.account_reference == "required" else []
    needed += _NEEDED.get(order.command.id, [])
    missing = [key for key in needed if not order.value(key)]
    missing += [key for key, _ in order.command.parameters if key not in dict(order.parameters)]
    if missing:
        return Refusal("24", f"the parameter {missing[0]} is missing")
    if order.command.amount and order.amount is None:
        return Refusal("25", "Amount is not an amount")
    if not order.command.amount and order.value("Amount"):
        return Refusal("25", f"{order.command.id} takes no Amount")
    identity = order.request.identity
    if not order.command.primary and (identity.primary_party or identity.receiver_party):
        return Refusal("25", f"{order.command.id} takes no parties")
    if order.command.id == REGISTER_URL and order.value("ResponseType") not in {"Completed", "Cancelled"}:
        return Refusal("25", "ResponseType must be Completed or Cancelled")
    return None


_NEEDED = {
    REGISTER_URL: ["ResponseType", "ConfirmationURL"],
    TRANSACTION_REVERSAL: [REVERSED_RECEIPT],
}


class CoreChecks:
    """The core's checks, in their order; each gives a ResultCode or None."""

    def __init__(self, setup: Setup, ledger: Ledger, registry: Registry) -> None:
        self._setup = setup
        self._registry = registry
        self._key = decryption_key(setup.private_key)
        self._ledger = ledger
        self._operators = {(each.name, each.short_code): each for each in setup.operators}

    def refusal(self, order: ParsedRequest) -> Refusal | None:
        """The first thing that stands against the order, money aside."""
        steps: tuple[Callable[[ParsedRequest], Refusal | None], ...] = (
            self._command,
            self._initiator,
            self._primary,
            self._receiver,
            self._once,
        )
        return next((found for found in (check(order) for check in steps) if found is not None), None)

    def _command(self, order: ParsedRequest) -> Refusal | None:
        if not order.command_id.strip():
            return Refusal("37", "CommandID is blank")
        return None if order.command is not None else Refusal("29", "the CommandID is not known")

    def _initiator(self, order: ParsedRequest) -> Refusal | None:
        initiator = order.request.identity.initiator
        if not initiator.identifier.strip():
            # RegisterURL is published with a blank initiator.
            return None if order.command_id == REGISTER_URL else Refusal("31", "the initiator is blank")
        if initiator.identifier_type is not IdentifierType.OrganizationOperatorUserName:
            return Refusal("32", "the initiator's IdentifierType must be 11")
        operator = self._operators.get((initiator.identifier, initiator.short_code or order.short_code))
        if operator is None:
            return Refusal("20", "the initiator is not known under this short code")
        refusal = self._credential(operator, initiator.security_credential)
        if refusal is not None:
            return refusal
        organisation = self._ledger.organisation(operator.short_code)
        if organisation is None or not organisation.active:
            return Refusal("50", "the initiator's organisation is not active")
        if operator.commands is not None and order.command_id not in operator.commands:
            return Refusal("28", "the initiator may not order this command")
        return None

    def _credential(self, operator: Operator, credential: str) -> Refusal | None:
        """Wrong passwords in a row lock the credential, which the right one does not open (protocol, section 5)."""
        name = f"wrong-passwords:{operator.short_code}:{operator.name}"
        wrong = int(self._registry.setting(name) or 0)
        if wrong >= self._setup.attempts_before_lock:
            return Refusal("8006", "the security credential is locked")
        fits = self._credential_fits(operator, credential)
        now = 0 if fits else wrong + 1
        if now != wrong:
            self._registry.set(name, str(now))
        return None if fits else Refusal("2001", "the initiator information is invalid")

    def _credential_fits(self, operator: Operator, credential: str) -> bool:
        try:
            found = self._key.decrypt(credential)
        except SecurityError:
            return False
        return hmac.compare_digest(found.encode(), reveal(operator.password).encode())

    def _primary(self, order: ParsedRequest) -> Refusal | None:
        party = order.request.identity.primary_party
        if order.command is None or not order.command.primary:
            return None
        if party is None:
            return Refusal("33", "PrimaryParty is missing")
        if order.command_id != REGISTER_URL and not _is_organisation(party):
            return Refusal("34", "PrimaryParty must be a short code of IdentifierType 4")
        organisation = self._ledger.organisation(order.short_code)
        if organisation is None:
            return Refusal("6", "the primary party is not known")
        if order.request.identity.initiator.short_code not in {None, "", order.short_code}:
            return Refusal("21", "the initiator belongs to another organisation than the primary party")
        return None if organisation.active else Refusal("11", "the account to be debited is not active")

    def _receiver(self, order: ParsedRequest) -> Refusal | None:
        party = order.request.identity.receiver_party
        kind = order.command.receiver if order.command is not None else Receiver.NONE
        if kind is Receiver.NONE:
            return None
        if party is None:
            return Refusal("35", "ReceiverParty is missing")
        if kind is Receiver.CUSTOMER:
            return self._customer(order, party)
        if not (_is_organisation(party) or _is_till(order, party)):
            return Refusal("36", "ReceiverParty must be a short code of IdentifierType 4")
        if kind is Receiver.OWN and order.receiver != order.short_code:
            return Refusal("22", "the receiver must be the primary party itself")
        organisation = self._ledger.organisation(order.receiver)
        if organisation is None:
            return Refusal("7", "the receiver is not known")
        return None if organisation.active else Refusal("12", "the account to be credited is not active")

    def _customer(self, order: ParsedRequest, party: ReceiverParty) -> Refusal | None:
        number = order.receiver
        if party.identifier_type is not IdentifierType.MSISDN or not (number.isascii() and number.isdigit()):
            return Refusal("36", "ReceiverParty must be an MSISDN of IdentifierType 1")
        customer = self._ledger.customer(number)
        if customer is None:
            return Refusal("7", "the receiver is not known")
        if not customer.registered and order.command_id not in {"PromotionPayment", "SalaryPayment"}:
            return Refusal("7", "the receiver is not registered, and this command needs one who is")
        return None if customer.active else Refusal("12", "the account to be credited is not active")

    def _once(self, order: ParsedRequest) -> Refusal | None:
        keys = [key.strip() for key, _ in order.parameters]
        return Refusal("40", "a parameter stands twice") if len(set(keys)) < len(keys) else None


def _is_till(order: ParsedRequest, party: ReceiverParty) -> bool:
    """Goods may be bought from a till, by its number (protocol, section 12)."""
    return order.command_id == "BusinessBuyGoods" and party.identifier_type is IdentifierType.TillNumber


def _is_organisation(party: PrimaryParty | ReceiverParty) -> bool:
    digits = party.identifier.strip()
    return party.identifier_type is IdentifierType.OrganizationShortCode and digits.isascii() and digits.isdigit()
