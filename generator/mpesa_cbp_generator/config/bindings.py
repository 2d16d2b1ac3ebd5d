"""Read bindings.toml, and the defaults for a contract without one."""

from __future__ import annotations

import dataclasses
import keyword
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mpesa_cbp_generator.contract.files import contract_folders
from mpesa_cbp_generator.errors import ConfigurationError
from mpesa_cbp_generator.plan.identifiers import DEFAULT_ACRONYMS
from mpesa_cbp_generator.schema.declarations import clark

Role = Literal["caller", "callee"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one generation; ``file`` is the ``bindings.toml`` that holds them, if there is one.

    ``modules`` maps a namespace to a module name, ``payloads`` an element to the element whose document its text
    carries (both as Clark names). ``types``, ``aliases``, ``values`` and ``absent_on_reading`` are keyed by
    ``Owner.Element`` or ``Element`` in the contract's words. With ``strict`` off, what a contract refers to and does
    not have is left open with a warning, see ``loosen``. ``roles`` maps an operation to our part in it.
    """

    sources: tuple[Path, ...]
    package: str
    output: Path
    file: Path | None = None
    acronyms: tuple[str, ...] = DEFAULT_ACRONYMS
    strict: bool = True
    trim: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)
    payloads: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent_on_reading: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()


_TABLES = {
    "contract": {"sources", "package", "output"},
    "names": {"acronyms"},
    "namespaces": None,
    "payloads": None,
    "operations": None,
    "types": None,
    "reading": {"trim", "aliases", "values", "absent"},
    "sensitive": {"elements", "secrets"},
}


def read_config(path: Path) -> Config:
    """Read ``bindings.toml``; paths in it are relative to its folder.

    Raises ConfigurationError naming the file and the key that is missing, unknown or of the wrong kind.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error
    try:
        return dataclasses.replace(_config(data, path.parent), file=path)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def default_config(contract: Path, package: str, output: Path) -> Config:
    """Settings for a contract that has no toml."""
    parts = package.split(".")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ConfigurationError(f"--package {package!r} is not a Python package name")
    return Config(sources=tuple(contract_folders(contract)), package=package, output=output, strict=False)


def _config(data: dict[str, Any], base: Path) -> Config:
    for table, content in data.items():
        if table not in _TABLES or not isinstance(content, dict):
            raise ConfigurationError(f"[{table}] is not known; known are {', '.join(_TABLES)}")
        allowed = _TABLES[table]
        for key in content:
            if allowed is not None and key not in allowed:
                raise ConfigurationError(f"[{table}] {key} is not known; known are {', '.join(sorted(allowed))}")
    contract = data.get("contract", {})
    for key in ("sources", "package", "output"):
        if key not in contract:
            raise ConfigurationError(f"[contract] {key} is missing")
    prefixes = _strings(data.get("namespaces", {}), "namespaces")
    reading = data.get("reading", {})
    return Config(
        sources=tuple(base / source for source in _list(contract["sources"], "contract.sources")),
        package=str(contract["package"]),
        output=base / str(contract["output"]),
        acronyms=_list(data.get("names", {}).get("acronyms", list(DEFAULT_ACRONYMS)), "names.acronyms"),
        trim=bool(reading.get("trim", False)),
        modules={namespace: module for module, namespace in prefixes.items()},
        payloads={
            _qname(key, prefixes): _qname(value, prefixes)
            for key, value in _strings(data.get("payloads", {}), "payloads").items()
        },
        roles={key: _role(key, value) for key, value in _strings(data.get("operations", {}), "operations").items()},
        types=_strings(data.get("types", {}), "types"),
        aliases={key: _list(value, f"reading.aliases.{key}") for key, value in reading.get("aliases", {}).items()},
        values={key: _strings(value, f"reading.values.{key}") for key, value in reading.get("values", {}).items()},
        absent_on_reading=frozenset(_list(reading.get("absent", []), "reading.absent")),
        sensitive=frozenset(_list(data.get("sensitive", {}).get("elements", []), "sensitive.elements")),
        secret=frozenset(_list(data.get("sensitive", {}).get("secrets", []), "sensitive.secrets")),
    )


def _list(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{key} must be a list of strings")
    return tuple(value)


def _strings(value: Any, key: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ConfigurationError(f"[{key}] must hold strings only")
    return dict(value)


def _role(operation: str, value: str) -> Role:
    if value == "caller":
        return "caller"
    if value == "callee":
        return "callee"
    raise ConfigurationError(f"operations.{operation} must be 'caller' or 'callee', not {value!r}")


def _qname(value: str, prefixes: Mapping[str, str]) -> str:
    prefix, _, name = value.partition(":")
    if not name or prefix not in prefixes:
        raise ConfigurationError(f"{value!r} must be MODULE:ELEMENT with a module of [namespaces]")
    return clark(prefixes[prefix], name)
