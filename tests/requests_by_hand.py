"""Requests made of plain values, with whatever parties and values a test wants, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mpesa_cbp.commands.builder import API_CALLER
from mpesa_cbp.commands.table import REGISTER_URL, Command, Receiver
from mpesa_cbp.parsing import format_amount
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


@dataclass(frozen=True, kw_only=True)
class HandmadeRequest:
    """The values of one request; ``request`` puts them where the command's family has them."""

    command: Command
    conversation_id: str
    timestamp: str
    third_party_id: str
    third_party_password: str | None
    initiator_name: str
    security_credential: str
    short_code: str
    receiver: str | None = None
    amount: Decimal | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    remark: str | None = None
    result_url: str | None = None

    def request(self) -> Request:
        amounts = (("Amount", format_amount(self.amount)),) if self.amount is not None else ()
        pairs = (*amounts, *self.command.parameters, *self.parameters)
        parameters = [Parameter(key=key, value=value) for key, value in pairs]
        references = [ParameterType(key=key, value=value) for key, value in self.references]
        return Request(
            transaction=Transaction(
                command_id=self.command.id,
                originator_conversation_id=self.conversation_id,
                remark=self.remark,
                parameters=Parameters(parameter=parameters) if parameters else None,
                reference_data=ReferenceData(reference_item=references) if references else None,
                timestamp=self.timestamp,
            ),
            identity=Identity(
                caller=Caller(
                    caller_type=API_CALLER,
                    third_party_id=self.third_party_id,
                    password=self.third_party_password,
                    result_url=self.result_url,
                ),
                initiator=Initiator(
                    identifier_type=IdentifierType.OrganizationOperatorUserName,
                    identifier=self.initiator_name,
                    security_credential=self.security_credential,
                    short_code=self.short_code,
                ),
                primary_party=self._primary(),
                receiver_party=self._receiver(),
            ),
            key_owner=1,
        )

    def _primary(self) -> PrimaryParty | None:
        if not self.command.primary:
            return None
        short_code = self.short_code if self.command.id == REGISTER_URL else None
        return PrimaryParty(
            identifier_type=IdentifierType.OrganizationShortCode, identifier=self.short_code, short_code=short_code
        )

    def _receiver(self) -> ReceiverParty | None:
        kind = self.command.receiver
        if kind is Receiver.NONE:
            return None
        customer = kind is Receiver.CUSTOMER
        return ReceiverParty(
            identifier_type=IdentifierType.MSISDN if customer else IdentifierType.OrganizationShortCode,
            identifier=self.short_code if kind is Receiver.OWN or self.receiver is None else self.receiver,
        )
