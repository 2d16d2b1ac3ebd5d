"""Names of the constants of operations: those of one name are told apart as a person would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mpesa_cbp_generator.config.bindings import default_config
from mpesa_cbp_generator.contract.load import load_files
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.model import Plan

HEAD = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:c" targetNamespace="urn:c"><types>'
    '<xs:schema targetNamespace="urn:c"><xs:element name="a" type="xs:string"/></xs:schema></types>'
    '<message name="m"><part name="p" element="t:a"/></message>'
)
BODY = "<soap:operation/><input><soap:body use='literal'/></input>"


def contract(bound: Sequence[tuple[str, str, str, str]]) -> bytes:
    """A WSDL: for each binding its name, its port's, its port type's, and the operation's."""
    port_types = {port_type: operation for _, _, port_type, operation in bound}
    text = "".join(
        f'<portType name="{name}"><operation name="{operation}"><input message="t:m"/></operation></portType>'
        for name, operation in port_types.items()
    )
    for binding, _, port_type, operation in bound:
        text += f'<binding name="{binding}" type="t:{port_type}">'
        text += '<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        text += f'<operation name="{operation}">{BODY}</operation></binding>'
    ports = "".join(
        f'<port name="{port}" binding="t:{binding}"><soap:address location="http://x/"/></port>'
        for binding, port, _, _ in bound
    )
    return f'{HEAD}{text}<service name="S">{ports}</service></definitions>'.encode()


def _plan(wsdl: bytes) -> Plan:
    return make_plan(load_files({"c.wsdl": wsdl}), default_config(Path("c.wsdl"), "package", Path("package")))


TABLE = {
    "alone": ([("PayBinding", "Port", "P", "pay")], ["PAY"]),
    "by what differs in the binding": (
        [("PayFastBinding", "One", "P", "pay"), ("PaySafeBinding", "Two", "P", "pay")],
        ["PAY_FAST", "PAY_SAFE"],
    ),
    "one binding says no more than another": (
        [("PayBinding", "One", "P", "pay"), ("PaySafeBinding", "Two", "P", "pay")],
        ["PAY", "PAY_SAFE"],
    ),
    "by several words": (
        [("GoldCardSoap", "One", "P", "pay"), ("BankTransferSoap", "Two", "P", "pay")],
        ["PAY_GOLD_CARD", "PAY_BANK_TRANSFER"],
    ),
    "by version": ([("PayV1", "One", "P", "pay"), ("PayV2", "Two", "P", "pay")], ["PAY_1", "PAY_2"]),
    "by port where spellings of bindings are the same words": (
        [("Pay_Binding", "Test", "P", "pay"), ("PayBinding", "Live", "P", "pay")],
        ["PAY_TEST", "PAY_LIVE"],
    ),
    "by port type": ([("a_b", "Po_rt", "Cards", "pay"), ("aB", "PoRt", "Banks", "pay")], ["PAY_CARDS", "PAY_BANKS"]),
    "a name that is taken": (
        [("SafeSoap", "One", "P", "pay"), ("FastSoap", "Two", "P", "pay"), ("Third", "Three", "Q", "paySafe")],
        ["PAY_SAFE", "PAY_FAST", "PAY_SAFE_2"],
    ),
}


@pytest.mark.parametrize(("bound", "constants"), TABLE.values(), ids=TABLE)
def test_operations_of_one_name_are_told_apart(
    bound: Sequence[tuple[str, str, str, str]], constants: list[str]
) -> None:
    assert [operation.constant for operation in _plan(contract(bound)).operations] == constants


def test_order_of_the_bindings_changes_no_name() -> None:
    bound = [("PaySafeBinding", "Two", "P", "pay"), ("PayFastBinding", "One", "P", "pay")]
    there, back = _plan(contract(bound)).operations, _plan(contract(bound[::-1])).operations
    assert {item.binding: item.constant for item in there} == {item.binding: item.constant for item in back}
