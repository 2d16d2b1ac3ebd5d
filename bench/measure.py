"""Timing that compares: contestants take turns within one run, so that drift of the machine favours none."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: ``seconds`` for each comparison, ``rounds`` at least; ``tiny`` for a run that only shows
    that the benchmarks work."""

    seconds: float = 4.0
    rounds: int = 15
    tiny: bool = False


TINY = Effort(seconds=0.02, rounds=1, tiny=True)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds a call, by contestant, one value a round; the values of one round were measured side by side."""

    values: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Middle value of a contestant."""
        return statistics.median(self.values[name])

    def ratios(self, name: str, other: str) -> tuple[float, float, float]:
        """How many times as long as the other it took: lower quartile, median, upper quartile over the rounds."""
        found = sorted(a / b for a, b in zip(self.values[name], self.values[other], strict=True))
        return found[len(found) // 4], statistics.median(found), found[-len(found) // 4 - 1 if len(found) > 3 else -1]


def compare(
    works: Mapping[str, Work], effort: Effort, *, clock: Callable[[], float] = time.process_time, burst: float = 0.002
) -> Times:
    """Run the works in turn, about ``burst`` seconds each, until the effort is spent.

    ``clock`` is the processor time of this process unless the work waits for another.
    """
    counts = {name: _count(work, clock, 0 if effort.tiny else burst) for name, work in works.items()}
    values: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    end = time.perf_counter() + effort.seconds
    done = 0
    while done < effort.rounds or (time.perf_counter() < end and not effort.tiny):
        first = done % len(names)
        for name in names[first:] + names[:first]:
            values[name].append(_timed(works[name], counts[name], clock))
        done += 1
    return Times(values)


def _count(work: Work, clock: Callable[[], float], burst: float) -> int:
    """How many calls fill a burst; the calls made to find out also warm up."""
    count = 1
    while _timed(work, count, clock) * count < burst / 2:
        count *= 2
    return count


def _timed(work: Work, count: int, clock: Callable[[], float]) -> float:
    calls = range(count)
    start = clock()
    for _ in calls:
        work()
    return (clock() - start) / count


# -- fresh processes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Processes:
    """Processor seconds of fresh processes, and the largest of them in bytes, by contestant."""

    times: Times
    peaks: Mapping[str, int]


def processes(scripts: Mapping[str, str], effort: Effort, *arguments: str) -> Processes:
    """Run Python scripts in turn, each in a process of its own, with compiled modules cached as an installation has
    them."""
    values: dict[str, list[float]] = {name: [] for name in scripts}
    peaks = dict.fromkeys(scripts, 0)
    for name, script in scripts.items() if not effort.tiny else ():
        _run(script, arguments, name)
    end = time.perf_counter() + effort.seconds
    while len(next(iter(values.values()))) < effort.rounds or (time.perf_counter() < end and not effort.tiny):
        for name, script in scripts.items():
            used, peak = _run(script, arguments, name)
            values[name].append(used)
            peaks[name] = max(peaks[name], peak)
    return Processes(Times(values), peaks)


# What a process that is started inherits of its parent's size counts in ru_maxrss, but not in VmHWM.
_REPORT = """
import resource, os
own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
peak = own.ru_maxrss
if os.path.exists("/proc/self/status"):
    peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
print("\\nused", own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, peak)
"""


def _run(script: str, arguments: tuple[str, ...], name: str) -> tuple[float, int]:
    done = subprocess.run(
        [sys.executable, "-c", script + _REPORT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    _, used, peak = done.stdout.splitlines()[-1].split()
    # macOS counts bytes, Linux KiB.
    return float(used), int(peak) * (1 if sys.platform == "darwin" else 1024)


@cache
def _environment() -> dict[str, str]:
    """This environment, with a place for compiled modules even where the caller's forbids them, and with the tools of
    this interpreter's folder, where xsdata looks for ruff."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"mpesa-cbp-bench-{os.getuid()}"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
    }
