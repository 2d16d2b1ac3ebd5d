"""Calls that the broker answers without the core: queryTransaction, changePassword (protocol, sections 8 and 9)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mpesa_cbp.history import History, read_history
from mpesa_cbp.log_events import PASSWORD_CHANGED, QUERY_ANSWERED
from mpesa_cbp_models import ChangePasswordResponse, Operation, QueryTransaction, QueryTransactionResponse
from mpesa_cbp_models.query_transaction import QueryTransactionExtensionInfo
from mpesa_cbp_models.result import ParameterType

_logger = logging.getLogger("mpesa_cbp.client")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCall:
    """How a message that is no request goes out; ``if_unknown`` is the advice where no readable answer came.

    ``signed`` says whether it has a signing header, ``url`` is another address than the endpoint.
    """

    operation: Operation
    if_unknown: str
    url: str | None = None
    signed: bool = True
    conversation_id: str | None = None


def transaction_query(conversation_id: str, query_date: str | None) -> QueryTransaction:
    """The question how far a payment came; ``query_date`` is yyyyMMddHHmmss."""
    extension = None
    if query_date is not None:
        extension = QueryTransactionExtensionInfo(item=[ParameterType(key="queryDate", value=query_date)])
    return QueryTransaction(originator_conversation_id=conversation_id, extension_info=extension)


def logged_history(answer: QueryTransactionResponse, conversation_id: str) -> History:
    """What the broker's record proves."""
    history = read_history(answer, conversation_id)
    QUERY_ANSWERED.log(
        _logger,
        conversation_id=conversation_id,
        finding=history.finding.value,
        code=history.code,
        entries=len(history.entries),
        problems=len(history.problems),
    )
    return history


def logged_change(answer: ChangePasswordResponse) -> ChangePasswordResponse:
    """The answer, once it is logged that the password has changed."""
    PASSWORD_CHANGED.log(_logger)
    return answer
