"""What the codecs do not cover is refused with file, line and construct; never passed over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mpesa_cbp_generator.config.bindings import default_config
from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.errors import ConfigurationError, ContractError
from mpesa_cbp_generator.plan.build import make_plan

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def schema(body: str) -> str:
    return f'<xs:schema {XS} xmlns="urn:c" xmlns:t="urn:c" targetNamespace="urn:c">\n{body}\n</xs:schema>'


def in_type(body: str) -> str:
    return schema(f'<xs:element name="r"><xs:complexType>\n{body}\n</xs:complexType></xs:element>')


def wsdl(*, operations: str = "", binding: str = "", messages: str = "", soap: str = "soap") -> str:
    return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/{soap}/"
  xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:t="urn:c" targetNamespace="urn:c">
<types><xs:schema {XS} targetNamespace="urn:c"><xs:element name="a" type="xs:string"/></xs:schema></types>
<message name="m"><part name="p" element="t:a"/></message>{messages}
<portType name="P">
{operations or '<operation name="o"><input message="t:m"/></operation>'}
</portType>
{binding or bound('<operation name="o"><soap:operation/><input><soap:body use="literal"/></input></operation>')}
</definitions>"""


def bound(operations: str, style: str = "document") -> str:
    head = f'<soap:binding style="{style}" transport="http://schemas.xmlsoap.org/soap/http"/>'
    return f'<binding name="B" type="t:P">{head}\n{operations}</binding>'


def operation(body: str) -> str:
    return bound(f'<operation name="o"><soap:operation/>\n<input>{body}</input></operation>')


