"""Everything that a maintainer or CI runs. ``nox`` alone runs what must be green before a commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nox

os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
# Names that parents of this process may have set and that would lead a session's tools astray.
os.environ.pop("PYTHONPATH", None)

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PACKAGES = "mpesa_cbp,mpesa_cbp_generator,mpesa_cbp_models,mpesa_cbp_service,mpesa_cbp_simulator"
HANDWRITTEN = ("generator", "transport", "service", "simulator", "tests", "bench", "examples", "noxfile.py")
CODE = ("generated", *HANDWRITTEN)
FORGE_FILES = (
    ("github-workflows", ".github/workflows/*.yml"),
    ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
    ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ("dependabot", ".github/dependabot.yml"),
)
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


def _interpreter(version: str) -> str | None:
    """Path of a Python of that version that really starts; a pyenv shim without a version behind it does not."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}"))
    candidates = [sys.executable] if version == CURRENT else [f"python{version}", *found]
    for candidate in candidates:
        try:
            done = subprocess.run(
                [candidate, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return done.stdout.strip()
    return None


PRESENT = {version: path for version in VERSIONS if (path := _interpreter(version)) is not None}

nox.options.sessions = [f"tests-{CURRENT}", "lint", "types", "imports", "check"]


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-q", "-e", ".[simulator,generator]", *_group(*groups))


def _group(*names: str) -> list[str]:
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    return [item for name in names for item in nox.project.dependency_groups(project, name)]


def _sessions_of_tests() -> None:
    def tests(session: nox.Session) -> None:
        """Run all tests."""
        _install(session, "test")
        session.run("pytest", *(session.posargs or ["-n", "4", "tests"]))

    for version, path in PRESENT.items():
        nox.session(name=f"tests-{version}", python=path)(tests)


_sessions_of_tests()


@nox.session(python=sys.executable)
def coverage(session: nox.Session) -> None:
    """Run all tests and measure which lines and branches they reach; half as long again as without."""
    _install(session, "test")
    session.run("pytest", "-n", "2", "--cov", "--cov-report=term:skip-covered", *(session.posargs or ["tests"]))


@nox.session(python=sys.executable)
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff, spelling with codespell, and the forge's files against their schemas."""
    tools = ("ruff", "codespell", "check-jsonschema")
    session.install("-q", *[item for item in _group("dev") if item.startswith(tools)])
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *HANDWRITTEN)
    session.run("codespell")
    for schema, pattern in FORGE_FILES:
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, ROOT.glob(pattern)))


@nox.session(python=sys.executable)
def types(session: nox.Session) -> None:
    """Check types: everything with mypy --strict, generated code with pyright, each package for completeness."""
    _install(session, "dev")
    session.run("mypy", *CODE)
    # Without this it would look for packages in the clone's own .venv, which need not have them.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin, "python")))
    for package in PACKAGES.split(","):
        session.run("basedpyright", "--verifytypes", package, "--ignoreexternal")


@nox.session(python=sys.executable)
def imports(session: nox.Session) -> None:
    """Hold the rule of who may import whom."""
    _install(session, "dev")
    session.run("lint-imports")


@nox.session(python=sys.executable)
def generate(session: nox.Session) -> None:
    """Write the generated package anew."""
    session.install("-q", "-e", ".[generator]")
    session.run("mpesa-cbp-gen", "generate")


@nox.session(python=sys.executable)
def check(session: nox.Session) -> None:
    """Tell whether the generated package is what the contract gives."""
    session.install("-q", "-e", ".[generator]")
    session.run("mpesa-cbp-gen", "check")


@nox.session(python=sys.executable)
def build(session: nox.Session) -> None:
    """Build wheel and sdist, and look into them."""
    session.install("-q", "build", "check-wheel-contents", "twine")
    dist = Path(session.create_tmp()) / "dist"
    for old in dist.glob("*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(dist))
    wheel = next(dist.glob("*.whl"))
    session.run("check-wheel-contents", "--toplevel", PACKAGES, str(wheel))
    session.run("twine", "check", "--strict", *map(str, dist.glob("*")))


@nox.session(python=sys.executable)
def demo(session: nox.Session) -> None:
    """Show a simulated payment with its final result."""
    session.install("-q", "-e", ".[simulator]")
    session.run("mpesa-cbp", "demo", *session.posargs)


def _shipped_interpreter() -> str:
    """The operating system's Python where it is new enough; those that people build often lack profiling."""
    shipped = "/usr/bin/python3"
    try:
        done = subprocess.run(
            [shipped, "-c", "import sys; print(sys.version_info >= (3, 11))"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return sys.executable
    return shipped if done.stdout.strip() == "True" else sys.executable


@nox.session(python=_shipped_interpreter())
def bench(session: nox.Session) -> None:
    """Measure everything beside its peers and its floor, and write docs/benchmarks.md."""
    _install(session, "bench")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(name="kill-listener", python=sys.executable)
def kill_listener(session: nox.Session) -> None:
    """Kill listeners while results are posted, 50 times; nothing may be lost or doubled."""
    _install(session, "test")
    session.run("python", "-m", "tests.service.listener.kill", *session.posargs)
    session.run("python", "-m", "tests.service.listener.kill", "--postgresql", *session.posargs)


@nox.session(python=sys.executable)
def fuzz(session: nox.Session) -> None:
    """Fuzz decoding for some minutes; ``nox -s fuzz -- SECONDS`` says how long atheris runs."""
    _install(session, "test", "fuzz")
    effort = {"MPESA_CBP_TEST_EFFORT": "40"}
    names = ("fuzz", "dialects", "wrapping", "limits", "history", "results", "parameter_round_trip")
    session.run("pytest", "-n", "2", *(f"tests/transport/test_{name}.py" for name in names), env=effort)
    seconds = session.posargs[0] if session.posargs else "180"
    session.run("python", "-m", "tests.transport.fuzz_decode", f"-max_total_time={seconds}", "-rss_limit_mb=1024")


@nox.session(python=sys.executable)
def kill(session: nox.Session) -> None:
    """Pay a file with a process that is killed at least two hundred times, on SQLite and on PostgreSQL."""
    _install(session, "test")
    for database in ("sqlite", "postgresql"):
        session.run("python", "-m", "tests.service.payroll.kill_long_form", "--database", database, *session.posargs)
