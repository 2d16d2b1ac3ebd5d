"""Judges of what our codecs write and read: canonical XML, xsdata with our dates, libxml2."""

from __future__ import annotations

import datetime
import functools
import importlib
import io
from typing import Any

from lxml import etree
from xsdata.formats.converter import Converter, converter
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from mpesa_cbp_generator.plan.model import ClassPlan
from tests.models.strategies import Objects

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class IsoConverter(Converter):
    """xsdata has no dates of the standard library without a format; ours are written as XML Schema has them."""

    def __init__(self, read: Any, write: Any) -> None:
        self.read, self.write = read, write

    def deserialize(self, value: Any, **_: Any) -> Any:
        return self.read(value)

    def serialize(self, value: Any, **_: Any) -> str:
        return str(self.write(value))


def register_dates(package: str) -> None:
    """Tell xsdata how a package's dates and times are written."""
    lexical = importlib.import_module(f"{package}._lexical")
    for kind, name in ((datetime.datetime, "datetime"), (datetime.date, "date"), (datetime.time, "time")):
        converter.register_converter(
            kind, IsoConverter(getattr(lexical, f"read_{name}"), getattr(lexical, f"{name}_text"))
        )


@functools.cache
def xsdata_codecs(_package: str) -> tuple[XmlParser, XmlSerializer]:
    """xsdata's parser and serializer for a package; what they learn of its classes is kept between documents."""
    context = XmlContext()
    return XmlParser(context=context), XmlSerializer(context=context)


def canonical(data: bytes) -> bytes:
    """Canonical XML with one prefix for each namespace, since canonical XML keeps prefixes and writers choose them."""
    root = etree.fromstring(data)
    namespaces = sorted({etree.QName(element).namespace or "" for element in root.iter()} - {""})
    out = io.BytesIO()
    fresh = _renamed(root, {f"n{i}": namespace for i, namespace in enumerate(namespaces)})
    etree.ElementTree(fresh).write_c14n(out, exclusive=True)  # type: ignore[call-arg]
    return out.getvalue()


def _renamed(element: etree._Element, nsmap: dict[str, str]) -> etree._Element:
    fresh = etree.Element(element.tag, {str(k): str(v) for k, v in element.attrib.items()}, nsmap=nsmap)
    type_name = fresh.get(XSI_TYPE)
    if type_name is not None:
        prefix, _, name = type_name.rpartition(":")
        fresh.set(XSI_TYPE, f"{{{element.nsmap.get(prefix or None, '')}}}{name}")
    fresh.text, fresh.tail = element.text, element.tail
    fresh.extend(_renamed(child, nsmap) for child in element)
    return fresh


def open_content(objects: Objects, item: ClassPlan) -> bool:
    """Whether lxml elements can stand inside.

    xsdata has types of its own for them, and a schema may demand elements that it declares nowhere: neither is a judge
    there, and the round trip alone decides.
    """
    fields = [field for inner in objects.layout.closure(item) for field in objects.layout.fields(inner)]
    return any(field.kind in ("any", "mixed") or objects.layout.is_any(field) for field in fields)
