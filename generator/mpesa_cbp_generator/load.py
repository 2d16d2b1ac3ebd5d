"""Load: a folder, a zip or files of a contract become parsed documents, strictly and without surprises.

Nothing outside the contract is ever opened: no network, no DTD, no entity, no path that leaves the given
folders. Whatever is wrong is reported with file and line, all problems at once.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from mpesa_cbp_generator.errors import ContractError, Problem

XS = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_CONTRACT_BYTES = 32 * 1024 * 1024
MAX_FILES = 400
MAX_DEPTH = 200
"""Deepest nesting of XML elements that is read; the deepest real contract at hand has 30 levels."""

_SUFFIXES = (".wsdl", ".xsd")
# What macOS puts into an archive beside each file; it carries the file's suffix and is none of the contract.
_MACOS = "__MACOSX/"


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the contract: its name (relative, ``/`` as separator), digest and parsed root."""

    name: str
    sha256: str
    root: etree._Element

    @property
    def is_wsdl(self) -> bool:
        """Whether it is a WSDL rather than a schema."""
        return self.root.tag == f"{{{WSDL}}}definitions"


@dataclass(frozen=True, slots=True)
class Schema:
    """One ``xs:schema``, standing alone in a file or embedded in a WSDL.

    ``target_namespace`` is the effective one: a schema without its own that is included by another takes
    that one's (chameleon include), and is listed once for each namespace that it takes.
    """

    document: Document
    element: etree._Element
    target_namespace: str


@dataclass(frozen=True, slots=True)
class Contract:
    """All documents of a contract in name order, and the schemas in them."""

    documents: tuple[Document, ...]
    schemas: tuple[Schema, ...]

    @property
    def definitions(self) -> tuple[Document, ...]:
        """The WSDL documents."""
        return tuple(document for document in self.documents if document.is_wsdl)


def is_contract_file(name: str) -> bool:
    """Whether a file is one of a contract's, by its suffix in any case."""
    return name.lower().endswith(_SUFFIXES)


def load(paths: Sequence[Path]) -> Contract:
    """Read a contract from folders, zip archives and single files.

    A single WSDL or XSD brings in what it imports from its own folder, and nothing else of that folder.

    Raises ContractError for anything that is missing, malformed, too large, ambiguous or reaching outside.
    """
    if len(paths) == 1 and paths[0].is_file() and is_contract_file(paths[0].name):
        return _load_single(paths[0])
    return load_files(dict(_read_all(paths)))


def load_files(files: dict[str, bytes], roots: Iterable[str] | None = None) -> Contract:
    """Build a contract from file contents by name; with ``roots``, only from those and what they import."""
    problems: list[Problem] = []
    if not files:
        raise ContractError([Problem("contract", 0, "contract", "no .wsdl or .xsd file was found")])
    check_size(len(files), sum(map(len, files.values())))
    documents: dict[str, Document] = {}
    wanted = sorted(files if roots is None else roots)
    while wanted:
        name = wanted.pop(0)
        if name in documents:
            continue
        try:
            documents[name] = _parse(name, files[name])
        except ContractError as error:
            problems.extend(error.problems)
            continue
        if roots is not None:
            for link, location in _links(documents[name]):
                target = _resolve(documents[name], location, files)
                if isinstance(target, str):
                    wanted.append(target)
                elif target is not None:
                    problems.append(_link_problem(documents[name], link, target.message))
    if problems:
        raise ContractError(problems)
    ordered = tuple(documents[name] for name in sorted(documents))
    schemas = _schemas(ordered, problems)
    _check_wsdl_imports(ordered, problems)
    if problems:
        raise ContractError(problems)
    return Contract(ordered, schemas)


