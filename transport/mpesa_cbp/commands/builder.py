"""From what a caller asks for to a Request that may be sent, or all its problems at once (protocol, sections 3, 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from decimal import Decimal
from typing import TypeVar

from mpesa_cbp.commands.request import PaymentRequest
from mpesa_cbp.commands.table import COMMANDS, Command, Order, Receiver
from mpesa_cbp.errors import InvalidRequest, SettingsError
from mpesa_cbp.identity.profile import reveal
from mpesa_cbp.identity.signing import Signer
from mpesa_cbp.parsing import normalise_msisdn, parse_amount
from mpesa_cbp_models import InvalidValue, Request

MAX_CONVERSATION_ID = 128
"""Longest OriginatorConversationID (protocol, section 3)."""

_Value = TypeVar("_Value")
_LONGEST_PREFIX = MAX_CONVERSATION_ID - 33
_SHORT_CODE_DIGITS = 10
_SHOWN_TEXT = re.compile(r", not ['\"].*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBuilder:
    """Makes requests in the name of one organisation; ``has_ledger`` says that ids may be made up here."""

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

    def request(self, wish: PaymentRequest) -> Request:
        """The request, checked and with a credential. Raises InvalidRequest with all problems, SettingsError."""
        problems = list(wish.problems)
        command = _command(wish, problems)
        amount = _checked(problems, "amount", lambda: parse_amount(wish.amount)) if command.amount else None
        receiver = self._receiver(command, wish, problems)
        problems += self._conversation_problems(wish.conversation_id)
        conversation_id = wish.conversation_id or (self.new_conversation_id() if self.has_ledger else "")
        order = self._order(wish, command, receiver, amount, conversation_id)
        problems += [each for each in _schema_problems(order.request()) if not _told(each, problems)]
        if problems:
            raise InvalidRequest(problems, conversation_id=wish.conversation_id)
        return replace(order, security_credential=self.signer.credential()).request()

    def _receiver(self, command: Command, wish: PaymentRequest, problems: list[str]) -> str | None:
        def read() -> str:
            text = _text(wish.receiver)
            if command.receiver is Receiver.CUSTOMER:
                return normalise_msisdn(text, country_code=self.country_code)
            return _short_code(text)

        # A reversal is received by ourselves unless the caller says otherwise.
        needless = wish.receiver is None and not command.amount
        if needless or command.receiver not in {Receiver.CUSTOMER, Receiver.ORGANISATION}:
            return None
        return _checked(problems, wish.receiver_name, read)

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

    def _order(
        self, wish: PaymentRequest, command: Command, receiver: str | None, amount: Decimal | None, conversation_id: str
    ) -> Order:
        provider, initiator = self.signer.service_provider, self.signer.initiator
        password = provider.third_party_password
        timeout_url = self.queue_timeout_url if command.queue_timeout else None
        references = (("QueueTimeoutURL", timeout_url), *wish.references)
        return Order(
            command=command,
            conversation_id=conversation_id,
            timestamp=self.signer.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            third_party_id=provider.third_party_id or provider.id,
            third_party_password=reveal(password) if password is not None else None,
            initiator_name=initiator.name,
            security_credential="",
            short_code=initiator.short_code,
            receiver=receiver,
            amount=amount,
            parameters=tuple((key, value) for key, value in wish.parameters if value is not None),
            references=tuple((key, value) for key, value in references if value is not None),
            remark=wish.remark,
            result_url=self.result_url,
            key_owner=initiator.key_owner,
        )


def check_schema(request: Request) -> None:
    """Raise InvalidRequest with all that the contract has against a request, each with the path of the element."""
    given: object = request
    if not isinstance(given, Request):
        raise InvalidRequest([f"request: must be a Request, not {type(given).__name__}"])
    problems = _schema_problems(request)
    if problems:
        found: object = getattr(request.transaction, "originator_conversation_id", None)
        raise InvalidRequest(problems, conversation_id=found if isinstance(found, str) else None)


def name_for_ids(organisation: str) -> str:
    """The part of an organisation's name that stands in conversation ids. Raises SettingsError where none is left."""
    name = "".join(char for char in organisation if char.isascii() and char.isalnum())
    if not name:
        raise SettingsError("organisation must contain a letter or digit, for the conversation ids")
    return name


def require_texts(**values: object) -> None:
    """Raise InvalidRequest for arguments that are neither text nor None, which Python itself lets through."""
    wrong = [
        f"{name}: must be text, not {type(value).__name__}"
        for name, value in values.items()
        if value is not None and not isinstance(value, str)
    ]
    if wrong:
        raise InvalidRequest(wrong)


def _schema_problems(request: Request) -> tuple[str, ...]:
    try:
        request.validate()
    except InvalidValue as error:
        # A text is a customer's, or long, or both: the path and the rule say enough.
        return tuple(_SHOWN_TEXT.sub("", problem) for problem in error.problems)
    return ()


def _told(problem: str, told: list[str]) -> bool:
    """Whether our own words have been said about that element already."""
    names = {"OriginatorConversationID": "conversation_id", "CommandID": "command"}
    element = problem.partition(":")[0].rpartition("/")[2]
    return element in names and any(each.startswith(names[element]) for each in told)


def _command(wish: PaymentRequest, problems: list[str]) -> Command:
    given: object = wish.command_id
    known = COMMANDS.get(given) if isinstance(given, str) else None
    allowed = [command for command in COMMANDS.values() if command.family == wish.family]
    if known is None or known.family != wish.family:
        choices = ", ".join(command.id for command in allowed)
        problems.append(f"command must be one of {choices} (for any other use send)")
        return allowed[0]
    has_reference = any(key == "AccountReference" and value is not None for key, value in wish.parameters)
    if known.account_reference and not has_reference:
        problems.append(f"account_reference: {known.id} needs one")
    if has_reference and not known.account_reference:
        problems.append(f"account_reference: {known.id} takes none")
    return known


def _short_code(text: str) -> str:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _SHORT_CODE_DIGITS):
        raise ValueError(f"the short code must be up to {_SHORT_CODE_DIGITS} digits")
    return digits


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
