"""What it costs to begin: importing the generated package, against lxml alone and against zeep loading the WSDL."""

from __future__ import annotations

from collections.abc import Iterator

from bench import zeep_peer
from bench.measure import Effort, Processes, Times, processes
from bench.table import Row, faster, mebibytes, slower

TITLE = "Import"
EXPLANATION = (
    'Fresh processes, compiled modules cached, processor time. "lxml and dataclasses" is `import lxml.etree, '
    "dataclasses`, below which no package like ours can be; in the first rows the bare interpreter's start is "
    "taken off both. Memory is the process's largest resident size."
)

SCRIPTS = {
    "nothing": "pass",
    "lxml and dataclasses": "import lxml.etree, dataclasses",
    "request": "import mpesa_cbp_models; mpesa_cbp_models.Request",
    "result": "import mpesa_cbp_models; mpesa_cbp_models.Result",
    "zeep": "import sys, zeep; zeep.Client(sys.argv[1])",
}


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    with zeep_peer.contract_folder() as folder:
        found = processes(SCRIPTS, effort, str(folder / "CBPInterface_Request.wsdl"))
    net = _without_interpreter(found)
    for name in ("request", "result"):
        yield slower(f"import and use the {name} family", net, name, "lxml and dataclasses", limit=2)
        yield faster(f"import and use the {name} family", net, name, "zeep")
    for name in ("request", "result"):
        yield _memory(f"memory after importing the {name} family", found, name, "lxml and dataclasses")
        yield _memory(f"memory after importing the {name} family", found, name, "zeep")


def _without_interpreter(found: Processes) -> Times:
    start = found.times.median("nothing")
    return Times({name: [value - start for value in values] for name, values in found.times.values.items()})


def _memory(what: str, found: Processes, ours: str, other: str) -> Row:
    return Row(
        what, mebibytes(found.peaks[ours]), other, mebibytes(found.peaks[other]), found.peaks[ours] / found.peaks[other]
    )
