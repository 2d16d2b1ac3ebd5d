"""One libxml2 schema for all schemas of a contract, built from the project's own strict loader."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from lxml import etree

from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.contract.model import XS


def combined_schema(paths: list[Path]) -> etree.XMLSchema:
    """Schemas of one namespace are joined into one document, since libxml2 reads only the first it meets of each."""
    contract = load(paths)
    by_namespace: dict[str, list[etree._Element]] = defaultdict(list)
    for schema in contract.schemas:
        by_namespace[schema.target_namespace].append(schema.element)
    documents = {}
    for number, (namespace, elements) in enumerate(sorted(by_namespace.items())):
        for part, element in enumerate(elements):
            fresh = etree.fromstring(etree.tostring(element, with_tail=False))
            for link in list(fresh):
                if link.tag in {f"{{{XS}}}{kind}" for kind in ("import", "include")}:
                    fresh.remove(link)
            if namespace:
                fresh.set("targetNamespace", namespace)
            documents[f"mem:{number}-{part}.xsd"] = (namespace, number, fresh)
    for name, (namespace, number, fresh) in documents.items():
        position = 0
        for other in sorted(by_namespace):
            if other == namespace:
                continue
            index = sorted(by_namespace).index(other)
            attributes = {"schemaLocation": f"mem:{index}-0.xsd"} | ({"namespace": other} if other else {})
            fresh.insert(position, etree.Element(f"{{{XS}}}import", attributes))
            position += 1
        if name.endswith("-0.xsd"):
            for part in range(1, len(by_namespace[namespace])):
                fresh.insert(position, etree.Element(f"{{{XS}}}include", schemaLocation=f"mem:{number}-{part}.xsd"))
                position += 1
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Resolver({name: etree.tostring(fresh) for name, (_, _, fresh) in documents.items()}))
    imports = "".join(
        f'<xs:import{f" namespace={chr(34)}{ns}{chr(34)}" if ns else ""} schemaLocation="mem:{i}-0.xsd"/>'
        for i, ns in enumerate(sorted(by_namespace))
    )
    top = f'<xs:schema xmlns:xs="{XS}" targetNamespace="urn:combined">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(top, parser))


class _Resolver(etree.Resolver):
    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files

    def resolve(self, url: str, _: str, context: object) -> object:  # type: ignore[override]
        return self.resolve_string(self.files[url], context)  # type: ignore[call-arg]
