"""Read settings from arguments, the environment and TOML.

A text here names a setting and its place, never the value of a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.config.kinds import Kind

PREFIX = "MPESA_CBP_"
CONFIG = f"{PREFIX}CONFIG"
DEFAULT_FILE = "mpesa-cbp.toml"
# Read elsewhere: the file itself, the passphrase of `mpesa-cbp certificates`, and what only tests look at.
_OTHER_NAMES = frozenset({CONFIG, f"{PREFIX}PASSPHRASE"})
_TESTS = f"{PREFIX}TEST_"
_LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in Python, its table in TOML (``""`` for the top), its kind, sense and default."""

    name: str
    table: str
    kind: Kind
    meaning: str
    default: object

    @property
    def key(self) -> str:
        """Its name inside the TOML table."""
        return self.name[len(self.table) + 1 :] if self.table else self.name

    @property
    def in_toml(self) -> str:
        """How it is written in TOML, for people."""
        return f"[{self.table}] {self.key}" if self.table else self.key

    @property
    def in_environment(self) -> str:
        """Its environment variable."""
        return f"{PREFIX}{self.name.upper()}"


def declare(kind: Kind, meaning: str, default: object = None, table: str = "") -> Any:
    """A dataclass field that is a setting."""
    metadata = {"kind": kind, "meaning": meaning, "table": table}
    return field(default=default, repr=not kind.secret, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Found:
    """A value as it stands somewhere; ``place`` is for people, ``folder`` is where relative paths start.

    ``is_file`` says that the value names the file in which the secret is, ``written_in`` is the TOML file.
    """

    setting: Setting
    value: object
    place: str
    folder: Path
    is_file: bool = False
    written_in: Path | None = None

    @property
    def secret_file(self) -> Path | None:
        """The file that holds the value, if it is a secret and stands in one."""
        if not self.setting.kind.secret:
            return None
        return self.folder / str(self.value).strip() if self.is_file else self.written_in


def from_arguments(arguments: Mapping[str, object], known: Mapping[str, Setting]) -> Iterator[Found | str]:
    """What was passed in Python (None counts as not passed); a text is a problem."""
    for name, value in arguments.items():
        if name not in known:
            yield f"argument {name} is not known{_perhaps(name, known)}"
        elif value is not None:
            yield Found(known[name], value, f"argument {name}", Path())


def from_environment(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Iterator[Found | str]:
    """What stands in variables that begin with the prefix; a text is a problem."""
    by_variable = {setting.in_environment: setting for setting in known.values()}
    files = {f"{name}_FILE": setting for name, setting in by_variable.items() if setting.kind.secret}
    for variable, value in environ.items():
        place = f"environment {variable}"
        if variable in by_variable:
            yield Found(by_variable[variable], value, place, Path())
        elif variable in files:
            yield Found(files[variable], value, place, Path(), is_file=True)
        elif variable.startswith(PREFIX) and variable not in _OTHER_NAMES and not variable.startswith(_TESTS):
            yield f"environment {variable} is not known{_perhaps(variable, (*by_variable, *files))}"


def from_toml(path: Path, known: Mapping[str, Setting]) -> Iterator[Found | str]:
    """What stands in a TOML file; a text is a problem. Raises SettingsError where it cannot be read."""
    places = {(setting.table, setting.key): setting for setting in known.values()}
    files = {(table, f"{key}_file"): setting for (table, key), setting in places.items() if setting.kind.secret}
    names = [*(setting.in_toml for setting in known.values()), *(f"[{t}] {k}" if t else k for t, k in files)]
    tables = {setting.table for setting in known.values()}
    for table, key, value in _entries(_document(path), tables):
        written = f"[{table}] {key}" if table else key
        setting = places.get((table, key)) or files.get((table, key))
        if setting is None:
            yield f"{path}: {written} is not known{_perhaps(written, names)}"
        else:
            is_file = (table, key) not in places
            yield Found(setting, value, f"{path}: {written}", path.absolute().parent, is_file, path)


def read_values(sources: Iterable[Iterable[Found | str]]) -> tuple[dict[str, Any], dict[str, Found], list[str]]:
    """Values by name, what each was made of, and all problems; earlier sources go before later ones."""
    values: dict[str, Any] = {}
    made_of: dict[str, Found] = {}
    problems: list[str] = []
    for source in sources:
        settled = frozenset(made_of)
        for found in source:
            if isinstance(found, str):
                problems.append(found)
            elif found.setting.name in settled:
                continue
            elif found.setting.name in made_of:
                problems.append(f"{found.place} stands beside {made_of[found.setting.name].place}: keep one of them")
            else:
                made_of[found.setting.name] = found
                try:
                    values[found.setting.name] = _value(found)
                except ValueError as error:
                    problems.append(f"{found.place} {error}")
    return values, made_of, problems


def _value(found: Found) -> Any:
    value = _content_of_secret_file(found) if found.is_file else found.value
    return found.setting.kind.read(value, found.folder)


def _content_of_secret_file(found: Found) -> str:
    """The secret in a file that a ``…_file`` names, without the line break at its end. Raises ValueError."""
    if not isinstance(found.value, str) or not found.value.strip():
        raise ValueError("must name a file")
    path = found.folder / found.value.strip()
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error.strerror})") from None
    except ValueError:
        raise ValueError(f"names a file that is not UTF-8 text: {path}") from None
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"names a file larger than {_LARGEST_FILE} bytes: {path}")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"names an empty file: {path}")
    return text


def toml_path(given: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the one given, that of the environment, or the default one where it exists."""
    if given is not None:
        return Path(given)
    if CONFIG in environ:
        if not environ[CONFIG].strip():
            raise SettingsError(f"environment {CONFIG} is empty: name the settings file, or unset it")
        return Path(environ[CONFIG])
    default = Path(DEFAULT_FILE)
    return default if default.is_file() else None


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document. Raises ValueError (TOMLDecodeError), whose text quotes nothing but positions."""
    import tomllib

    return tomllib.loads(text)


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_FILE:
        raise SettingsError(f"The settings file {path} is larger than {_LARGEST_FILE} bytes")
    try:
        return parse_toml(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise SettingsError(f"The settings file {path} is not UTF-8 text") from None
    except ValueError as error:
        # tomllib's words name the line and column; on a key that stands twice no value is among them.
        raise SettingsError(f"The settings file {path} is no TOML: {error}") from None


def _entries(document: dict[str, Any], tables: set[str]) -> Iterator[tuple[str, str, object]]:
    for key, value in document.items():
        if key in tables and isinstance(value, dict):
            yield from ((key, inner, content) for inner, content in value.items())
        else:
            yield "", key, value


def _perhaps(name: str, known: Mapping[str, Setting] | tuple[str, ...] | list[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f": did you mean {close[0]}?" if close else ""
