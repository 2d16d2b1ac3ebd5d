"""Name the module and class of every type."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.plan import identifiers as names
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of

Key = tuple[str, ...]
"""Key of a shape: ``element`` or ``type``, the Clark name of a global, the local names down to an anonymous type."""


def path_of(key: Key) -> list[str]:
    """Local names that lead to a type, the global's first."""
    return [local_name(key[1]), *key[2:]]


def module_names(keys: Iterable[Key], config: Config) -> dict[str, str]:
    """Module of each namespace that has types."""
    taken: set[str] = set(config.modules.values())
    assigned = {}
    for namespace in sorted({namespace_of(key[1]) for key in keys}):
        configured = config.modules.get(namespace)
        assigned[namespace] = configured or names.unique(names.module_name(namespace or "types"), taken)
    return assigned


def class_names(keys: Iterable[Key], modules: Mapping[str, str], config: Config) -> dict[Key, tuple[str, str]]:
    """Module and class name of every shape: anonymous types after their element, parents added on collision."""
    wanted = {key: (modules[namespace_of(key[1])], _joined(path_of(key)[-1:], config)) for key in keys}
    depth = dict.fromkeys(wanted, 1)
    while True:
        counts = Counter(wanted.values())
        clashing = [key for key, name in wanted.items() if counts[name] > 1 and depth[key] < len(path_of(key))]
        if not clashing:
            break
        for key in clashing:
            depth[key] += 1
            wanted[key] = (wanted[key][0], _joined(path_of(key)[-depth[key] :], config))
    taken: dict[str, set[str]] = defaultdict(set)
    result = {}
    for key in sorted(wanted, key=lambda key: (len(key), key[0] != "type", key)):
        module, name = wanted[key]
        if name in taken[module] and key[0] == "element":
            name = f"{name}Element"
        result[key] = (module, names.unique(name, taken[module]))
    return result


def _joined(parts: Iterable[str], config: Config) -> str:
    return "".join(names.class_name(part, config.acronyms) for part in parts)
