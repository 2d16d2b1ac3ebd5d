"""Answer what a customer has to pay under a reference; no money moves by it, and nothing is stored (section 12)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any

from mpesa_cbp.log_events import VALIDATION_FAILED
from mpesa_cbp.soap import encode
from mpesa_cbp_models import C2BPaymentQueryRequest, C2BPaymentQueryResult
from mpesa_cbp_models.operations import QUERY_C2B_PAYMENT
from mpesa_cbp_service.listener.http_messages import Wait
from mpesa_cbp_service.listener.validation_pool import Busy, ValidationPool

__all__ = ["NO_BILL", "BillHandler", "BillQueries"]

BillHandler = Callable[[C2BPaymentQueryRequest], C2BPaymentQueryResult | None]

NO_BILL = "1"
"""ResultCode where there is no such bill, or nobody who knows: billers use codes of their own for it."""

_logger = logging.getLogger("mpesa_cbp.listener")


class BillQueries:
    """Asks one handler, in the threads of the validations, and writes the answer."""

    def __init__(self, pool: ValidationPool) -> None:
        self.handler: BillHandler | None = None
        self._pool = pool

    def answer(self, request: C2BPaymentQueryRequest) -> Generator[Wait, Any, bytes]:
        """The envelope with the bill that the handler gives, or with ``NO_BILL``; never an error."""
        bill = None
        try:
            if self.handler is not None:
                bill = yield Wait(self._pool.call(self.handler, request))
            return _written(request, bill)
        except Busy:
            problem = "too many at once"
        except Exception as error:  # noqa: BLE001 (whatever a handler raises, the customer must get an answer)
            problem = type(error).__name__
        VALIDATION_FAILED.log(_logger, error=problem)
        return _written(request, None)


def _written(request: C2BPaymentQueryRequest, bill: C2BPaymentQueryResult | None) -> bytes:
    said = bill if bill is not None else C2BPaymentQueryResult(result_code=NO_BILL, result_desc="No such bill")
    if not isinstance(said, C2BPaymentQueryResult):
        raise TypeError("the handler returned something other than a C2BPaymentQueryResult or None")
    # The broker finds its question again by these.
    said.trans_id = said.trans_id or request.trans_id
    said.bill_ref_number = said.bill_ref_number or request.bill_ref_number
    return encode(said, operation=QUERY_C2B_PAYMENT, direction="output")
