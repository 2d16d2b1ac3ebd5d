"""docs/architecture.md lists every module of every room, each with the first sentence of its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
ROOMS = {
    "mpesa_cbp": "transport",
    "mpesa_cbp_service": "service",
    "mpesa_cbp_simulator": "simulator",
    "mpesa_cbp_generator": "generator",
}


def first_sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".").replace("``", "`").replace("|", "\\|")


def table_of(package: str) -> str:
    """The table of one room as the document has it: a line a module, packages before what they hold."""
    folder = ROOT / ROOMS[package] / package
    rows = ["| module | what it is |", "| --- | --- |"]
    for path in sorted(folder.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        if "versions" in path.parts or path.name == "__main__.py":
            continue
        relative = path.relative_to(folder).with_suffix("")
        name = relative.as_posix().removesuffix("__init__") or f"{package}/"
        rows.append(f"| `{name}` | {first_sentence(path)} |")
    return "\n".join(rows)


def written(package: str) -> str:
    found = re.search(rf"<!-- modules of {package} -->\n(.*?)\n\n", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return found[1] if found is not None else ""


@pytest.mark.parametrize("package", ROOMS)
def test_every_module_is_listed_with_what_it_says_of_itself(package: str) -> None:
    assert written(package) == table_of(package), f"put this behind the mark of {package}:\n{table_of(package)}"


def test_every_decision_is_in_the_index() -> None:
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert records
    assert re.findall(r"\]\((0[^)]*\.md)\)", index) == records


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_a_decision_has_context_decision_and_consequence(path: Path) -> None:
    assert re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequence",
    ]
