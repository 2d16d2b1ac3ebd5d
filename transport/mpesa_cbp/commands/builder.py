"""Check a payment request and build the Request, once (protocol, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from typing import TypeVar

from mpesa_cbp.commands.request import PaymentRequest
from mpesa_cbp.commands.table import COMMANDS, REGISTER_URL, Command, Receiver
from mpesa_cbp.commands.validation import require_texts, schema_problems
from mpesa_cbp.errors import InvalidRequest, SettingsError
from mpesa_cbp.identity.profile import reveal
from mpesa_cbp.identity.signing import Signer
from mpesa_cbp.parsing import format_amount, http_url, normalise_msisdn, parse_amount
from mpesa_cbp_models import IdentifierType, Request
from mpesa_cbp_models.request import (
    Caller,
    Identity,
    Initiator,
    Parameter,
    Parameters,
    ParameterType,
    PrimaryParty,
    ReceiverParty,
    ReferenceData,
    Transaction,
)

API_CALLER = 2
"""CallerType of a system that calls the interface (protocol, section 3)."""

MAX_CONVERSATION_ID = 128
"""Longest OriginatorConversationID (protocol, section 3)."""

_Value = TypeVar("_Value")
_LONGEST_PREFIX = MAX_CONVERSATION_ID - 33
_SHORT_CODE_DIGITS = 10
_OF_CALLERS = {"OriginatorConversationID": "conversation_id", "CommandID": "command"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBuilder:
    """Builds requests in the name of one organisation; ``has_ledger`` allows it to make conversation ids."""

    signer: Signer
    organisation: str
    country_code: str
    result_url: str | None = field(repr=False)
    queue_timeout_url: str | None = field(repr=False)
    has_ledger: bool
    new_id: Callable[[], str]

    def new_conversation_id(self, unique: str | None = None) -> str:
        """Short code, organisation and a unique part (protocol, section 3). Raises InvalidRequest for a blank one."""
        require_texts(unique=unique)
        if unique is not None and not unique.strip():
            raise InvalidRequest(["unique must not be blank: the id would be another one each time"])
        prefix = f"{self.signer.initiator.short_code}_{self.organisation}_"
        return f"{prefix[:_LONGEST_PREFIX]}{self.new_id() if unique is None else unique}"

    def build(self, wanted: PaymentRequest) -> Request:
        """The request, checked and with a credential. Raises InvalidRequest with all problems, SettingsError."""
        problems = list(wanted.problems)
        command = _command(wanted, problems)
        amount = _amount(command, wanted, problems)
        receiver = self._receiver(command, wanted, problems)
        problems += self._conversation_problems(wanted.conversation_id)
        problems += _url_problems(wanted)
        request = Request(
            transaction=self._transaction(command, wanted, amount),
            identity=self._identity(command, wanted, receiver),
            key_owner=self.signer.initiator.key_owner,
        )
        problems += [each for each in schema_problems(request) if not _is_reported(each, problems)]
        if problems:
            raise InvalidRequest(problems, conversation_id=wanted.conversation_id)
        return self.signer.with_credential(request)

    def _transaction(self, command: Command, wanted: PaymentRequest, amount: Decimal | None) -> Transaction:
        amounts = (("Amount", format_amount(amount)),) if amount is not None else ()
        timeout_url = wanted.queue_timeout_url or self.queue_timeout_url if command.queue_timeout else None
        parameters = _given((*amounts, *command.parameters, *wanted.parameters))
        references = _given((("QueueTimeoutURL", timeout_url), *wanted.references))
        made = self.new_conversation_id() if wanted.conversation_id is None and self.has_ledger else ""
        return Transaction(
            command_id=command.id,
            originator_conversation_id=wanted.conversation_id or made,
            remark=wanted.remark,
            parameters=Parameters(parameter=[Parameter(key=key, value=value) for key, value in parameters])
            if parameters
            else None,
            reference_data=ReferenceData(
                reference_item=[ParameterType(key=key, value=value) for key, value in references]
            )
            if references
            else None,
            timestamp=self.signer.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )

    def _identity(self, command: Command, wanted: PaymentRequest, receiver: ReceiverParty | None) -> Identity:
        provider, initiator = self.signer.service_provider, self.signer.initiator
        password = provider.third_party_password
        return Identity(
            caller=Caller(
                caller_type=API_CALLER,
                third_party_id=provider.third_party_id or provider.id,
                password=reveal(password) if password is not None else None,
                result_url=wanted.result_url or self.result_url,
            ),
            initiator=Initiator(
                identifier_type=IdentifierType(initiator.identifier_type),
                identifier=initiator.name,
                security_credential="",
                short_code=initiator.short_code,
            ),
            primary_party=self._primary_party(command),
            receiver_party=receiver,
        )

    def _primary_party(self, command: Command) -> PrimaryParty | None:
        if not command.primary:
            return None
        own = self.signer.initiator.short_code
        # RegisterURL is published with the number in ShortCode; Identifier is what the contract demands.
        return PrimaryParty(
            identifier_type=IdentifierType.OrganizationShortCode,
            identifier=own,
            short_code=own if command.id == REGISTER_URL else None,
        )

    def _receiver(self, command: Command, wanted: PaymentRequest, problems: list[str]) -> ReceiverParty | None:
        if command.receiver is Receiver.OWN:
            own = self.signer.initiator.short_code
            return ReceiverParty(identifier_type=IdentifierType.OrganizationShortCode, identifier=own)
        if command.receiver is Receiver.NONE:
            if wanted.receiver is not None:
                problems.append(f"{wanted.receiver_name}: {command.id} takes none")
            return None
        kind = _receiver_type(command, wanted, problems)
        read = self._msisdn if kind is IdentifierType.MSISDN else _identifier(command)
        identifier = _checked(problems, wanted.receiver_name, lambda: read(_text(wanted.receiver)))
        return ReceiverParty(identifier_type=kind, identifier=identifier or "")

    def _msisdn(self, text: str) -> str:
        return normalise_msisdn(text, country_code=self.country_code)

    def _conversation_problems(self, conversation_id: str | None) -> list[str]:
        if conversation_id is None:
            return [] if self.has_ledger else ["conversation_id must be given where there is no journal"]
        given: object = conversation_id
        if not isinstance(given, str):
            return [f"conversation_id: must be text, not {type(given).__name__}"]
        if not 1 <= len(conversation_id) <= MAX_CONVERSATION_ID:
            return [f"conversation_id must have 1 to {MAX_CONVERSATION_ID} characters"]
        if conversation_id.strip() != conversation_id or not conversation_id.isprintable():
            return ["conversation_id must not begin or end with a blank, nor hold what cannot be printed"]
        return []


def name_for_ids(organisation: str) -> str:
    """The part of an organisation's name that conversation ids contain. Raises SettingsError where none is left."""
    name = "".join(char for char in organisation if char.isascii() and char.isalnum())
    if not name:
        raise SettingsError("organisation must contain a letter or digit, for the conversation ids")
    return name


