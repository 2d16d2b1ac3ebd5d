"""What a WSDL operation is: names, addresses and the types that it carries."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from ._message import load_codecs


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One direction of an operation.

    ``element`` and ``headers`` are Clark names of the body's and the headers' elements. ``payload_element`` is the
    root of the document that the body's text carries, where the contract's owner says that it carries one.
    """

    element: str | None
    type_name: str | None
    headers: tuple[str, ...] = ()
    header_type_names: tuple[str, ...] = ()
    payload_element: str | None = None
    payload_type_name: str | None = None

    @property
    def body_type(self) -> type[Any] | None:
        """Class of the body's element, imported on first use."""
        return load_type(self.type_name) if self.type_name else None

    @property
    def header_types(self) -> tuple[type[Any], ...]:
        """Classes of the headers."""
        return tuple(load_type(name) for name in self.header_type_names)

    @property
    def payload_type(self) -> type[Any] | None:
        """Class of the document inside the body's text."""
        return load_type(self.payload_type_name) if self.payload_type_name else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of a service, and the address at which it is reached."""

    service: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the contract; ``role`` is caller where we send ``input``, callee where we receive it.

    ``service``, ``port`` and ``address`` are those of the first port; ``ports`` has all of them. They are empty where
    the contract has no port.
    """

    name: str
    namespace: str
    port_type: str
    binding: str
    service: str
    port: str
    address: str
    soap_action: str
    style: str
    role: Literal["caller", "callee"]
    input: Message
    output: Message | None
    faults: tuple[tuple[str, str], ...]
    documentation: str
    other_ports: tuple[Port, ...] = ()

    @property
    def ports(self) -> tuple[Port, ...]:
        """Every port at which the operation can be called, in the contract's order."""
        first = Port(service=self.service, name=self.port, address=self.address)
        return (first, *self.other_ports) if self.port else ()


def load_type(name: str) -> type[Any]:
    """Class of this package by ``module.ClassName``, its codecs loaded."""
    module, _, class_name = name.rpartition(".")
    full_name = f"{__package__}.{module}"
    loaded: type[Any] = getattr(import_module(full_name), class_name)
    load_codecs(full_name)
    return loaded
