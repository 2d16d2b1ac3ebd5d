"""A proxy in front of the broker that kills the payer when its bytes arrive, or before the answer gets back."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from urllib.parse import urlsplit

ON_THE_WAY = ("when bytes arrive", "before the answer")


class Proxy:
    """Carries bytes to the broker and back, and kills the payer when it is told to."""

    def __init__(self, endpoint: str) -> None:
        self._target = (urlsplit(endpoint).hostname or "", urlsplit(endpoint).port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}{urlsplit(endpoint).path}"
        self._lock = threading.Lock()
        self._kind: str | None = None
        self._countdown = 0
        self._victim: int | None = None
        self._closed = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def plan(self, kind: str | None, countdown: int) -> None:
        with self._lock:
            self._kind, self._countdown, self._victim = kind, countdown, None

    def aim(self, pid: int) -> None:
        with self._lock:
            self._victim = pid

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listening.getsockname()).close()  # wakes accept()
        self._acceptor.join()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if self._closed.is_set():
                    near.close()
                    return
                far = socket.create_connection(self._target)
                for kind, source, target in ((ON_THE_WAY[0], near, far), (ON_THE_WAY[1], far, near)):
                    threading.Thread(target=self._carry, args=(kind, source, target), daemon=True).start()

    def _carry(self, kind: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self._kill_if_due(kind, piece)
                target.sendall(piece)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _kill_if_due(self, kind: str, piece: bytes) -> None:
        if not piece.startswith((b"POST ", b"HTTP/")):
            return
        with self._lock:
            if kind != self._kind or self._victim is None:
                return
            self._countdown -= 1
            if self._countdown == 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._victim, signal.SIGKILL)
                if kind == ON_THE_WAY[0]:
                    raise ConnectionAbortedError  # the bytes have left, and never arrive
