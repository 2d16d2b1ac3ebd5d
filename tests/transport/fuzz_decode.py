"""Coverage-guided fuzzing of ``decode`` with atheris; started by ``nox -s fuzz``.

    python -m tests.transport.fuzz_decode [CORPUS_FOLDER] [-max_total_time=SECONDS]

libFuzzer ends with an error where anything but MalformedMessage is raised, where a message is read otherwise than when it
is read whole, where one takes longer than ten seconds, or where the process outgrows ``-rss_limit_mb``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mpesa_cbp", "mpesa_cbp_models"]):
    from tests.transport.whole_reading import read, whole

from tests.transport.fuzz_seeds import SEEDS


def one(data: bytes) -> None:
    decoded = read(data)
    if decoded != read(whole(data)):
        raise RuntimeError("its wrapping is remembered as what it is not")
    if decoded is not None and decoded.fault is None and decoded.message is None:
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
