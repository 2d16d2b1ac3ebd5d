"""Pay a customer and receive the result, against the simulator: run it as it stands."""

from __future__ import annotations

import queue

from mpesa_cbp import Client
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.notifications import ResultNotification
from mpesa_cbp_simulator import Simulator


def main() -> None:
    """One payment, from request to result."""
    results: queue.Queue[ResultNotification] = queue.Queue()
    with Simulator() as simulator, Journal("sqlite://") as journal:
        listener = Listener(journal=journal, path_token="an-unguessable-word")
        listener.on_result(results.put)
        with ListenerServer(listener) as server:
            result_url = f"{server.url}/an-unguessable-word/result"
            with Client(**simulator.client_settings(), result_url=result_url, journal=journal) as client:
                acknowledgement = client.pay_customer("0712 345 678", "100.00", remark="Salary November")
                print("accepted:", acknowledgement.conversation_id)
                notification = results.get(timeout=30)
                print("paid:", notification.succeeded, notification.receipt, notification.parameters.amount)


if __name__ == "__main__":
    main()
