"""A request as the values that broker and core need."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from mpesa_cbp.commands.table import COMMANDS, Command, Receiver
from mpesa_cbp.parsing import parse_amount
from mpesa_cbp_models import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequest:
    """A request in plain values; ``parameters`` and ``references`` as pairs, in their order.

    ``amount`` is None where there is none or where it is no amount.
    """

    request: Request = field(repr=False)
    conversation_id: str
    command_id: str
    command: Command | None
    short_code: str
    receiver: str = field(repr=False)
    amount: Decimal | None
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    references: tuple[tuple[str, str], ...] = field(repr=False)
    result_url: str | None
    timeout_url: str | None

    @property
    def kind(self) -> str:
        """The command's family."""
        return self.command.family if self.command is not None else "unknown"

    def value(self, *keys: str) -> str:
        """The first value, not blank, of a parameter or reference item with one of these keys; "" if none."""
        for key, value in self.parameters + self.references:
            if key.strip() in keys and value.strip():
                return value.strip()
        return ""


def read_order(request: Request) -> ParsedRequest:
    """Read a request that has passed the schema."""
    transaction, identity = request.transaction, request.identity
    parameters = transaction.parameters.parameter if transaction.parameters is not None else []
    items = transaction.reference_data.reference_item if transaction.reference_data is not None else []
    pairs = tuple((each.key or "", each.value or "") for each in parameters)
    references = tuple((each.key or "", each.value or "") for each in items)
    values = {key.strip(): value.strip() for key, value in references + pairs}
    primary, receiver = identity.primary_party, identity.receiver_party
    short_code = identity.initiator.short_code or ""
    if primary is not None:
        # RegisterURL is seen with the number in ShortCode and a blank Identifier.
        short_code = primary.identifier or primary.short_code or short_code
    command = COMMANDS.get(transaction.command_id)
    return ParsedRequest(
        request=request,
        conversation_id=transaction.originator_conversation_id or "",
        command_id=transaction.command_id,
        command=command,
        short_code=short_code.strip(),
        receiver=(receiver.identifier if receiver is not None else "").strip(),
        amount=_amount(values.get("Amount", "")),
        parameters=pairs,
        references=references,
        result_url=_url(identity.caller.result_url),
        timeout_url=_url(values.get("QueueTimeoutURL")),
    )


def pays(order: ParsedRequest) -> bool:
    """Whether the order is to move money by itself."""
    return order.command is not None and order.command.receiver is not Receiver.NONE and order.command.amount


def _amount(text: str) -> Decimal | None:
    try:
        return parse_amount(text)
    except ValueError:
        return None


def _url(text: str | None) -> str | None:
    found = (text or "").strip()
    return found if found.lower().startswith(("http://", "https://")) else None
