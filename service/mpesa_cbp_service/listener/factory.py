"""A listener made from settings, as ``mpesa-cbp listen`` runs it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from mpesa_cbp.errors import CbpError, SettingsError
from mpesa_cbp.identity.profile import reveal
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.listener.access_rules import AccessRules
from mpesa_cbp_service.listener.handler_worker import AsynchronousHandler, HandlerWorker
from mpesa_cbp_service.listener.listener import Listener
from mpesa_cbp_service.listener.traceback_location import place_of

__all__ = ["make_listener", "raise_for_strangers", "register_handlers"]


def make_listener(configuration: Configuration, journal: Journal) -> Listener:
    """The listener of the settings, without handlers. Raises SettingsError for a token that is none."""
    token = configuration.listener_path_token
    if token is None:
        raise SettingsError(
            "listener.path_token is missing: without it whoever reaches the listener can post results",
            advice="mpesa-cbp listen --new-token makes one; set MPESA_CBP_LISTENER_PATH_TOKEN or its _FILE.",
        )
    return Listener(
        journal=journal,
        access=AccessRules(
            path_token=reveal(token),
            networks=configuration.listener_networks or (),
            trusted_proxies=configuration.listener_trusted_proxies or (),
            certificate_header=configuration.listener_certificate_header,
            certificate_names=configuration.listener_certificate_names or (),
        ),
        maximum_body=configuration.listener_maximum_body,
        request_seconds=configuration.listener_request_seconds,
        maximum_unreadable=configuration.listener_maximum_unreadable,
        maximum_waiting=configuration.listener_maximum_waiting,
        maximum_validating=configuration.listener_maximum_validating,
        longest_wait=configuration.listener_longest_wait,
        worker=HandlerWorker(
            journal,
            threads=configuration.listener_handler_threads,
            # A worker stays within half of a lease, which leaves one handler the other half.
            lease=timedelta(seconds=2 * configuration.listener_handler_lease),
        ),
    )


def register_handlers(name: str, listener: Listener) -> None:
    """Let the function at ``package.module:function`` register its handlers on the listener.

    Modules are looked for in the working directory too. Raises SettingsError that says what is not there, or what
    the module or the function raised and where; never the text of that, which may hold a password.
    """
    register = _load(name)
    try:
        register(listener)
        listener.refuse_asynchronous()
    except CbpError:
        raise
    except AsynchronousHandler as error:
        raise SettingsError(f"The handlers {name!r} cannot be used: {error}", advice="Make it a plain def.") from None
    except Exception as error:
        raise SettingsError(f"The handlers {name!r} cannot be registered: {_told(error, name)}") from error


def _load(name: str) -> Callable[[Listener], object]:
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise SettingsError(f"{name!r} is no name of handlers", advice="Write package.module:function.")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise SettingsError(f"The module of the handlers {name!r} is not there: {error.name}") from None
    except Exception as error:
        told = _told(error, name)
        raise SettingsError(f"The module of the handlers {name!r} cannot be imported: {told}") from error
    function: object = getattr(module, function_name, None)
    if not callable(function):
        raise SettingsError(f"The module {module_name} has no function {function_name}")
    return function


def _told(error: Exception, name: str) -> str:
    """What was raised, and where in the package of the handlers."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in {error.filename} line {error.lineno}"
    place = place_of(error, home=name.partition(":")[0])
    return f"{type(error).__name__} at {place}" if place else type(error).__name__


def raise_for_strangers(configuration: Configuration) -> None:
    """Raise SettingsError where the settings would let other machines in without saying which, or without TLS."""
    if _is_loopback(configuration.listener_host):
        return
    problems = []
    if not configuration.listener_networks:
        problems.append("listener.networks is missing: name the broker's networks (0.0.0.0/0 lets in everybody)")
    secured = configuration.listener_certificate is not None or configuration.listener_trusted_proxies
    if not secured and not configuration.listener_plain_http:
        problems.append("listener.certificate is missing: set it, or listener.plain_http = true inside a VPN")
    if problems:
        where = f"The listener would be open to other machines at {configuration.listener_host}"
        raise SettingsError(f"{where}: {'; '.join(problems)}", problems=problems)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
