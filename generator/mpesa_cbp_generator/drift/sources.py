"""Turn a command line argument (folder, zip, file, git:REF, lock) into a plan.

Nothing that cannot be read is passed over: a side is complete or an error.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import posixpath
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.contract.files import contract_folders, is_contract_file
from mpesa_cbp_generator.contract.load import load, load_files
from mpesa_cbp_generator.contract.model import Contract
from mpesa_cbp_generator.drift.git import Commit, GitFailure
from mpesa_cbp_generator.errors import ConfigurationError, ContractError, GeneratorError
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_generator.plan.model import Plan
from mpesa_cbp_generator.schema.declarations import Place

LOCK = "contract.lock.json"
_GIT = "git:"


class SideError(GeneratorError):
    """A side cannot be read or resolved; the text names it, and every problem with its file and line."""


@dataclass(frozen=True, slots=True)
class Side:
    """One contract of a comparison.

    ``base`` is the folder that the places of its plan are relative to, as seen from the current one, and
    ``archive`` the file that holds them where they are no files of their own (a zip).
    """

    label: str
    plan: Plan
    base: str = ""
    archive: str | None = None

    def locate(self, place: Place) -> tuple[str, int]:
        """Path of a file that an editor or a pull request can show, and the line; line 0 where there is none."""
        if self.archive is not None:
            return self.archive, 0
        return posixpath.normpath(posixpath.join(self.base, place.file)) if place.file else "", place.line

    def describe(self, place: Place | None) -> str:
        """The place for people: ``file:line``, for a zip ``contract.zip!file:line``; empty where there is none."""
        if place is None or not place.file:
            return ""
        file = f"{self.archive}!{place.file}" if self.archive is not None else self.locate(place)[0]
        return f"{file}:{place.line}" if place.line else file


def resolve(text: str, config: Config, *, root: Path | None = None) -> Side:
    """The side that a word of the command line names.

    ``config`` gives roles, links and names; ``root`` is the folder of bindings.toml, which ``git:REF`` without a
    path needs. Raises SideError.
    """
    try:
        found = _from_git(text, config, root or Path()) if text.startswith(_GIT) else _from_path(text, config)
        _complete(text, found.plan)
        return found
    except ContractError as error:
        problems = "".join(f"\n  {problem}" for problem in error.problems)
        raise SideError(f"{text} cannot be compared:{problems}") from error
    except GitFailure as error:
        raise SideError(f"{text} cannot be compared: {error}") from error
    except OSError as error:
        raise SideError(f"{text} cannot be read: {error.strerror or error}") from error


def installed_lock(config: Config | None) -> Path:
    """The contract lock of the bindings that bindings.toml writes, or that are installed under their name.

    Raises ConfigurationError where there is no bindings.toml, SideError where there is no lock.
    """
    if config is None:
        raise ConfigurationError(
            "OLD is missing and there is no bindings.toml here to tell which bindings are meant; "
            "give OLD and NEW, or --config"
        )
    candidates = [config.output / LOCK]
    found = importlib.util.find_spec(config.package) if "." not in config.package else None
    if found is not None:
        candidates += [Path(location) / LOCK for location in found.submodule_search_locations or ()]
    lock = next((path for path in candidates if path.is_file()), None)
    if lock is None:
        raise SideError(f"{candidates[0]} does not exist; write it with: mpesa-cbp-gen generate")
    return lock


def _from_path(text: str, config: Config) -> Side:
    path = Path(text)
    if path.suffix == ".json":
        return Side(text, _lock(text, path.read_bytes()), _lock_base(path, config))
    if path.is_dir():
        return Side(text, _plan(load(contract_folders(path)), config), text)
    if is_contract_file(path.name):
        return Side(text, _plan(load([path]), config), posixpath.dirname(path.as_posix()))
    return Side(text, _plan(load([path]), config), archive=path.as_posix())


def _from_git(text: str, config: Config, root: Path) -> Side:
    reference, _, path = text.removeprefix(_GIT).partition(":")
    commit = Commit(reference, root)
    if path:
        return _of_path_in_commit(text, path.strip("/"), commit, config)
    files = {}
    for source in _sources(config, commit.top, root):
        files.update(commit.files(source))
    if not files:
        raise SideError(f"{text} cannot be compared: no contract at {reference}; name its folder: {text}:PATH")
    return Side(text, _plan(load_files(files), config))


def _of_path_in_commit(text: str, path: str, commit: Commit, config: Config) -> Side:
    files = commit.files(path)
    if not files:
        raise SideError(f"{text} cannot be compared: {path} holds no contract at {commit.reference}")
    if path in files and path.endswith(".json"):
        return Side(text, _lock(text, files[path]))
    if path in files and not is_contract_file(path):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / posixpath.basename(path)
            archive.write_bytes(files[path])
            return Side(text, _plan(load([archive]), config), archive=path)
    if path in files:
        return _wsdl_in_commit(text, path, commit, config)
    kept = {name: data for name, data in files.items() if _belongs(name.removeprefix(f"{path}/"), path, files)}
    return Side(text, _plan(load_files(kept), config))


def _wsdl_in_commit(text: str, path: str, commit: Commit, config: Config) -> Side:
    """A single file brings in what it imports from its own folder, as on disk."""
    folder = posixpath.dirname(path)
    beside = {name: data for name, data in commit.files(folder).items() if posixpath.dirname(name) == folder}
    return Side(text, _plan(load_files(beside, roots=[path]), config))


def _belongs(name: str, path: str, files: dict[str, bytes]) -> bool:
    """Whether a file counts: all of a flat folder; only ``wsdl`` and ``xsd`` of one that has both."""
    tops = {other.removeprefix(f"{path}/").partition("/")[0] for other in files}
    return not {"wsdl", "xsd"} <= tops or name.partition("/")[0] in ("wsdl", "xsd")


def _sources(config: Config, top: Path, root: Path) -> list[str]:
    """The contract's folders relative to the top of the repository."""
    sources = config.sources or (root / "wsdl", root / "xsd")
    try:
        found = [source.resolve().relative_to(top.resolve()).as_posix() for source in sources]
        return ["" if path == "." else path for path in found]
    except ValueError as error:
        raise SideError(
            "the sources of bindings.toml lie outside the repository; name the folder: git:REF:PATH"
        ) from error


