"""Coverage-guided fuzzing of ``decode`` with atheris; started by ``nox -s fuzz``.

    python -m tests.transport.fuzz_decode [CORPUS_FOLDER] [-max_total_time=SECONDS]

libFuzzer ends with an error where anything but MalformedMessage is raised, where one message takes longer than ten
seconds, or where the process outgrows ``-rss_limit_mb``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mpesa_cbp", "mpesa_cbp_models"]):
    from mpesa_cbp.envelope import decode
    from mpesa_cbp.errors import MalformedMessage

from tests.transport.fuzz_seeds import SEEDS


def one(data: bytes) -> None:
    try:
        decoded = decode(data)
    except MalformedMessage:
        return
    if decoded.fault is None and decoded.message is None:
        raise RuntimeError("decoded to nothing")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS):
            (Path(folder) / f"{number:03}").write_bytes(seed)
        arguments = sys.argv if any(not part.startswith("-") for part in sys.argv[1:]) else [*sys.argv, folder]
        atheris.Setup([*arguments, "-timeout=10", "-max_len=20000"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
