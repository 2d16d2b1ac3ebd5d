"""Look up settings of single elements by the contract's names, and report those never looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.config.entries import Entry, entries
from mpesa_cbp_generator.errors import UnknownNames
from mpesa_cbp_generator.plan.model import Plan
from mpesa_cbp_generator.schema.declarations import local_name

_T = TypeVar("_T")


class Settings:
    """Looks settings up under ``Owner.Element`` and ``Element``, and remembers which were used."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._used: set[str] = set()

    def value(self, table: Mapping[str, _T], owner: str, name: str) -> _T | None:
        """Setting of an element, or None."""
        for key in (f"{owner}.{name}", name):
            if key in table:
                self._used.add(key)
                return table[key]
        return None

    def named(self, keys: frozenset[str], owner: str, name: str) -> bool:
        """Whether a setting names an element."""
        found = keys & {f"{owner}.{name}", name}
        self._used |= found
        return bool(found)

    def use(self, names: Iterable[str]) -> None:
        """Note names that the contract has."""
        self._used.update(names)

    def check(self, plan: Plan) -> None:
        """Settings that speak of what the contract does not have are mistakes; say so instead of ignoring them."""
        roots = {root for item in plan.classes for root in item.roots}
        known = {"[payloads]": roots, "[reading.aliases]": self._used | {local_name(root) for root in roots}}
        unknown = [entry for entry in entries(self.config) if entry.name not in known.get(entry.place, self._used)]
        if unknown:
            raise UnknownNames(_told(self.config, unknown, _names(plan)))


def _told(config: Config, unknown: Iterable[Entry], names: Iterable[str]) -> str:
    file = config.file.as_posix() if config.file is not None else "the settings"
    known = list(names)
    lines = [f"{file} names what the contract does not have:"]
    for entry in unknown:
        close = get_close_matches(local_name(entry.name).rpartition(".")[2], known, n=1, cutoff=0.75)
        lines.append(f"  {entry.text}{f' (is it {close[0]} now?)' if close else ''}")
    lines.append(f"Where it was renamed, write the new name into {file}; where it is gone, delete the entry.")
    lines.append("mpesa-cbp-gen drift FOLDER tells what else the contract in FOLDER changes against the bindings.")
    return "\n".join(lines)


def _names(plan: Plan) -> list[str]:
    """What elements, types and operations are called in the contract."""
    called = [field.xml_name for item in plan.classes for field in item.fields]
    called += [item.path[-1] for item in plan.classes] + [operation.name for operation in plan.operations]
    return sorted({*called, *(local_name(root) for item in plan.classes for root in item.roots)})