REFUSED = {
    "rpc": (wsdl(binding=bound('<operation name="o"/>', "rpc")), r"wsdl:operation: style 'rpc'"),
    "encoded": (wsdl(binding=operation('<soap:body use="encoded"/>')), r"soap:body: use 'encoded'"),
    "SOAP 1.2 alone": (wsdl(soap="soap12"), r"soap12:binding: only a SOAP 1.2 binding"),
    "HTTP alone": (wsdl(binding='<binding name="B" type="t:P"><http:binding verb="GET"/></binding>'), "no binding is a"),
    "overloaded operation": (
        wsdl(operations='<operation name="o"><input message="t:m"/></operation>\n<operation name="o"><input message="t:m"/></operation>'),
        r"wsdl:operation: operation 'o' is overloaded",
    ),
    "overloaded and bound by name of message": (
        wsdl(
            operations='<operation name="o"><input name="i" message="t:m"/></operation>\n<operation name="o"><input name="j" message="t:m"/></operation>',
            binding=bound('<operation name="o"><soap:operation/><input name="j"><soap:body use="literal"/></input></operation>'),
        ),
        r"contract.wsdl:\d+: wsdl:operation: operation 'o' is overloaded",
    ),
    "MIME": (
        wsdl(binding=operation('<mime:multipartRelated xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/"/>')),
        r"mime:multipartRelated: MIME attachments are not supported",
    ),
    "rpc in one operation": (
        wsdl(binding=bound('<operation name="o"><soap:operation style="rpc"/></operation>')),
        r"soap:operation: style 'rpc' is not supported",
    ),
    "encoded header": (
        wsdl(binding=operation('<soap:header message="t:m" part="p" use="encoded"/>')),
        r"soap:header: use 'encoded' is not supported",
    ),
    "encoded fault": (
        wsdl(
            binding=bound(
                '<operation name="o"><soap:operation/><input/><fault name="f"><soap:fault name="f" use="encoded"/></fault></operation>'
            )
        ),
        r"soap:fault: use 'encoded' is not supported",
    ),
    "mail": (
        wsdl(binding='<binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/smtp"/></binding>'),
        r"soap:binding: transport 'http://schemas.xmlsoap.org/soap/smtp' is not supported",
    ),
    "several body parts": (
        wsdl(
            messages='<message name="n"><part name="p" element="t:a"/><part name="q" element="t:a"/></message>',
            operations='<operation name="o"><input message="t:n"/></operation>',
        ),
        r"wsdl:input: more than one body part",
    ),
    "port type that is not there": (
        wsdl(binding=bound('<operation name="o"/>').replace("t:P", "t:Q")),
        r"wsdl:binding: portType 't:Q' is not declared",
    ),
    "WSDL import that is not there": (
        wsdl(messages='<import namespace="urn:x" location="x.wsdl"/>'),
        r"wsdl:import: file 'x.wsdl' is not in the contract",
    ),
    "operation without input": (
        wsdl(operations='<operation name="o"><output message="t:m"/></operation>'),
        r"wsdl:operation: operation 'o' has no input",
    ),
    "part with a type": (
        wsdl(messages=f'<message name="n" {XS}><part name="p" type="xs:string"/></message>', operations='<operation name="o"><input message="t:n"/></operation>'),
        "a part with a type is not document/literal",
    ),
    "header part that is not there": (
        wsdl(binding=operation('<soap:header message="t:m" part="q" use="literal"/>')),
        r"soap:header: part 'q' is not in the message",
    ),
    "message declared twice": (
        wsdl(messages='<message name="m"><part name="p" element="t:a"/></message>'),
        r"wsdl:message: 'm' is declared twice",
    ),
    "assertion": (in_type('<xs:sequence/><xs:assert test="true()"/>'), r"xs:assert: is not of XML Schema 1.0"),
    "open content": (in_type("<xs:openContent><xs:any/></xs:openContent><xs:sequence/>"), r"xs:openContent: is not of"),
    "override": (schema('<xs:override schemaLocation="contract.xsd"/>'), r"xs:override: "),
    "notNamespace": (in_type('<xs:sequence><xs:any notNamespace="urn:x"/></xs:sequence>'), r"xs:any: notNamespace is of"),
    "all with repeated element": (
        in_type('<xs:all><xs:element name="a" type="xs:string" maxOccurs="2"/></xs:all>'),
        r"xs:element: more than once inside xs:all",
    ),
    "type of XML Schema 1.1": (schema('<xs:element name="r" type="xs:dayTimeDuration"/>'), "is no type of XML Schema 1.0"),
    "list inside a union": (
        schema('<xs:simpleType name="L"><xs:list itemType="xs:int"/></xs:simpleType>\n<xs:element name="r"><xs:simpleType><xs:union memberTypes="L xs:string"/></xs:simpleType></xs:element>'),
        "a list inside a list or union is not supported",
    ),
    "QName in a list": (
        schema('<xs:element name="r"><xs:simpleType><xs:list itemType="xs:QName"/></xs:simpleType></xs:element>'),
        "xs:QName in a list or union is not supported",
    ),
    "default of QName": (in_type('<xs:attribute name="a" type="xs:QName" default="t:x"/>'), "a default or a facet of xs:QName"),
    "default of an element with attributes": (
        schema(
            '<xs:complexType name="P"><xs:simpleContent><xs:extension base="xs:int"><xs:attribute name="a"/></xs:extension>'
            '</xs:simpleContent></xs:complexType>\n<xs:element name="r"><xs:complexType><xs:sequence>'
            '<xs:element name="p" type="t:P" default="5"/></xs:sequence></xs:complexType></xs:element>'
        ),
        "'p': a default or a fixed value of a type that is not simple",
    ),
    "fixed value of any type": (
        in_type('<xs:sequence><xs:element name="a" type="xs:anyType" fixed="x"/></xs:sequence>'),
        "'a': a default or a fixed value of a type that is not simple",
    ),
    "default of a list that is no value": (
        in_type('<xs:attribute name="a" default="x"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:attribute>'),
        "the default",
    ),
    "default that is no value": (in_type('<xs:attribute name="a" type="xs:int" default="x"/>'), r"the default is no xs:int"),
    "one namespace refers to none": (
        in_type('<xs:sequence><xs:element ref="other" xmlns=""/></xs:sequence>'),
        "is of no namespace",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_covered_is_refused_with_file_line_and_construct(text: str, said: str, tmp_path: Path) -> None:
    name = "contract.wsdl" if text.startswith("<definitions") else "contract.xsd"
    (tmp_path / name).write_text(text, encoding="utf-8")
    config = default_config(tmp_path, "package", tmp_path / "out")
    with pytest.raises(ContractError) as caught:
        make_plan(load([tmp_path]), config)
    assert re.search(said, str(caught.value)), str(caught.value)
    assert all(problem.file == name and problem.line > 0 and problem.construct for problem in caught.value.problems)


def chain(kind: str, inner: str, last: str, root: str) -> str:
    links = "\n".join(f'<xs:{kind} name="T{n}">{inner.format(n=n, next=n + 1)}</xs:{kind}>' for n in range(500))
    return schema(f'{links}\n<xs:{kind} name="T500">{last}</xs:{kind}>\n<xs:element name="r">{root}</xs:element>')


CHAINS = {
    "types nested in each other": chain(
        "complexType",
        '<xs:sequence><xs:element name="e" type="t:T{next}"/></xs:sequence>',
        "<xs:sequence/>",
        '<xs:complexType><xs:sequence><xs:element name="a" type="t:T0"/></xs:sequence></xs:complexType>',
    ),
    "types derived from each other": chain(
        "complexType",
        '<xs:complexContent><xs:extension base="t:T{next}"><xs:sequence/></xs:extension></xs:complexContent>',
        "<xs:sequence/>",
        '<xs:complexType><xs:sequence><xs:element name="a" type="t:T0"/></xs:sequence></xs:complexType>',
    ),
    "groups of groups": chain(
        "group",
        '<xs:sequence><xs:group ref="t:T{next}"/></xs:sequence>',
        '<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>',
        '<xs:complexType><xs:group ref="t:T0"/></xs:complexType>',
    ),
}


@pytest.mark.parametrize("text", CHAINS.values(), ids=CHAINS)
def test_chain_that_is_too_long_to_follow_is_named_where_it_begins(text: str, tmp_path: Path) -> None:
    (tmp_path / "contract.xsd").write_text(text, encoding="utf-8")
    config = default_config(tmp_path, "package", tmp_path / "out")
    with pytest.raises(ContractError) as caught:
        make_plan(load([tmp_path]), config)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.construct) == ("contract.xsd", 503, "xs:element")
    assert "502 declarations are nested in each other (r, T0, T1, …, T500)" in problem.message


@pytest.mark.parametrize("name", ["a-b", "", "class", "a..b", "1a", "a.import", " a"])
def test_package_name_that_cannot_be_imported_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a Python package name"):
        default_config(tmp_path, name, tmp_path / "out")
