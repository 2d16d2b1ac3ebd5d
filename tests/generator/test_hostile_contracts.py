"""Contracts written to break or abuse a generator: each is accepted or refused, never followed, never executed."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.errors import ContractError
from tests.generator.shared_contracts import SHARED, bindings, index, needs_shared, workspace

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = index("hostile")
ACCEPTED = [name for name, expected in HOSTILE if expected.startswith(("accept", "no drift"))]
REFUSED = [name for name, expected in HOSTILE if not expected.startswith(("accept", "no drift"))]

# Bounds of a child process that generates: seconds and bytes of address space.
TIME_LIMIT = 20
MEMORY_LIMIT = 1024 * 1024 * 1024

GENERATE = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_LIMIT}, {MEMORY_LIMIT}))
from mpesa_cbp_generator.cli import main
import socket
def no_socket(*arguments, **more):
    raise SystemExit(99)
socket.socket.connect = no_socket
sys.exit(main(["generate", "--contract", sys.argv[1], "--package", "hostile", "--out", sys.argv[2]]))
"""


@needs_shared
@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_contract_imports_without_any_side_effect(name: str, tmp_path: Path) -> None:
    plan, package = bindings(SHARED / "hostile" / name)
    script = (
        "import importlib, sys\n"
        f"sys.path.insert(0, {str(workspace())!r})\n"
        f"for module in {['operations', *(module.name for module in plan.modules)]!r}:\n"
        f"    importlib.import_module('{package}.' + module)\n"
        "assert not hasattr(sys, 'CORPUS_PWNED')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@needs_shared
@pytest.mark.parametrize("name", REFUSED)
def test_refused_contract_ends_in_bounded_time_and_memory_with_a_clear_error(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, str(SHARED / "hostile" / name), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "the contract cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "root:" not in done.stderr, "the content of a foreign file was echoed"
    assert not (tmp_path / "out").exists()


@needs_shared
def test_names_that_collide_or_are_keywords_become_distinct_fields() -> None:
    for name in ("nasty-names", "python-keywords"):
        plan, package = bindings(SHARED / "hostile" / name)
        (item,) = plan.classes
        names = [field.name for field in item.fields]
        assert len(set(names)) == len(names)
        module = importlib.import_module(f"{package}.{item.module}")
        value = getattr(module, item.name)(**dict.fromkeys(names, "x"))
        assert type(value).from_xml(value.to_xml(), strict=True) == value


@needs_shared
def test_catastrophic_pattern_is_checked_in_bounded_time() -> None:
    plan, package = bindings(SHARED / "hostile" / "redos-pattern")
    (item,) = plan.classes
    kind = getattr(importlib.import_module(f"{package}.{item.module}"), item.name)
    kind(value="aaab").validate()
    for text in ("a" * 40, "a" * 5_000, "a" * 100_000):
        with pytest.raises(ValueError, match="pattern"):
            kind(value=text).validate()


@needs_shared
def test_loading_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(ContractError):
        load([SHARED / "hostile" / "import-http"])


WATCHED = """
import os, sys
contract, out = (os.path.realpath(path) for path in sys.argv[1:3])
import lxml.etree, mpesa_cbp_generator.cli, mpesa_cbp_generator.pipeline, mpesa_cbp_generator.output.write
opened, sockets = [], []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened.append(os.path.realpath(os.fsdecode(arguments[0])))
    elif event.startswith("socket."):
        sockets.append(event)
sys.addaudithook(watch)
mpesa_cbp_generator.cli.main(["generate", "--contract", contract, "--package", "hostile", "--out", out])
here = (contract, os.path.dirname(out), sys.prefix, sys.base_prefix, sys.argv[3], "/tmp/mpesa-cbp-gen-", "/dev/null")
print([path for path in opened if not path.startswith(here)], sockets)
"""


@needs_shared
@pytest.mark.parametrize("name", [name for name, _ in HOSTILE])
def test_no_file_outside_the_contract_and_no_socket_is_opened(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(SHARED / "hostile" / name), str(tmp_path / "out"), str(ROOT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "[] []", done.stdout + done.stderr
