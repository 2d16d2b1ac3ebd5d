"""Load the settings from all their sources, with every problem at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from mpesa_cbp_service.config.listener import listener_contradictions
from mpesa_cbp_service.config.sources import (
    CONFIG,
    DEFAULT_FILE,
    Found,
    from_arguments,
    from_environment,
    from_toml,
    read_values,
    toml_path,
)

__all__ = ["load"]

from mpesa_cbp_service.config.configuration import Configuration, missing_settings, raise_for, setting_name, settings


def load(
    path: str | Path | None = None,
    *,
    require: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
    **arguments: object,
) -> Configuration:
    """Settings from ``arguments``, then ``environ``, then the TOML file at ``path``, then the defaults.

    Without ``path`` the file is the one that MPESA_CBP_CONFIG names, else ``mpesa-cbp.toml`` in the working directory
    if there is one. ``require`` names settings that must be there, such as ``FOR_CLIENT``; ``environ`` is
    ``os.environ`` unless given. A secret may be a function that fetches it, in ``arguments``.

    Raises SettingsError, whose ``problems`` are all that was found, each with the setting and its place.
    """
    environ = os.environ if environ is None else environ
    known = settings()
    file = toml_path(path, environ)
    sources = [from_arguments(arguments, known), from_environment(environ, known)]
    if file is not None:
        sources.append(from_toml(file, known))
    values, made_of, problems = read_values(sources)
    missing = missing_settings(made_of.keys(), require, mode=values.get("signing_mode"))
    if missing and file is None:
        problems.append(_no_file())
    problems += missing
    if not problems:
        origins = {name: found.place for name, found in made_of.items()}
        configuration = Configuration(**values, origins=origins, secret_files=_secret_files(made_of.values()))
        problems = _contradictions(configuration)
    raise_for(problems)
    return configuration


def _secret_files(made_of: Iterable[Found]) -> dict[Path, tuple[str, ...]]:
    held: dict[Path, tuple[str, ...]] = {}
    for found in made_of:
        if found.secret_file is not None:
            held[found.secret_file] = (*held.get(found.secret_file, ()), setting_name(found.setting))
    return held


def _no_file() -> str:
    """What somebody needs to know first who stands in the wrong folder, or has no file yet."""
    return (
        f"no settings file was read: there is no {DEFAULT_FILE} in {Path.cwd()}, and neither --config nor {CONFIG} "
        "names one; docs/settings.md has an example"
    )


def _contradictions(configuration: Configuration) -> list[str]:
    found = []
    if configuration.signing_mode == "spid-ip" and configuration.service_provider_password is not None:
        found.append("service_provider.password is set, but signing.mode spid-ip sends none: take one of them away")
    if configuration.tls_client_key is not None and configuration.tls_client_certificate is None:
        found.append("tls.client_key is set without tls.client_certificate")
    found += listener_contradictions(configuration)
    if configuration.listener_workers > 1 and (configuration.journal_url or "").startswith("sqlite"):
        found.append("listener.workers is more than 1, and journal.url is SQLite, which one process writes at a time")
    if (configuration.new_password_key is None) != (configuration.new_password_vector is None):
        found.append("new_password.key and new_password.vector belong together, and one of them is missing")
    return found
