"""Exchange two folders in one step, which the standard library cannot do."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = _RENAME_SWAP = 2


def exchange(one: Path, other: Path) -> bool:
    """Give each of two folders the name of the other; False where the system or the file system cannot.

    Linux has renameat2(2) for it, macOS renamex_np(2).
    """
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        system = ctypes.CDLL(None)
        if hasattr(system, "renameat2"):
            return int(system.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE)) == 0
        return int(system.renamex_np(first, second, _RENAME_SWAP)) == 0
    # TypeError: Windows has no library without a name. AttributeError: a C library without the function.
    except (OSError, TypeError, AttributeError):
        return False
