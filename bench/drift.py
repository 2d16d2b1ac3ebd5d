"""Drift: the family's two revisions, and a large contract against itself with ten changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Effort, processes
from bench.samples import ROOT
from bench.table import Row, duration, mebibytes

TITLE = "Drift"
EXPLANATION = (
    "`mpesa-cbp-gen drift` in fresh processes as CI starts it, processor time of all its processes, against the "
    "bound that we set it. The rows with other contracts need the folder `shared/contracts` beside the "
    "repository."
)

SHARED = ROOT.parent / "shared" / "contracts"
SCRIPT = "from mpesa_cbp_generator.cli import main; assert main(['drift', *{words!r}]) in (0, 1)"


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    yield _row("own contract against its lock", 1, effort, str(ROOT), "--fail-on", "never")
    if not SHARED.is_dir():
        return
    old, new = (str(SHARED / name) for name in ("v1.0-as-shipped", "v1.5-as-documented"))
    yield _row("v1.0 against v1.5", 1, effort, old, new)
    large = SHARED / "generic" / "fedex-track-v16" / "TrackService_v16.wsdl"
    with TemporaryDirectory() as folder:
        changed = Path(folder) / large.name
        changed.write_text(ten_changes(large.read_text(encoding="utf-8")), encoding="utf-8")
        yield _row("fedex-track-v16 against itself, ten changes", 3, effort, str(large), str(changed))


def _row(what: str, limit: float, effort: Effort, *words: str) -> Row:
    found = processes({"ours": SCRIPT.format(words=words)}, Effort(effort.seconds, min(effort.rounds, 5), effort.tiny))
    seconds = found.times.median("ours")
    shown = f"{duration(seconds)}, {mebibytes(found.peaks['ours'])}"
    return Row(what, shown, "the bound", duration(limit), seconds / limit, limit=1)


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
