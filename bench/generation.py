"""Generating bindings, against the ``xsdata generate`` command, and how the time grows with the number of types."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import zeep_peer
from bench.measure import TINY, Effort, processes
from bench.samples import ROOT
from bench.table import Row, duration, slower

TITLE = "Generation"
EXPLANATION = (
    "Whole commands in fresh processes, formatting included, processor time of all their processes. xsdata "
    "generates plain dataclasses from the same files, one command a WSDL as it needs them; ours are "
    "dataclasses, compiled codecs, operations, contract lock. The contracts of many types are one XSD with a "
    "tree of types of six members each; then as many global elements that all hold this tree."
)

OURS = "import sys; from mpesa_cbp_generator.cli import main; assert not main(sys.argv[1:])"


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    yield from _family(effort)
    yield from _growth(effort)


def _family(effort: Effort) -> Iterator[Row]:
    with TemporaryDirectory(prefix="mpesa-cbp-bench-") as out, zeep_peer.contract_folder() as folder:
        config = Path(out) / "bindings.toml"
        text = (ROOT / "bindings.toml").read_text(encoding="utf-8")
        config.write_text(text, encoding="utf-8")
        for name in ("wsdl", "xsd"):
            (Path(out) / name).symlink_to(ROOT / name)
        ours = f"sys_argv = ['generate', '--config', {str(config)!r}]\n" + OURS.replace("sys.argv[1:]", "sys_argv")
        theirs = _xsdata(sorted(folder.glob("*.wsdl"))[: 1 if effort.tiny else None], out)
        few = Effort(effort.seconds, min(effort.rounds, 3), effort.tiny)
        found = processes({"ours": ours, "xsdata generate": theirs}, few).times
    row = slower("generate the family", found, "ours", "xsdata generate")
    yield row
    seconds = found.median("ours")
    yield Row("generate the family", row.ours, "three seconds", "3.00 s", seconds / 3, limit=1)


def _xsdata(wsdls: list[Path], out: str) -> str:
    commands = [
        [sys.executable, "-m", "xsdata", "generate", str(wsdl), "--package", f"peer.{wsdl.stem.lower()}"]
        for wsdl in wsdls
    ]
    return f"import subprocess\nfor c in {commands!r}: subprocess.run(c, cwd={out!r}, check=True, capture_output=True)"


def _growth(effort: Effort) -> Iterator[Row]:
    yield from _growing("types", _schema, (10, 20) if effort.tiny else (10, 100, 500, 2_000))
    yield from _growing("elements on as many types", _shared_schema, (10, 20) if effort.tiny else (250, 500, 1_000))


def _growing(what: str, schema: Callable[[int], str], sizes: tuple[int, ...]) -> Iterator[Row]:
    with TemporaryDirectory(prefix="mpesa-cbp-bench-") as name:
        folder = Path(name)
        scripts = {}
        for size in sizes:
            contract = folder / f"c{size}"
            contract.mkdir()
            (contract / "types.xsd").write_text(schema(size), encoding="utf-8")
            arguments = [
                "generate",
                "--contract",
                str(contract),
                "--package",
                f"types_{size}",
                "--out",
                str(folder / f"out{size}"),
            ]
            scripts[f"{size}"] = f"arguments = {arguments!r}\n" + OURS.replace("sys.argv[1:]", "arguments")
        times = processes(scripts, TINY).times
    for small, large in itertools.pairwise(sizes):
        _, middle, _ = times.ratios(f"{large}", f"{small}")
        shown = duration(times.median(f"{large}")), f"{small} {what}", duration(times.median(f"{small}"))
        yield Row(f"generate {large} {what}", *shown, middle)


def _schema(types: int) -> str:
    """One XSD in which each type holds four texts and two other types, a tree."""
    parts = ['<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:bench" targetNamespace="urn:bench">']
    for number in range(types):
        texts = "".join(f'<xs:element name="Text{n}" type="xs:string" minOccurs="0"/>' for n in range(4))
        held = "".join(
            f'<xs:element name="Part{n}" type="Type{n}" minOccurs="0"/>'
            for n in (2 * number + 1, 2 * number + 2)
            if n < types
        )
        parts.append(f'<xs:complexType name="Type{number}"><xs:sequence>{texts}{held}</xs:sequence></xs:complexType>')
    return "\n".join([*parts, '<xs:element name="root" type="Type0"/>', "</xs:schema>"])


def _shared_schema(types: int) -> str:
    """The same tree of types, and as many global elements that all hold it."""
    elements = "".join(
        f'<xs:element name="Operation{number}"><xs:complexType><xs:sequence>'
        '<xs:element name="Part" type="Type0"/></xs:sequence></xs:complexType></xs:element>'
        for number in range(types)
    )
    return _schema(types).replace("</xs:schema>", f"{elements}</xs:schema>")
