"""Accepted findings: by fingerprint, with a reason, a name and a date.

There is no way to switch off a rule: an entry lets one finding pass, and is itself a finding when it is stale.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mpesa_cbp_generator.drift.findings import FINGERPRINT_LENGTH, Acceptance, Finding, sort_key
from mpesa_cbp_generator.drift.rules.all_rules import rule
from mpesa_cbp_generator.errors import ConfigurationError

_KEYS = {"fingerprint", "reason", "by", "until"}
# As many hexadecimal digits as a fingerprint has.
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{FINGERPRINT_LENGTH}}}")


def read_acceptances(path: Path) -> tuple[Acceptance, ...]:
    """Entries of ``drift-accept.toml``: ``[[accept]]`` tables.

    Raises ConfigurationError that names the entry and the key.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error
    entries = data.pop("accept", [])
    if data or not isinstance(entries, list):
        raise ConfigurationError(
            f"{path}: holds [[accept]] tables and nothing else; found {', '.join(data) or 'accept'}"
        )
    found = tuple(_entry(entry, f"{path}: entry {number}") for number, entry in enumerate(entries, 1))
    seen: set[str] = set()
    for item in found:
        if item.fingerprint in seen:
            raise ConfigurationError(f"{path}: {item.fingerprint} is accepted twice")
        seen.add(item.fingerprint)
    return found


def accept(
    findings: Iterable[Finding], acceptances: Iterable[Acceptance], *, today: datetime.date, file: str
) -> tuple[Finding, ...]:
    """Findings with their acceptance; an entry that is expired or stale does not count and is a finding itself."""
    entries = {item.fingerprint: item for item in acceptances}
    result: list[Finding] = []
    met: set[str] = set()
    for finding in findings:
        entry = entries.get(finding.fingerprint)
        if entry is None:
            result.append(finding)
            continue
        met.add(entry.fingerprint)
        if _expired(entry, today):
            result += [finding, _told("acceptance-expired", entry, file, f"{finding.rule} at {finding.path}")]
        else:
            result.append(dataclasses.replace(finding, accepted=entry))
    result += [_told("acceptance-stale", entry, file, entry.reason) for key, entry in entries.items() if key not in met]
    return tuple(sorted(result, key=sort_key))


def _entry(entry: Any, where: str) -> Acceptance:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} is not a table")
    unknown = set(entry) - _KEYS
    if unknown:
        raise ConfigurationError(
            f"{where}: {', '.join(sorted(unknown))} is not known; known are {', '.join(sorted(_KEYS))}"
        )
    for key in ("fingerprint", "reason", "by"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ConfigurationError(f"{where}: {key} is missing or empty")
    if not _FINGERPRINT.fullmatch(entry["fingerprint"]):
        raise ConfigurationError(f"{where}: fingerprint must be the {FINGERPRINT_LENGTH} digits that drift shows")
    return Acceptance(
        fingerprint=entry["fingerprint"], reason=entry["reason"], by=entry["by"], until=_day(entry.get("until"), where)
    )


def _day(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: until must be a day, like 2026-12-31") from error


def _expired(entry: Acceptance, today: datetime.date) -> bool:
    return entry.until is not None and datetime.date.fromisoformat(entry.until) < today


def _told(rule_id: str, entry: Acceptance, file: str, about: str) -> Finding:
    found = rule(rule_id)
    until = f" (until {entry.until})" if entry.until else ""
    return Finding(
        rule=rule_id,
        wire=found.outbound[0],
        source="none",
        role="none",
        operation="",
        path=f"{file}/{entry.fingerprint}",
        old=entry.fingerprint,
        new=None,
        message=f"{found.title}: {entry.fingerprint}, accepted by {entry.by}{until}: {about}",
    )
