"""Collect the files of a contract from a folder, a zip or a single file, within limits.

Nothing outside what was given is ever opened: a link that leads out of it is refused, and so is an entry of an archive
whose name does. Sizes are looked at before anything is read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mpesa_cbp_generator.errors import ContractError, Problem

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_CONTRACT_BYTES = 32 * 1024 * 1024
MAX_FILES = 400

_SUFFIXES = (".wsdl", ".xsd")
# What macOS puts into an archive beside each file; it carries the file's suffix and is none of the contract.
_MACOS = "__MACOSX/"


def is_contract_file(name: str) -> bool:
    """Whether a file is one of a contract's, by its suffix in any case."""
    return name.lower().endswith(_SUFFIXES)


def check_size(files: int, size: int) -> None:
    """Raise ContractError where a contract has more files or bytes than any real one."""
    if files > MAX_FILES:
        raise ContractError([Problem("contract", 0, "contract", f"more than {MAX_FILES} files")])
    if size > MAX_CONTRACT_BYTES:
        raise ContractError([Problem("contract", 0, "contract", f"more than {MAX_CONTRACT_BYTES} bytes in all")])


def is_local(location: str) -> bool:
    """Whether a name stays inside the folder that it is taken from: no URL, no absolute path, no ``..``."""
    parts = location.replace("\\", "/").split("/")
    return bool(location) and ":" not in location and parts[0] != "" and ".." not in parts


def contract_folders(path: Path) -> list[Path]:
    """The folder itself where it is flat; its ``wsdl`` and ``xsd`` where it has them, and nothing beside."""
    parts = [path / name for name in ("wsdl", "xsd") if (path / name).is_dir()]
    # With one folder alone, names must still start with it, which load() does for two or more.
    return parts if len(parts) > 1 else [path]


def read_all(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every contract file in folders, zip archives and single files.

    Raises ContractError for what is missing, cannot be read, is given twice, is too large or leads outside.
    """
    seen: dict[str, Path] = {}
    total = 0
    for path in paths:
        for name, data in _read_one(path, paths):
            if name in seen:
                raise ContractError([Problem(name, 0, "contract", f"given twice, also by {seen[name]}")])
            seen[name] = path
            # Told here and not when all is read: a small archive can hold more than there is memory.
            total += len(data)
            check_size(len(seen), total)
            yield name, data


def read_file(path: Path, within: Sequence[Path]) -> bytes:
    """Content of a file; raises ContractError where it is too large, cannot be read or is a link out of ``within``."""
    try:
        real = path.resolve()
        if path.is_symlink() and not any(real.is_relative_to(folder.resolve()) for folder in within):
            raise ContractError([Problem(path.name, 0, "file", "is a link that leads out of the contract")])
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ContractError([Problem(path.name, 0, "file", f"larger than {MAX_FILE_BYTES} bytes")])
        if not path.is_file():
            raise ContractError([Problem(path.name, 0, "file", "is no regular file")])
        return path.read_bytes()
    # RuntimeError: before Python 3.13, links that lead to each other.
    except (OSError, RuntimeError) as error:
        message = getattr(error, "strerror", None) or "cannot be read"
        raise ContractError([Problem(path.name, 0, "file", message)]) from error


def _read_one(path: Path, paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    base = path if len(paths) == 1 else path.parent
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if is_contract_file(file.name) and not file.is_dir()):
            yield file.relative_to(base).as_posix(), read_file(file, paths)
    elif path.is_file() and is_contract_file(path.name):
        yield path.name, read_file(path, [path.parent, path.resolve().parent])
    elif path.is_file():
        yield from _read_zip(path)
    else:
        raise ContractError([Problem(str(path), 0, "contract", "no such file or folder")])


def _read_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.stat().st_size > MAX_CONTRACT_BYTES:
            raise ContractError([Problem(path.name, 0, "zip", f"larger than {MAX_CONTRACT_BYTES} bytes")])
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if not (entry.is_dir() or entry.filename.startswith(_MACOS)) and is_contract_file(entry.filename):
                    yield entry.filename, _read_entry(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ContractError(
            [Problem(path.name, 0, "zip", f"neither a contract file nor a readable zip: {error}")]
        ) from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if not is_local(entry.filename):
        raise ContractError([Problem(entry.filename, 0, "zip entry", "its name leads out of the archive")])
    with archive.open(entry) as stream:
        # What the archive says of the size may be a lie.
        data = stream.read(MAX_FILE_BYTES + 1) if entry.file_size <= MAX_FILE_BYTES else None
    if data is None or len(data) > MAX_FILE_BYTES:
        raise ContractError([Problem(entry.filename, 0, "zip entry", f"larger than {MAX_FILE_BYTES} bytes")])
    return data
