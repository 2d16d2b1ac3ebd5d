"""Each construct of WSDL 1.1 that contracts use: a small contract, and the operations that it must give.

``wsdl_constructs/NAME/operations.toml`` is the specification, written by hand. What is not supported stands in
``test_refusals``.
"""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.generator.shared_contracts import bindings

FOLDER = Path(__file__).parent / "wsdl_constructs"
CONSTRUCTS = sorted(path.name for path in FOLDER.iterdir())
NOTHING_STATED: dict[str, Any] = {
    "input": None,
    "output": None,
    "input_headers": [],
    "output_headers": [],
    "faults": [],
}


def expected(construct: str) -> list[dict[str, Any]]:
    stated = tomllib.loads((FOLDER / construct / "operations.toml").read_text(encoding="utf-8"))
    return [NOTHING_STATED | operation for operation in stated["operation"]]


def operations(construct: str) -> Any:
    """Module of the operations of the generated package."""
    return importlib.import_module(f"{bindings(FOLDER / construct)[1]}.operations")


def described(module: Any, operation: Any) -> dict[str, Any]:
    constants = [name for name, value in vars(module).items() if value is operation]
    return {
        "constant": constants[0],
        "name": operation.name,
        "soap_action": operation.soap_action,
        "ports": [[port.service, port.name, port.address] for port in operation.ports],
        "input": operation.input.element,
        "output": operation.output.element if operation.output is not None else None,
        "input_headers": list(operation.input.headers),
        "output_headers": list(operation.output.headers) if operation.output is not None else [],
        "faults": [list(fault) for fault in operation.faults],
    }


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_contract_gives_the_operations_that_it_states(construct: str) -> None:
    module = operations(construct)
    assert [described(module, operation) for operation in module.OPERATIONS] == expected(construct)


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_first_port_is_the_one_that_an_operation_names(construct: str) -> None:
    for operation in operations(construct).OPERATIONS:
        first = [[operation.service, operation.port, operation.address]] if operation.port else []
        assert first == [[port.service, port.name, port.address] for port in operation.ports][:1]


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_element_of_a_complex_type_that_a_message_carries_has_its_class(construct: str) -> None:
    module = operations(construct)
    for operation in module.OPERATIONS:
        for message in filter(None, (operation.input, operation.output)):
            known = module.ELEMENTS.get(message.element)
            found = message.body_type
            assert (found and f"{found.__module__.rpartition('.')[2]}.{found.__name__}") == known
