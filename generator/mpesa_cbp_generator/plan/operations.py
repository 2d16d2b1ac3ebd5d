"""Plan the operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mpesa_cbp_generator.config.overrides import Settings
from mpesa_cbp_generator.plan import identifiers as names
from mpesa_cbp_generator.plan.model import ClassPlan, MessagePlan, OperationPlan, PortPlan
from mpesa_cbp_generator.soap.operations import MessageShape, OperationShape


def operation_plans(
    found: tuple[OperationShape, ...], classes: tuple[ClassPlan, ...], settings: Settings
) -> tuple[OperationPlan, ...]:
    """Operations with the classes that they carry."""
    config = settings.config
    roots = {root: item.id for item in classes for root in item.roots}
    settings.use(shape.name for shape in found)
    plans = []
    for shape, constant in zip(found, _constants(found, config.acronyms), strict=True):
        ports = [PortPlan(service=port.service, name=port.name, address=port.address) for port in shape.ports]
        ports = ports or [PortPlan(service="", name="", address="")]
        plans.append(
            OperationPlan(
                name=shape.name,
                constant=constant,
                namespace=shape.namespace,
                port_type=shape.port_type,
                binding=shape.binding,
                service=ports[0].service,
                port=ports[0].name,
                address=ports[0].address,
                soap_action=shape.soap_action,
                style=shape.style,
                role=config.roles.get(shape.name, "caller"),
                input=_message(shape.input, roots, config.payloads),
                output=_message(shape.output, roots, config.payloads) if shape.output is not None else None,
                faults=shape.faults,
                documentation=shape.documentation,
                place=shape.place,
                other_ports=tuple(ports[1:]),
            )
        )
    return tuple(plans)


def _constants(found: tuple[OperationShape, ...], acronyms: Iterable[str]) -> Iterator[str]:
    """Name of the constant of each operation.

    Operations of one name are told apart by what their bindings' names differ in, else by the names of their ports,
    port types or services, and no order of declarations matters: ``PAY_FAST`` and ``PAY_SAFE`` for Pay of FastBinding
    and SafeBinding. Numbers are the last resort.
    """
    plain = [_constant(shape.name, acronyms) for shape in found]
    chosen = dict(enumerate(plain))
    for name in dict.fromkeys(plain):
        same = [number for number, other in enumerate(plain) if other == name]
        for words in _distinct_words([found[number] for number in same], acronyms) if len(same) > 1 else ():
            chosen[same.pop(0)] = "_".join((name, *words))
    taken: set[str] = set()
    for constant in chosen.values():
        yield names.unique(constant, taken)


def _constant(name: str, acronyms: Iterable[str]) -> str:
    constant = "_".join(names.words(name, acronyms)).upper()
    return constant if constant[:1].isalpha() else f"OPERATION_{constant}"


def _distinct_words(shapes: list[OperationShape], acronyms: Iterable[str]) -> list[list[str]]:
    """For each of several operations of one name, words that tell it apart; nothing where no names do."""
    ways = (
        [shape.binding for shape in shapes],
        [shape.ports[0].name if shape.ports else "" for shape in shapes],
        [shape.port_type for shape in shapes],
        [shape.ports[0].service if shape.ports else "" for shape in shapes],
    )
    for way in ways:
        found = _without_common_ends([[word.upper() for word in names.words(name, acronyms)] for name in way])
        if len({tuple(words) for words in found}) == len(shapes):
            return found
    return []


def _without_common_ends(found: list[list[str]]) -> list[list[str]]:
    start = _common(found)
    found = [words[start:] for words in found]
    end = _common([words[::-1] for words in found])
    return [words[: len(words) - end] for words in found]


def _common(found: list[list[str]]) -> int:
    """How many words all of them begin with."""
    differ = (number for number, words in enumerate(zip(*found, strict=False)) if len(set(words)) > 1)
    return next(differ, min(map(len, found)))


def _message(shape: MessageShape, roots: Mapping[str, str], payloads: Mapping[str, str]) -> MessagePlan:
    # A revision that lacks the document has no payload, whatever the settings of another one say.
    linked = payloads.get(shape.body or "")
    payload_root = linked if linked in roots else None
    return MessagePlan(
        body=shape.body,
        body_class=roots.get(shape.body or ""),
        headers=shape.headers,
        header_classes=tuple(roots[header] for header in shape.headers if header in roots),
        payload_root=payload_root,
        payload=roots.get(payload_root) if payload_root is not None else None,
    )