def _read_all(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    seen: dict[str, Path] = {}
    total = 0
    for path in paths:
        for name, data in _read_one(path, path if len(paths) == 1 else path.parent):
            if name in seen:
                raise ContractError([Problem(name, 0, "contract", f"given twice, also by {seen[name]}")])
            seen[name] = path
            # Told here and not when all is read: a small archive can hold more than there is memory.
            total += len(data)
            check_size(len(seen), total)
            yield name, data


def check_size(files: int, size: int) -> None:
    """Raise ContractError where a contract has more files or bytes than any real one."""
    if files > MAX_FILES:
        raise ContractError([Problem("contract", 0, "contract", f"more than {MAX_FILES} files")])
    if size > MAX_CONTRACT_BYTES:
        raise ContractError([Problem("contract", 0, "contract", f"more than {MAX_CONTRACT_BYTES} bytes in all")])


def _read_one(path: Path, base: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if is_contract_file(file.name) and file.is_file()):
            yield file.relative_to(base).as_posix(), _read_file(file)
    elif path.is_file() and is_contract_file(path.name):
        yield path.name, _read_file(path)
    elif path.is_file():
        yield from _read_zip(path)
    else:
        raise ContractError([Problem(str(path), 0, "contract", "no such file or folder")])


def _load_single(path: Path) -> Contract:
    siblings = {file.name: file for file in sorted(path.parent.iterdir()) if is_contract_file(file.name)}
    files = {path.name: _read_file(path)}
    wanted = [path.name]
    while wanted:
        document = _parse(wanted[0], files[wanted.pop(0)])
        for _, location in _links(document):
            name = posixpath.basename(location)
            if _is_local(location) and name in siblings and name not in files:
                files[name] = _read_file(siblings[name])
                wanted.append(name)
    return load_files(files, roots=[path.name])


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ContractError([Problem(path.name, 0, "file", f"larger than {MAX_FILE_BYTES} bytes")])
        return path.read_bytes()
    except OSError as error:
        raise ContractError([Problem(path.name, 0, "file", error.strerror or "cannot be read")]) from error


def _read_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if entry.is_dir() or not is_contract_file(entry.filename) or entry.filename.startswith(_MACOS):
                    continue
                if not _is_local(entry.filename):
                    raise ContractError([Problem(entry.filename, 0, "zip entry", "its name leads out of the archive")])
                if entry.file_size > MAX_FILE_BYTES:
                    raise ContractError(
                        [Problem(entry.filename, 0, "zip entry", f"larger than {MAX_FILE_BYTES} bytes")]
                    )
                with archive.open(entry) as stream:
                    yield entry.filename, stream.read(MAX_FILE_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ContractError(
            [Problem(path.name, 0, "zip", f"neither a contract file nor a readable zip: {error}")]
        ) from error


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


def line_of(element: etree._Element) -> int:
    """Line of an element's start tag in its file, from 1."""
    line: int | None = element.sourceline  # type: ignore[assignment,unused-ignore]
    return line or 0


def _too_deep(root: etree._Element) -> etree._Element | None:
    depth = 0
    walk: Iterator[tuple[str, etree._Element]] = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            return element
    return None


def _links(document: Document) -> Iterator[tuple[etree._Element, str]]:
    """Every import, include and redefine that names a location."""
    for tag in (f"{{{XS}}}import", f"{{{XS}}}include", f"{{{XS}}}redefine", f"{{{XS}}}override"):
        for element in document.root.iter(tag):
            location = element.get("schemaLocation")
            if location is not None:
                yield element, location
    for element in document.root.iter(f"{{{WSDL}}}import"):
        location = element.get("location")
        if location is not None:
            yield element, location


def _is_local(location: str) -> bool:
    parts = location.replace("\\", "/").split("/")
    return bool(location) and ":" not in location and parts[0] != "" and ".." not in parts


def _resolve(document: Document, location: str, files: Iterable[str]) -> str | Problem | None:
    """Name of the file that a location means; None where it is absent, a Problem where it must not be followed."""
    if not _is_local(location):
        return Problem(
            document.name,
            0,
            "location",
            "only a bare file name inside the contract is followed: no URL, absolute path or '..'",
        )
    names = sorted(files)
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(document.name), location))
    if beside in names:
        return beside
    candidates = [name for name in names if posixpath.basename(name) == posixpath.basename(location)]
    if len(candidates) > 1:
        return Problem(document.name, 0, "location", f"{location!r} is ambiguous: {', '.join(candidates)}")
    return candidates[0] if candidates else None


