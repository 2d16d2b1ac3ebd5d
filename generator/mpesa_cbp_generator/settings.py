"""Settings of single elements, looked up by the contract's words; what was never looked up is a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from mpesa_cbp_generator.config import Config
from mpesa_cbp_generator.errors import ConfigurationError
from mpesa_cbp_generator.model import Plan
from mpesa_cbp_generator.source import local_name

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
        config = self.config
        roots = {root for item in plan.classes for root in item.roots}
        unknown = [local_name(name) for pair in config.payloads.items() for name in pair if name not in roots]
        root_names = {local_name(root) for root in roots}
        keyed = [*config.types, *config.values, *config.absent_on_reading, *config.sensitive]
        keyed += [*config.roles, *(key for key in config.aliases if key not in root_names)]
        unknown += [key for key in keyed if key not in self._used]
        if unknown:
            raise ConfigurationError(
                f"settings name what the contract does not have: {', '.join(sorted(set(unknown)))}"
            )