def _plan(contract: Contract, config: Config) -> Plan:
    # Strict, although a contract without a toml is generated from loosely: what is left open is not compared.
    return make_plan(contract, dataclasses.replace(config, strict=True), strict_settings=False)


def _lock(text: str, data: bytes) -> Plan:
    try:
        plan = from_json(data.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SideError(f"{text} cannot be compared: not a contract lock: {error}") from error
    except ValueError as error:
        raise SideError(f"{text} cannot be compared: {error}") from error
    damage = _damage(plan)
    if damage:
        raise SideError(f"{text} cannot be compared: contract lock is damaged: {', '.join(damage)}")
    return plan


def _damage(plan: Plan) -> list[str]:
    """What only a lock that was edited by hand can have: types and elements that are not there, bases in a circle."""
    known = {item.id for item in plan.classes} | {item.id for item in plan.enumerations}
    bases = {item.id: item.base for item in plan.classes if item.base is not None}
    wanted = set(bases.values())
    wanted |= {t.name for item in plan.classes for field in item.fields for t in field.types if t.kind != "builtin"}
    found = [f"{name} is not in it" for name in sorted(wanted - known)]
    for start in sorted(bases):
        seen, current = {start}, bases.get(start)
        while current is not None and current not in seen:
            seen.add(current)
            current = bases.get(current)
        if current == start:
            found.append(f"{start} is derived from itself")
    return found


def _complete(text: str, plan: Plan) -> None:
    """Raise SideError where an element that a message names has no type in the plan: it could not be compared."""
    roots = {root for item in plan.classes for root in item.roots}
    named: set[str | None] = set()
    for operation in plan.operations:
        named.update(element for _, element in operation.faults)
        for message in (operation.input, operation.output):
            if message is not None:
                named.update((message.body, message.payload_root, *message.headers))
    missing = sorted(name for name in named if name is not None and name not in roots)
    if missing:
        raise SideError(f"{text} cannot be compared: no type is known of the elements {', '.join(missing)}")


def _lock_base(path: Path, config: Config) -> str:
    """Folder of the sources that a lock names: that of bindings.toml where the lock is its own."""
    if config.sources and path.resolve() == (config.output / LOCK).resolve():
        first = config.sources[0]
        return first.parent.as_posix()
    return ""
