"""The shape of the house: small modules, short functions, no import cycle, not even one of types alone."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "mpesa_cbp": "transport",
    "mpesa_cbp_service": "service",
    "mpesa_cbp_simulator": "simulator",
    "mpesa_cbp_generator": "generator",
}
LONGEST_MODULE = 300
MEDIAN_FUNCTION = 8
# What a payment needs with everything that reads nothing wrongly; docs/architecture.md says what it is made of.
LARGEST_TRANSPORT = 7200


def sources(package: str) -> dict[str, Path]:
    """The modules of a room by name."""
    folder = ROOT / ROOMS[package]
    found = {}
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


ALL = {name: path for package in ROOMS for name, path in sources(package).items()}


def lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that a module imports at its head, for types too; those inside functions are not counted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id_ for function in ast.walk(tree) if isinstance(function, FUNCTIONS) for id_ in map(_place, ast.walk(function))
    }
    for node in ast.walk(tree):
        if _place(node) in inner:
            continue
        if isinstance(node, ast.ImportFrom) and node.module in ALL:
            for alias in node.names:
                yield name if (name := f"{node.module}.{alias.name}") in ALL else str(node.module)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _place(node: ast.AST) -> tuple[int, int, str]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0), type(node).__name__


def cycles() -> list[list[str]]:
    """Groups of modules that import each other, found by peeling off what imports nothing that is left."""
    graph = {name: {each for each in imports(path) if each != name} for name, path in ALL.items()}
    for _ in range(2):  # forwards, then backwards: what is left lies on a cycle
        while free := [name for name, targets in graph.items() if not targets & graph.keys()]:
            for name in free:
                del graph[name]
        graph = {name: {each for each, targets in graph.items() if name in targets} for name in graph}
    return [sorted(graph)] if graph else []


def test_no_module_is_longer_than_a_head_holds() -> None:
    assert {name: lines(path) for name, path in ALL.items() if lines(path) > LONGEST_MODULE} == {}


def test_the_transport_is_thin() -> None:
    assert sum(map(lines, sources("mpesa_cbp").values())) <= LARGEST_TRANSPORT


@pytest.mark.parametrize("package", ROOMS)
def test_the_median_function_is_short(package: str) -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources(package).values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, FUNCTIONS)
    ]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION


def test_no_module_imports_itself_through_others() -> None:
    assert cycles() == []