def _command(wanted: PaymentRequest, problems: list[str]) -> Command:
    given: object = wanted.command_id
    known = COMMANDS.get(given) if isinstance(given, str) else None
    if wanted.family is None:
        command = known or _open_command(wanted)
    elif known is None or known.family != wanted.family:
        allowed = [command for command in COMMANDS.values() if command.family == wanted.family]
        choices = ", ".join(command.id for command in allowed)
        problems.append(f"command must be one of {choices} (for any other use order)")
        return allowed[0]
    else:
        command = known
    if known is not None:
        problems += _reference_problems(known, wanted)
    return command


def _open_command(wanted: PaymentRequest) -> Command:
    """A command that the table does not have: with the parties and the amount that the caller gives."""
    receiver = Receiver.NONE if wanted.receiver is None else Receiver.ORGANISATION
    return Command(str(wanted.command_id), "other", receiver, amount=wanted.amount is not None)


def _reference_problems(command: Command, wanted: PaymentRequest) -> list[str]:
    has_reference = any(key == "AccountReference" and value is not None for key, value in wanted.parameters)
    if command.account_reference == "required" and not has_reference:
        return [f"account_reference: {command.id} needs one"]
    if has_reference and command.account_reference is None:
        return [f"account_reference: {command.id} takes none"]
    return []


def _amount(command: Command, wanted: PaymentRequest, problems: list[str]) -> Decimal | None:
    if command.amount:
        return _checked(problems, "amount", lambda: parse_amount(wanted.amount))
    if wanted.amount is not None:
        problems.append(f"amount: {command.id} takes none")
    return None


def _receiver_type(command: Command, wanted: PaymentRequest, problems: list[str]) -> IdentifierType:
    if wanted.receiver_type is None:
        if command.id not in COMMANDS:
            problems.append("receiver_type: must be given for a command that is not in the table")
        customer = command.receiver is Receiver.CUSTOMER
        return IdentifierType.MSISDN if customer else IdentifierType.OrganizationShortCode
    try:
        return IdentifierType(wanted.receiver_type)
    except ValueError:
        problems.append("receiver_type must be an IdentifierType, 1 to 14")
        return IdentifierType.OrganizationShortCode


def _identifier(command: Command) -> Callable[[str], str]:
    """How a receiver that is no phone number is read: of a command that is not known it may be any text."""
    return _short_code if command.id in COMMANDS else _not_blank


def _url_problems(wanted: PaymentRequest) -> list[str]:
    problems: list[str] = []
    for name, url in (("result_url", wanted.result_url), ("queue_timeout_url", wanted.queue_timeout_url)):
        if url is not None:
            _checked(problems, name, lambda given=url: http_url(given))  # type: ignore[misc]
    return problems


def _is_reported(problem: str, reported: list[str]) -> bool:
    """Whether our own words name that element already."""
    element = problem.partition(":")[0].rpartition("/")[2]
    return element in _OF_CALLERS and any(each.startswith(_OF_CALLERS[element]) for each in reported)


def _given(pairs: tuple[tuple[str, str | None], ...]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in pairs if value is not None]


def _short_code(text: str) -> str:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _SHORT_CODE_DIGITS):
        raise ValueError(f"the short code must be up to {_SHORT_CODE_DIGITS} digits")
    return digits


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _checked(problems: list[str], name: str, read: Callable[[], _Value]) -> _Value | None:
    try:
        return read()
    except (ValueError, TypeError) as error:
        problems.append(f"{name}: {error}")
        return None
