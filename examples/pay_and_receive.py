"""Pay a customer and receive the result, against the simulator: run it as it stands."""

from __future__ import annotations

import queue

from mpesa_cbp import Client, Journal, Listener
from mpesa_cbp.listener import ListenerServer
from mpesa_cbp.notices import ResultNotice
from mpesa_cbp.simulator import Simulator


def main() -> None:
    """One payment, from request to result."""
    results: queue.Queue[ResultNotice] = queue.Queue()
    with Simulator() as simulator, Journal("sqlite://") as journal:
        listener = Listener(journal=journal, path_token="an-unguessable-word")
        listener.on_result(results.put)
        with ListenerServer(listener) as server:
            result_url = f"{server.url}/an-unguessable-word/result"
            with Client(**simulator.client_settings(), result_url=result_url, journal=journal) as client:
                acknowledgement = client.pay_customer("0712 345 678", "100.00", remark="Salary November")
                print("accepted:", acknowledgement.conversation_id)
                notice = results.get(timeout=30)
                print("paid:", notice.succeeded, notice.receipt, notice.parameters.amount)


if __name__ == "__main__":
    main()
