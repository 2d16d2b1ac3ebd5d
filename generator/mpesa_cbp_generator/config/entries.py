"""The entries of bindings.toml that name something of the contract, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of


@dataclass(frozen=True, slots=True)
class Entry:
    """``place`` is the table, and the key where a list stands there; ``name`` is a Clark name in ``[payloads]``.

    ``text`` is the entry as a person finds it in the file.
    """

    place: str
    name: str
    text: str

    def is_about(self, name: str) -> bool:
        """Whether an element, type or operation of that name is meant, alone or as the owner."""
        return name in local_name(self.name).split(".")


def entries(config: Config) -> Iterator[Entry]:
    """Every entry that names an element, a type or an operation, in the order of docs/generator.md."""
    for name in dict.fromkeys(name for pair in config.payloads.items() for name in pair):
        module = config.modules.get(namespace_of(name), "")
        yield Entry("[payloads]", name, f'[payloads] "{module}:{local_name(name)}"')
    yield from _keys("[operations]", config.roles)
    yield from _keys("[types]", config.types)
    yield from _items("[reading] absent", config.absent_on_reading)
    yield from _keys("[reading.aliases]", config.aliases)
    yield from _keys("[reading.values]", config.values)
    yield from _items("[sensitive] secrets", config.secret)
    yield from _items("[sensitive] elements", config.sensitive)


def _keys(table: str, keys: Iterable[str]) -> Iterator[Entry]:
    return (Entry(table, key, f'{table} "{key}"' if "." in key else f"{table} {key}") for key in keys)


def _items(place: str, items: Iterable[str]) -> Iterator[Entry]:
    return (Entry(place, item, f'{place}: "{item}"') for item in sorted(items))
