"""Load a folder, a zip or files into parsed documents, strictly.

No network, no DTD, no entity, no path that leaves the given folders. Whatever is wrong is reported with file and
line, all problems at once.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lxml import etree

from mpesa_cbp_generator.contract.files import check_size, is_contract_file, is_local, read_all, read_file
from mpesa_cbp_generator.contract.imports import SchemaSet, link_problem, links, resolve, wsdl_import_problems
from mpesa_cbp_generator.contract.model import WSDL, XS, Contract, Document, line_of
from mpesa_cbp_generator.errors import ContractError, Problem

MAX_DEPTH = 200
"""Deepest nesting of XML elements that is read; the deepest real contract at hand has 30 levels."""


def load(paths: Sequence[Path]) -> Contract:
    """Read a contract from folders, zip archives and single files.

    A single WSDL or XSD brings in what it imports from its own folder, and nothing else of that folder.

    Raises ContractError for anything that is missing, malformed, too large, ambiguous or reaching outside.
    """
    if len(paths) == 1 and paths[0].is_file() and is_contract_file(paths[0].name):
        return _load_single(paths[0])
    return load_files(dict(read_all(paths)))


def load_files(files: dict[str, bytes], roots: Iterable[str] | None = None) -> Contract:
    """Build a contract from file contents by name; with ``roots``, only from those and what they import."""
    if not files:
        raise ContractError([Problem("contract", 0, "contract", "no .wsdl or .xsd file was found")])
    check_size(len(files), sum(map(len, files.values())))
    documents, problems = _documents(files, files if roots is None else roots, follow=roots is not None)
    if problems:
        raise ContractError(problems)
    ordered = tuple(documents[name] for name in sorted(documents))
    schemas = SchemaSet(ordered)
    problems = [*schemas.problems, *wsdl_import_problems(ordered)]
    if problems:
        raise ContractError(problems)
    return Contract(ordered, schemas.schemas)


def _documents(
    files: dict[str, bytes], roots: Iterable[str], *, follow: bool
) -> tuple[dict[str, Document], list[Problem]]:
    """The documents of some files and, with ``follow``, of the files that they link to."""
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    wanted = sorted(roots)
    while wanted:
        name = wanted.pop(0)
        if name in documents:
            continue
        try:
            documents[name] = _parse(name, files[name])
        except ContractError as error:
            problems.extend(error.problems)
            continue
        for link, location in links(documents[name]) if follow else ():
            target = resolve(documents[name], location, files)
            if isinstance(target, str):
                wanted.append(target)
            elif target is not None:
                problems.append(link_problem(documents[name], link, target.message))
    return documents, problems


def _load_single(path: Path) -> Contract:
    within = [path.parent, path.resolve().parent]
    siblings = {file.name: file for file in sorted(path.parent.iterdir()) if is_contract_file(file.name)}
    files = {path.name: read_file(path, within)}
    wanted = [path.name]
    while wanted:
        name = wanted.pop(0)
        for _, location in links(_parse(name, files[name])):
            found = posixpath.basename(location)
            if is_local(location) and found in siblings and found not in files:
                files[found] = read_file(siblings[found], [path.parent])
                check_size(len(files), sum(map(len, files.values())))
                wanted.append(found)
    return load_files(files, roots=[path.name])


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False, remove_pis=True
    )


def _parse(name: str, data: bytes) -> Document:
    # Old Mac line ends make one line of a file; with LF in their place, problems tell the line that an editor shows.
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    parser = _parser()
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise ContractError([Problem(name, line, "XML", f"not well-formed: {error.msg}")]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ContractError([Problem(name, 1, "DOCTYPE", "a document type declaration is not accepted")])
    if root.tag not in (f"{{{WSDL}}}definitions", f"{{{XS}}}schema"):
        raise ContractError([Problem(name, line_of(root), str(root.tag), "neither wsdl:definitions nor xs:schema")])
    too_deep = _too_deep(root)
    if too_deep is not None:
        raise ContractError([Problem(name, line_of(too_deep), "XML", f"nested deeper than {MAX_DEPTH} levels")])
    return Document(name, hashlib.sha256(data).hexdigest(), root)


def _too_deep(root: etree._Element) -> etree._Element | None:
    depth = 0
    walk: Iterator[tuple[str, etree._Element]] = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            return element
    return None
