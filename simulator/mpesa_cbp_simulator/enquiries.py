"""queryTransaction and changePassword (protocol, sections 8 and 9)."""

from __future__ import annotations

import base64
import re

from mpesa_cbp.identity.security import SecurityError, decrypt_new_password
from mpesa_cbp.soap import encode
from mpesa_cbp_models import (
    ChangePassword,
    ChangePasswordResponse,
    QueryTransaction,
    QueryTransactionResponse,
    QueueTimeOutList,
    Response,
    SubmitApiRequestList,
    SubmitApiResponseList,
    SubmitApiResultList,
)
from mpesa_cbp_models.operations import CHANGE_PASSWORD, QUERY_TRANSACTION
from mpesa_cbp_simulator.checks import Refusal, check_signature
from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.messages import Reply, response, soap
from mpesa_cbp_simulator.runtime_settings import Registry
from mpesa_cbp_simulator.store import Conversation, Records

PASSWORD = "sp-password"
"""Name of the setting that holds a changed password."""

# An element of the response's namespace, with its prefix: dialect 12 writes it without.
_PREFIXED = re.compile(rb"<(/?)response:")


class Enquiries:
    """Answers what is asked about earlier requests, and takes new passwords."""

    def __init__(self, setup: Setup, records: Records, registry: Registry) -> None:
        self._setup = setup
        self._records = records
        self._registry = registry

    def query(self, message: QueryTransaction, refusal: Refusal | None) -> Reply:
        """The histories of every request with that conversation id; empty lists for one that is not known."""
        found = self._records.find(conversation_id=message.originator_conversation_id.strip())
        dialect = found[-1].bad_day.number if found and found[-1].bad_day.name == "dialect" else None
        if dialect == 18:
            refusal = Refusal("100000004", "the simulator was told to fail")
        if refusal is not None:
            text = refusal.described
            if dialect == 18:
                return soap(response(refusal.code, text))
            answer = QueryTransactionResponse(result=Response(response_code=refusal.code, response_desc=text))
        else:
            answer = self._histories(found)
        envelope = encode(answer, operation=QUERY_TRANSACTION, direction="output")
        return soap(_PREFIXED.sub(rb"<\1", envelope) if dialect == 12 else envelope)

    def _histories(self, found: list[Conversation]) -> QueryTransactionResponse:
        def entries(which: str) -> list[str]:
            messages = (message for each in found for message in self._records.history(each, which))
            return [base64.b64encode(message).decode("ascii") for message in messages]

        return QueryTransactionResponse(
            result=Response(response_code="00000000", response_desc="Success"),
            submit_api_request_list=SubmitApiRequestList(submit_api_request=entries("submitApiRequest")),
            submit_api_response_list=SubmitApiResponseList(submit_api_response=entries("submitApiResponse")),
            submit_api_result_list=SubmitApiResultList(submit_api_result=entries("submitApiResult")),
            queue_time_out_list=QueueTimeOutList(queue_time_out=entries("queueTimeOut")),
        )

    def change_password(self, message: ChangePassword, password: str | None) -> Reply:
        """Take the new password; from then on nothing signed with the old one is accepted.

        Errors come as a ResponseMsg, which is how the operator's own sample has it (section 7, number 18).
        """
        refusal = self._change(message, password)
        if refusal is not None:
            return soap(response(refusal.code, refusal.described))
        answer = ChangePasswordResponse(result=Response(response_code="00000000", response_desc="Success"))
        return soap(encode(answer, operation=CHANGE_PASSWORD, direction="output"))

    def _change(self, message: ChangePassword, password: str | None) -> Refusal | None:
        if message.sp_id != self._setup.service_provider.id:
            return Refusal("100000022", "the spId is not known")
        refusal = check_signature(
            message.sp_password, message.time_stamp, setup=self._setup, password=password, now=self._setup.clock()
        )
        if refusal is not None:
            return refusal
        try:
            new = decrypt_new_password(
                encrypted=message.new_password,
                key=self._setup.new_password_key,
                vector=self._setup.new_password_vector,
            )
        except SecurityError:
            return Refusal("100000005", "newPassword was not made with the allocated key and vector")
        if not new:
            return Refusal("100000005", "the new password is empty")
        self._registry.set(PASSWORD, new)
        return None
