"""Write: the rendered files replace the package's folder in one step; what is stale goes."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mpesa_cbp_generator.errors import ConfigurationError

LOCK = "contract.lock.json"


def write(files: Mapping[str, str], output: Path) -> None:
    """Put the files in place of the folder ``output``.

    The new tree is built beside it and swapped in by renaming, so that nobody sees half of one. A folder that was
    not written by this generator is left alone.

    Raises ConfigurationError for such a folder.
    """
    if output.exists() and any(output.iterdir()) and not (output / LOCK).exists():
        raise ConfigurationError(f"{output} is not empty and holds no {LOCK}: not a generated package, left as it is")
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        fresh = staging / "new"
        for name, text in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        if output.exists():
            output.replace(staging / "old")
        fresh.replace(output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def differences(files: Mapping[str, str], output: Path) -> Iterator[str]:
    """Unified diff, line by line, from what lies in ``output`` to what would be written; empty where they agree."""
    present = {
        path.relative_to(output).as_posix(): path
        for path in (sorted(output.rglob("*")) if output.is_dir() else ())
        if path.is_file() and "__pycache__" not in path.parts
    }
    for name in sorted({*files, *present}):
        old = present[name].read_bytes().decode("utf-8", errors="replace") if name in present else None
        new = files.get(name)
        if old == new:
            continue
        yield from difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            fromfile=f"{output.name}/{name}" if old is not None else "/dev/null",
            tofile=f"{output.name}/{name}" if new is not None else "/dev/null",
        )
        if not old and not new:
            yield f"{output.name}/{name}: {'missing' if old is None else 'stale'} (empty file)\n"
