"""Time and memory of drift: the family's two revisions, and a large contract against itself with ten changes.

Each run is a fresh process, as CI starts one: the interpreter and all imports are in the time. Memory is the peak of
the process. Targets: the family under one second, the large contract under three.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "contracts"
RUNS = 5

PEAK = (
    "import resource, sys; from mpesa_cbp_generator.cli import main; main(sys.argv[1:]);"
    "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
)


def measure(title: str, target: float, *words: str) -> bool:
    """Run the command a few times and print what it took; whether the target was met."""
    times = []
    peak = 0
    found = ""
    for _ in range(RUNS):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PEAK, "drift", *words], capture_output=True, text=True, check=True, cwd=ROOT
        )
        times.append(time.perf_counter() - start)
        # Linux counts in KiB.
        peak = max(peak, int(done.stderr))
        found = next(line for line in done.stdout.splitlines() if "version step" in line or line == "nothing changed")
    median = statistics.median(times)
    print(f"{title:<44} {median:6.2f} s (worst {max(times):.2f}, target {target:.0f})  {peak / 1024:5.0f} MiB  {found}")
    return median < target


def ten_changes(text: str) -> str:
    """The text with ten elements changed here and there: renamed, made required, and made to repeat, by turns."""
    places = [match.start() for match in re.finditer(r'<xs:element name="\w+" type="[\w:]+" minOccurs="0"', text)]
    step = len(places) // 10
    for number, place in enumerate(reversed(places[::step][:10])):
        head, tail = text[:place], text[place:]
        if number % 3 == 0:
            tail = tail.replace('name="', 'name="X', 1)
        elif number % 3 == 1:
            tail = tail.replace(' minOccurs="0"', "", 1)
        else:
            tail = tail.replace('minOccurs="0"', 'minOccurs="0" nillable="true"', 1)
        text = head + tail
    return text


def main() -> int:
    """Print one line a case; exit code 1 where a target is missed."""
    met = [measure("own contract against its lock", 1, ".", "--fail-on", "never")]
    if not SHARED.is_dir():
        print("the folder shared/contracts beside the repository is not there: the other cases are left out")
        return 0 if all(met) else 1
    old, new = (str(SHARED / name) for name in ("v1.0-as-shipped", "v1.5-as-documented"))
    met.append(measure("v1.0 against v1.5", 1, old, new))
    large = SHARED / "generic" / "fedex-track-v16" / "TrackService_v16.wsdl"
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / large.name
        changed.write_text(ten_changes(large.read_text(encoding="utf-8")), encoding="utf-8")
        met.append(measure("fedex-track-v16 against itself, ten changes", 3, str(large), str(changed)))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
