"""Match the operations of two contracts and compare them, types aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.members import plain
from mpesa_cbp_generator.drift.compare.name_matching import likeness, near_pairs, pairs_by_key
from mpesa_cbp_generator.plan.model import MessagePlan, OperationPlan
from mpesa_cbp_generator.schema.declarations import local_name

OperationPair = tuple[OperationPlan | None, OperationPlan | None]

_SERVICE_NAMES = ("namespace", "port_type", "binding", "service", "port")


def match_operations(old: Sequence[OperationPlan], new: Sequence[OperationPlan]) -> list[OperationPair]:
    """Operations by name and place, then by name alone, then renamed ones; in an order that no file order touches."""
    before, after = sorted(old, key=_identity), sorted(new, key=_identity)
    pairs: list[tuple[OperationPlan, OperationPlan]] = []
    for key in (_identity, lambda item: (item.name, item.port_type), lambda item: item.name):
        found, before, after = pairs_by_key(before, after, key)
        pairs += found
    renamed, before, after = near_pairs(before, after, _operation_likeness)
    everything: list[OperationPair] = [*pairs, *renamed, *((item, None) for item in before)]
    everything += [(None, item) for item in after]
    return sorted(everything, key=lambda pair: _identity(pair[0] or pair[1]))


def operation_names(pairs: Sequence[OperationPair]) -> list[str]:
    """First segment of the paths of each pair: the operation's name, with its port where the name alone is not one."""
    shown = [pair[0] or pair[1] for pair in pairs]
    counts = Counter(item.name for item in shown if item is not None)
    return [
        "" if item is None else item.name if counts[item.name] == 1 else f"{item.name} ({item.port or item.binding})"
        for item in shown
    ]


def compare_operations(path: str, old: OperationPlan, new: OperationPlan) -> Iterator[Change]:
    """Changes of an operation's own facts, its messages aside."""

    def told(rule_id: str, before: str | None, after: str | None, source: str | None = None) -> Change:
        return change(
            rule_id,
            key=(path,),
            old=before,
            new=after,
            old_place=old.place,
            new_place=new.place,
            source=source,  # type: ignore[arg-type]
        )

    if old.name != new.name:
        source = "none" if old.constant == new.constant else "breaking"
        yield told("operation-renamed", old.name, new.name, source)
    elif old.role != new.role:
        yield told("operation-role-changed", old.role, new.role)
    elif old.constant != new.constant:
        yield told("python-name-changed", old.constant, new.constant)
    if old.soap_action != new.soap_action:
        yield told("soap-action-changed", old.soap_action, new.soap_action)
    if old.style != new.style:
        yield told("soap-style-changed", old.style, new.style)
    if old.address != new.address:
        yield told("address-changed", old.address, new.address)
    for rule_id, before, after in _other_ports(old, new):
        yield told(rule_id, before, after)
    for name in _SERVICE_NAMES:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield told("service-name-changed", f"{name} {before}", f"{name} {after}")
    if plain(old.documentation) != plain(new.documentation):
        yield told("documentation-changed", plain(old.documentation), plain(new.documentation))


def _other_ports(old: OperationPlan, new: OperationPlan) -> Iterator[tuple[str, str | None, str | None]]:
    """Changes of the ports beyond the first: by service and name, another address or a port that only one side has."""
    before, after = ({(p.service, p.name): p.address for p in side.other_ports} for side in (old, new))
    for key in sorted({*before, *after}):
        if key in before and key in after:
            if before[key] != after[key]:
                yield "address-changed", before[key], after[key]
        else:
            shown = " ".join(("port", *key))
            yield "service-name-changed", shown if key in before else None, shown if key in after else None


def one_sided(path: str, old: OperationPlan | None, new: OperationPlan | None) -> Change:
    """The change of an operation that only one contract has."""
    rule_id = "operation-added" if old is None else "operation-removed"
    return change(
        rule_id,
        key=(path,),
        old=old.name if old else None,
        new=new.name if new else None,
        old_place=old.place if old else None,
        new_place=new.place if new else None,
    )


def _identity(item: OperationPlan | None) -> tuple[str, ...]:
    if item is None:
        return ()
    return (item.name, item.namespace, item.port_type, item.binding, item.service, item.port)


def _operation_likeness(old: OperationPlan, new: OperationPlan) -> float:
    """Likeness of the names of operations that carry nearly the same bodies, otherwise 0."""
    bodies = [_body(message) for item in (old, new) for message in (item.input, item.output)]
    if min(likeness(bodies[0], bodies[2]), likeness(bodies[1], bodies[3])) < 0.5:
        return 0.0
    return likeness(old.name, new.name)


def _body(message: MessagePlan | None) -> str:
    return local_name(message.body or "") if message is not None else "no message"
