"""``python -m bench [--only SUBJECT …] [--seconds N] [--tiny]``: measure, print the tables, write the document."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from bench import codecs, deliveries, drift, generation, package, payments
from bench.measure import TINY, Effort
from bench.samples import ROOT
from bench.table import Row, as_document, as_text

DOCUMENT = ROOT / "docs" / "benchmarks.md"


class Subject(NamedTuple):
    """One section of the table."""

    title: str
    explanation: str
    rows: Callable[[Effort], Iterable[Row]]


SUBJECTS = {
    module.__name__.rpartition(".")[2]: Subject(module.TITLE, module.EXPLANATION, module.rows)
    for module in (codecs, payments, deliveries, package, generation, drift)
}


def main(arguments: list[str] | None = None) -> int:
    """Measure; exit code 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=sorted(SUBJECTS), help="these subjects; the document stays as it is"
    )
    parser.add_argument(
        "--seconds", type=float, default=Effort().seconds, help="for each comparison (default %(default)s)"
    )
    parser.add_argument("--tiny", action="store_true", help="one short round of each, to see that all of it runs")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document (default docs/benchmarks.md)")
    options = parser.parse_args(arguments)
    effort = TINY if options.tiny else Effort(options.seconds)
    started = time.perf_counter()
    found = []
    for name in options.only or SUBJECTS:
        subject = SUBJECTS[name]
        rows = list(subject.rows(effort))
        found.append((subject.title, subject.explanation, rows))
        print("\n".join(as_text(subject.title, rows)), flush=True)
    if not options.only and not (options.tiny and options.out == DOCUMENT):
        minutes = (time.perf_counter() - started) / 60
        options.out.write_text(as_document(found, "nox -s bench", minutes), encoding="utf-8")
    if options.tiny:
        return 0
    missed = [row for _, _, rows in found for row in rows if row.met is False]
    for row in missed:
        print(f"target missed: {row.what} against {row.against}: {row.ratio:.2f}, target {row.target}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
