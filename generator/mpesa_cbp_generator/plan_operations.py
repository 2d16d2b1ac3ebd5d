"""Plan: the operations of a contract."""

from __future__ import annotations

from collections.abc import Mapping

from mpesa_cbp_generator import names
from mpesa_cbp_generator.model import ClassPlan, MessagePlan, OperationPlan, PortPlan
from mpesa_cbp_generator.settings import Settings
from mpesa_cbp_generator.wsdl import MessageShape, OperationShape


def operation_plans(
    found: tuple[OperationShape, ...], classes: tuple[ClassPlan, ...], settings: Settings
) -> tuple[OperationPlan, ...]:
    """Operations with the classes that they carry."""
    config = settings.config
    roots = {root: item.id for item in classes for root in item.roots}
    settings.use(shape.name for shape in found)
    taken: set[str] = set()
    plans = []
    for shape in found:
        constant = "_".join(names.words(shape.name, config.acronyms)).upper()
        constant = constant if constant[:1].isalpha() else f"OPERATION_{constant}"
        ports = [PortPlan(service=port.service, name=port.name, address=port.address) for port in shape.ports]
        ports = ports or [PortPlan(service="", name="", address="")]
        plans.append(
            OperationPlan(
                name=shape.name,
                constant=names.unique(constant, taken),
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
