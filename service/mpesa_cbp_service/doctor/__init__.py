"""Check settings, certificates, journal and the way to the broker, and say what to do.

It sends no payment: nothing with a body ever leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration, load
from mpesa_cbp_service.doctor.connection import check_connection
from mpesa_cbp_service.doctor.diagnosis import Diagnosis, Level, ok, problem, worst
from mpesa_cbp_service.doctor.local import (
    check_client_identity,
    check_files,
    check_journal,
    check_password_certificate,
)
from mpesa_cbp_service.doctor.urls import check_urls

__all__ = ["Diagnosis", "Level", "examine", "worst"]


def examine(
    path: str | Path | None = None,
    *,
    clock: Callable[[], datetime],
    environ: Mapping[str, str] | None = None,
    integrity: bool = False,
) -> Iterator[Diagnosis]:
    """Look at everything, in the order in which a payment meets it; ``path`` and ``environ`` as for ``load``.

    ``clock`` gives the time as an aware datetime. Findings come as they are made. Where settings are wrong nothing
    else is looked at. ``integrity`` has the whole journal read.
    """
    try:
        configuration = load(path, require=FOR_CLIENT | FOR_JOURNAL, environ=environ)
    except SettingsError as error:
        for each in error.problems or (error.message,):
            yield problem("settings", each, "See docs/settings.md.")
        return
    yield ok("settings", f"complete, from {_sources(configuration)}")
    yield _signing(configuration)
    yield from check_files(configuration)
    yield from check_password_certificate(configuration, clock())
    yield from check_client_identity(configuration, clock())
    yield from check_urls(configuration)
    yield from check_journal(configuration, integrity=integrity)
    yield from check_connection(configuration, clock)


def _sources(configuration: Configuration) -> str:
    places = (origin.partition(": ")[0] for origin in configuration.origins.values())
    return ", ".join(dict.fromkeys("the environment" if each.startswith("environment") else each for each in places))


def _signing(configuration: Configuration) -> Diagnosis:
    profile = configuration.profile()
    if configuration.signing_mode == "spid-ip":
        return ok("signing", "by spId and our address: no spPassword, no timeStamp")
    zone = profile.zone.tzname(None)
    return ok("signing", f"spPassword from {profile.sp_password_reading.value}, timeStamp in {zone}")
