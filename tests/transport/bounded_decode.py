"""Decodes files, each in a process of its own whose memory and time are limited; run by ``test_limits.py``.

    python bounded_decode.py FOLDER SMALL_MESSAGE

prints for each file its name, its size, the memory in bytes that decoding took at its height, and what came of it.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import decode

TIMES = 50
SMALL_CHANGE = 8 * 1024 * 1024
"""What the allocator may take beyond the message's own cost: arenas, caches, the stack."""
SECONDS = 20


def status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def tell(file: Path, memory: int, outcome: str) -> None:
    sys.stdout.write(f"{file.name}\t{file.stat().st_size}\t{memory}\t{outcome}\n")
    sys.stdout.flush()


def in_child(file: Path) -> None:
    data = file.read_bytes()
    before = status("VmRSS")
    limit = status("VmSize") + TIMES * len(data) + SMALL_CHANGE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        decode(data)
        outcome = "read"
    except MalformedMessage as error:
        outcome = f"refused: {error.reason}"
    except MemoryError:
        outcome = "out of memory"
    tell(file, max(status("VmHWM") - before, 0), outcome)


def main() -> None:
    decode(sys.argv[2].encode())  # what is loaded on first use is no cost of a message
    for file in sorted(Path(sys.argv[1]).iterdir()):
        child = os.fork()
        if child == 0:
            in_child(file)
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        if ended:
            tell(file, 0, f"died with {ended}")


if __name__ == "__main__":
    main()