def _link_problem(document: Document, link: etree._Element, message: str) -> Problem:
    prefix = "wsdl" if link.tag.startswith(f"{{{WSDL}}}") else "xs"
    return Problem(document.name, line_of(link), f"{prefix}:{etree.QName(link).localname}", message)


def _schemas(documents: tuple[Document, ...], problems: list[Problem]) -> tuple[Schema, ...]:
    """All schemas of the contract with their effective namespaces, imports and includes checked."""
    by_name = {document.name: document for document in documents}
    found: dict[tuple[str, int, str], Schema] = {}
    included: set[str] = set()
    pending = [
        Schema(document, element, element.get("targetNamespace") or "")
        for document in documents
        for element in document.root.iter(f"{{{XS}}}schema")
    ]
    namespaces = {schema.target_namespace for schema in pending}
    standalone = {schema.document.name: schema for schema in pending if not schema.document.is_wsdl}
    while pending:
        schema = pending.pop(0)
        key = (schema.document.name, line_of(schema.element), schema.target_namespace)
        if key in found:
            continue
        found[key] = schema
        for link in schema.element.iterchildren(
            f"{{{XS}}}import", f"{{{XS}}}include", f"{{{XS}}}redefine", f"{{{XS}}}override"
        ):
            target = _linked_schema(schema, link, by_name, standalone, namespaces, problems)
            if target is None or etree.QName(link).localname == "import":
                continue
            if target.target_namespace == "" and schema.target_namespace:
                included.add(target.document.name)
                pending.append(Schema(target.document, target.element, schema.target_namespace))
    # A chameleon is read only as what it becomes; on its own, its names would stand in no namespace.
    return tuple(
        schema
        for key, schema in sorted(found.items())
        if schema.target_namespace or schema.document.name not in included
    )


def _linked_schema(
    schema: Schema,
    link: etree._Element,
    by_name: dict[str, Document],
    standalone: dict[str, Schema],
    namespaces: set[str],
    problems: list[Problem],
) -> Schema | None:
    kind = etree.QName(link).localname
    location = link.get("schemaLocation")
    namespace = link.get("namespace") or ""
    if location is None:
        if kind != "import":
            problems.append(_link_problem(schema.document, link, "no schemaLocation"))
        elif namespace not in namespaces and namespace not in WELL_KNOWN_NAMESPACES:
            problems.append(
                _link_problem(schema.document, link, f"no schema of the contract has namespace {namespace!r}")
            )
        return None
    name = _resolve(schema.document, location, by_name)
    if isinstance(name, Problem):
        problems.append(_link_problem(schema.document, link, name.message))
        return None
    if name is None or name not in standalone:
        problems.append(
            _link_problem(schema.document, link, f"file {posixpath.basename(location)!r} is not in the contract")
        )
        return None
    target = standalone[name]
    actual = target.target_namespace
    if kind == "import" and actual != namespace:
        problems.append(
            _link_problem(schema.document, link, f"namespace mismatch: says {namespace!r}, {name} has {actual!r}")
        )
        return None
    if kind != "import" and actual not in ("", schema.target_namespace):
        problems.append(
            _link_problem(
                schema.document, link, f"namespace mismatch: {schema.target_namespace!r} here, {name} has {actual!r}"
            )
        )
        return None
    return target


WELL_KNOWN_NAMESPACES = frozenset(
    {
        XS,
        "http://www.w3.org/XML/1998/namespace",
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://schemas.xmlsoap.org/soap/encoding/",
    }
)


def _check_wsdl_imports(documents: tuple[Document, ...], problems: list[Problem]) -> None:
    names = [document.name for document in documents]
    for document in documents:
        for link in document.root.iter(f"{{{WSDL}}}import"):
            location = link.get("location")
            if location is None:
                problems.append(_link_problem(document, link, "no location"))
                continue
            target = _resolve(document, location, names)
            if isinstance(target, Problem):
                problems.append(_link_problem(document, link, target.message))
            elif target is None:
                problems.append(
                    _link_problem(document, link, f"file {posixpath.basename(location)!r} is not in the contract")
                )
