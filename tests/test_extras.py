"""What needs an extra that is not installed names it, and how to install it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SERVICE = ("sqlalchemy", "alembic", "click", "rich", "granian", "uvicorn", "prometheus_client")
GENERATOR = ("xsdata", "jinja2", "ruff")


def without(module: str, script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python that has everything but one module."""
    absent = f"import sys; sys.modules[{module!r}] = None\n"  # what Python itself takes for "not installed"
    return subprocess.run(
        [sys.executable, "-c", absent + script, *arguments], capture_output=True, text=True, cwd=folder, check=False
    )


def assert_names(extra: str, done: subprocess.CompletedProcess[str]) -> None:
    assert f"pip install 'mpesa-cbp[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


COMMAND = "from mpesa_cbp_service.__main__ import main; sys.exit(main())"
GENERATOR_COMMAND = "from mpesa_cbp_generator.cli import main; sys.exit(main(sys.argv[1:]))"
LIBRARY = """
from mpesa_cbp.errors import MissingExtra
try:
    {use}
except MissingExtra as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("module", SERVICE)
def test_the_command_names_the_service(module: str, tmp_path: Path) -> None:
    done = without(module, COMMAND, "doctor", folder=tmp_path)
    assert done.returncode == 2
    assert_names("service", done)


def test_the_command_names_the_simulator(tmp_path: Path) -> None:
    script = "from mpesa_cbp_service.cli import run; sys.exit(run(['demo']))"
    done = without("werkzeug", script, folder=tmp_path)
    assert done.returncode == 2
    assert_names("simulator", done)


@pytest.mark.parametrize(
    ("extra", "module", "use"),
    [
        ("service", "sqlalchemy", "import mpesa_cbp_service; mpesa_cbp_service.Journal"),
        ("service", "prometheus_client", "import mpesa_cbp_service; mpesa_cbp_service.Listener"),
        ("simulator", "sqlalchemy", "import mpesa_cbp_simulator; mpesa_cbp_simulator.Simulator"),
        ("simulator", "werkzeug", "import mpesa_cbp_simulator; mpesa_cbp_simulator.Simulator"),
        ("postgres", "psycopg", "from mpesa_cbp_service import Journal; Journal('postgresql://u@127.0.0.1:9/d')"),
    ],
)
def test_the_library_names_the_extra(extra: str, module: str, use: str, tmp_path: Path) -> None:
    done = without(module, LIBRARY.format(use=use), folder=tmp_path)
    assert done.returncode == 1
    assert_names(extra, done)


@pytest.mark.parametrize("module", GENERATOR)
@pytest.mark.parametrize("command", ["generate", "check"])
def test_the_generator_names_its_extra_before_it_reads_anything(module: str, command: str, tmp_path: Path) -> None:
    done = without(module, GENERATOR_COMMAND, command, folder=tmp_path)
    assert done.returncode == 2
    assert f"missing: {module}" in done.stderr
    assert_names("generator", done)


def test_the_generator_s_help_needs_no_extra(tmp_path: Path) -> None:
    done = without("xsdata", GENERATOR_COMMAND, "drift", "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
