"""zeep on the same contract: WSDL and XSD in one folder, since it does not find the XSD beside ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lxml import etree
from zeep import Client
from zeep.transports import Transport
from zeep.xsd import Schema

from bench.samples import REQUEST, RESULT, ROOT
from mpesa_cbp_models import Request


@contextmanager
def contract_folder() -> Iterator[Path]:
    """The contract's files in one folder."""
    with TemporaryDirectory(prefix="mpesa-cbp-bench-") as name:
        folder = Path(name)
        for file in (*(ROOT / "wsdl").glob("*.wsdl"), *(ROOT / "xsd").glob("*.xsd")):
            shutil.copy(file, folder)
        yield folder


def client(folder: Path) -> Client:
    """Client of the request interface."""
    return Client(str(folder / "CBPInterface_Request.wsdl"))


def _schema(folder: Path, name: str) -> Schema:
    path = folder / name
    return Schema(etree.parse(str(path)).getroot(), Transport(), str(path))


class RequestWriter:
    """Writes the payload of a request from zeep's own values, which know its types."""

    def __init__(self, folder: Path, request: Request) -> None:
        element = _schema(folder, "CPSInterface_Request.xsd").get_element(f"{{{REQUEST}}}request")
        root = etree.fromstring(request.to_xml())
        self._element = element
        self._values = element(**_nested(root))

    def write(self) -> bytes:
        """The document."""
        parent = etree.Element("parent")
        self._element.render(parent, self._values)
        return bytes(etree.tostring(parent[0], xml_declaration=True, encoding="UTF-8"))


class ResultReader:
    """Reads the payload of a result into zeep's values."""

    def __init__(self, folder: Path) -> None:
        self._schema = _schema(folder, "CPSInterface_Result.xsd")
        self._element = self._schema.get_element(f"{{{RESULT}}}result")

    def read(self, data: bytes) -> Any:
        """The value of a document."""
        return self._element.parse(etree.fromstring(data), self._schema)


def _nested(element: etree._Element) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        value = _nested(child) if len(child) else child.text
        if name in ("Parameter", "ReferenceItem"):
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values
