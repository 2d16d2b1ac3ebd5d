"""The server of ``mpesa-cbp listen``: granian, with TLS, limits on slow callers, and workers that can be restarted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.listener.factory import raise_for_strangers
from mpesa_cbp_service.listener.in_process import bind
from mpesa_cbp_service.listener.tls_files import TlsFiles

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.asgi import AsgiApplication

__all__ = ["end_with_parent", "serve"]

_NAME = "mpesa-cbp-listener"
_HEADER_BYTES = 16 * 1024
_LONGEST_HEADER_SECONDS = 60
_BACKLOG = 1024
# Beside those of connections: journal, logs, modules, handlers.
_SPARE_FILES = 200
# Connections at their TLS handshake, of which the server keeps no count; it ends each after ten seconds, but never
# accepts again once all descriptors are taken by them.
_HANDSHAKES = 10_000
# A worker waits 30 seconds for handlers, and then some for what it serves.
_KILL_SECONDS = 45


def serve(
    configuration: Configuration, load: Callable[[], AsgiApplication], *, on_listening: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP starts workers afresh, with the certificates as they are then.

    ``load`` makes the application in each worker, a process of its own; it is pickled. ``on_listening`` is called with
    the base of the URLs once connections are accepted. Raises SettingsError where the settings would let strangers in,
    or cannot be served; SystemExit where a worker cannot start.
    """
    raise_for_strangers(configuration)
    allow_open_files(configuration)
    multiprocessing.set_start_method("spawn", force=True)
    with ExitStack() as stack:
        tls = None
        if configuration.listener_certificate is not None:
            folder = stack.enter_context(TemporaryDirectory(prefix="mpesa-cbp-", dir=_memory_folder()))  # mode 0700
            tls = TlsFiles.of(configuration, Path(folder))
        port = stack.enter_context(_claimed(configuration.listener_host, configuration.listener_port))
        server = _granian(configuration, port.getsockname()[1], tls)
        if tls is not None:
            server.on_reload(tls.renew)
        over = threading.Event()
        announce = threading.Thread(target=_announce, args=(port, tls is not None, on_listening, over), daemon=True)
        server.on_startup(announce.start)
        try:
            server.serve(target_loader=load, wrap_loader=False)
        finally:
            over.set()


def end_with_parent() -> None:
    """Have this worker stop in order when the process that started it has died."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="mpesa-cbp-parent", daemon=True).start()


def allow_open_files(configuration: Configuration) -> None:
    """Raise the soft limit of open files to what the connections need, and with TLS as far as slow handshakes may.

    Raises SettingsError where the hard limit is less than the connections need.
    """
    if os.name != "posix":
        return
    import resource

    tls = configuration.listener_certificate is not None
    needed = (2 if tls else 1) * configuration.listener_connections + _SPARE_FILES
    wanted = needed + _HANDSHAKES if tls else needed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingsError(
            f"listener.connections = {configuration.listener_connections} needs {needed} open files, and this process "
            f"may have {hard}",
            advice=f"Raise the limit (systemd: LimitNOFILE={needed}; shell: ulimit -n {needed}), or set fewer.",
        )
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))


def _granian(configuration: Configuration, port: int, tls: TlsFiles | None) -> Any:
    # It loads a library of some megabytes, which other commands do not need.
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    seconds = min(configuration.listener_request_seconds, _LONGEST_HEADER_SECONDS)
    files: dict[str, Any] = {} if tls is None else tls.arguments()
    loggers: dict[str, object] = {name: {"propagate": True} for name in ("_granian", "granian.access")}
    return Granian(
        _NAME,
        address=configuration.listener_host,
        port=port,
        interface=Interfaces.ASGI,
        workers=configuration.listener_workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        # Connections, not requests: each is counted from when it is accepted until it is closed.
        backpressure=configuration.listener_connections,
        http1_settings=HTTP1Settings(header_read_timeout=max(1, int(seconds * 1000)), max_buffer_size=_HEADER_BYTES),
        log_level=LogLevels.warning,
        log_dictconfig={"loggers": loggers},  # ours, on standard error
        log_access=False,  # a path holds the token
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=_KILL_SECONDS,
        **files,
    )


def _claimed(host: str, port: int) -> socket.socket:
    """A socket that keeps the port for our workers, without listening. Raises SettingsError where somebody has it.

    The workers share the port (SO_REUSEPORT), and so would a second listener by mistake: hence the exclusive attempt.
    """
    with bind(host, port, _NAME) as alone:
        chosen = alone.getsockname()[1]
    return bind(host, chosen, _NAME, share=True)


def _memory_folder() -> str | None:
    """Where a private key touches no disk; None where the system has no such place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None  # noqa: S108 (a folder of our own in it)


def _announce(port: socket.socket, has_tls: bool, on_listening: Callable[[str], None], over: threading.Event) -> None:
    host, number = port.getsockname()[:2]
    while not over.wait(0.02):
        try:
            with socket.create_connection((host, number), timeout=5):
                break
        except OSError:
            continue
    if not over.is_set():
        shown = f"[{host}]" if ":" in host else host
        on_listening(f"{'https' if has_tls else 'http'}://{shown}:{number}")
