"""No package imports what another one keeps private: a module or a name with a leading underscore."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "mpesa_cbp": "transport",
    "mpesa_cbp_generator": "generator",
    "mpesa_cbp_models": "generated",
    "mpesa_cbp_service": "service",
    "mpesa_cbp_simulator": "simulator",
}


def imported(text: str) -> Iterator[str]:
    """Every absolute name that a module imports, wherever it does: at its head, in a function, for types alone."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def private_of_others(package: str, text: str) -> list[str]:
    return [
        name
        for name in imported(text)
        if (top := name.partition(".")[0]) in ROOMS
        and top != package
        and any(part.startswith("_") and not part.startswith("__") for part in name.split("."))
    ]


@pytest.mark.parametrize("package", ROOMS)
def test_no_package_imports_private_parts_of_another(package: str) -> None:
    files = sorted((ROOT / ROOMS[package] / package).rglob("*.py"))
    assert files
    found = {str(path.relative_to(ROOT)): private_of_others(package, path.read_text("utf-8")) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import mpesa_cbp_models._codecs.request", ["mpesa_cbp_models._codecs.request"]),
        ("def f():\n    from mpesa_cbp_models import _codecs", ["mpesa_cbp_models._codecs"]),
        ("from mpesa_cbp.parsing import _PHONE, http_url", ["mpesa_cbp.parsing._PHONE"]),
        ("from mpesa_cbp_service._own import thing\nfrom mpesa_cbp import __version__\nfrom _thread import lock", []),
    ],
)
def test_a_private_import_is_seen_wherever_it_stands(text: str, names: list[str]) -> None:
    assert private_of_others("mpesa_cbp_service", text) == names
