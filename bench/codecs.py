"""Writing and reading beside xsdata, zeep and the floor, and how reading grows with the size."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler
from xsdata.formats.dataclass.serializers import XmlSerializer

from bench import samples, zeep_peer
from bench.measure import Effort, Work, compare
from bench.table import Row, faster, slower
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT

TITLE = "Writing and reading"
EXPLANATION = (
    "A B2C request and the result of one (nine parameters). The floor of writing is one f-string of the same "
    "document, each value through `xml.sax.saxutils.escape`; that of reading is `lxml.etree.fromstring` of the "
    "same bytes. xsdata serialises and parses (lxml handler) the same generated classes; zeep reads and writes "
    "values of its own from the XSD. An envelope needs two parses, its own and that of the document which it "
    "carries as CDATA; `decode` is compared with just these. A dialect is the same result with a capital root, "
    "no namespace and ids in camel case, as deployed brokers send it."
)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    with zeep_peer.contract_folder() as folder:
        yield from _writing(effort, zeep_peer.RequestWriter(folder, samples.request()))
        yield from _reading(effort, zeep_peer.ResultReader(folder))
    yield from _envelope(effort)
    yield from _growth(effort)


def _writing(effort: Effort, zeep: zeep_peer.RequestWriter) -> Iterator[Row]:
    typed, serializer = samples.request(), XmlSerializer()
    times = compare(
        {
            "ours": typed.to_xml,
            "the floor": samples.floor(typed.to_xml().decode()),
            "xsdata": lambda: serializer.render(typed, ns_map={None: samples.REQUEST}).encode(),
            "zeep": zeep.write,
        },
        effort,
    )
    what = "write a B2C request"
    yield slower(what, times, "ours", "the floor", limit=2)
    yield faster(what, times, "ours", "xsdata", limit=40)
    yield faster(what, times, "ours", "zeep")


def _reading(effort: Effort, zeep: zeep_peer.ResultReader) -> Iterator[Row]:
    parser = XmlParser(handler=LxmlEventHandler)
    plain = samples.result(9).to_xml()
    forms = {"": plain, ", indented": samples.indented(plain), ", in a dialect": samples.dialect(plain)}
    for form, data in forms.items():
        what = f"read a result{form}"
        ours = partial(Result.from_xml, data)
        limit = None if form == ", in a dialect" else 2.5
        # The floor beside ours alone: after a turn of xsdata or zeep the next one meets cold caches.
        times = compare({"ours": ours, "one lxml parse": partial(etree.fromstring, data)}, effort)
        yield slower(what, times, "ours", "one lxml parse", limit=limit)
        if limit is None:
            continue
        peers: dict[str, Work] = {
            "ours": ours,
            "xsdata": partial(parser.from_bytes, data, Result),
            "zeep": partial(zeep.read, data),
        }
        times = compare(peers, effort)
        yield faster(what, times, "ours", "xsdata", limit=10)
        yield faster(what, times, "ours", "zeep")


def _envelope(effort: Effort) -> Iterator[Row]:
    typed = samples.result(9)
    envelope, payload = encode(typed, operation=GENERIC_API_RESULT, direction="input"), typed.to_xml()

    def bare() -> None:
        etree.fromstring(envelope)
        etree.fromstring(payload)

    times = compare({"ours": lambda: decode(envelope), "its two lxml parses": bare}, effort)
    yield slower("read a result envelope", times, "ours", "its two lxml parses", limit=2.5)


def _growth(effort: Effort) -> Iterator[Row]:
    sizes = (1, 10, 100) if effort.tiny else (1, 10, 100, 1_000, 10_000)
    each = Effort(effort.seconds / 2, effort.rounds, effort.tiny)
    _let_the_allocator_keep_memory()
    for size in sizes:
        data = samples.result(size).to_xml()
        # Side by side with one size only: after a large document the next one meets cold caches.
        works: dict[str, Work] = {
            "ours": partial(Result.from_xml, data),
            "one lxml parse": partial(etree.fromstring, data),
        }
        yield slower(f"read a result, {_parameters(size)}", compare(works, each), "ours", "one lxml parse")
    for small, large in itertools.pairwise(sizes):
        pair: dict[str, Work] = {
            _parameters(size): partial(Result.from_xml, samples.result(size).to_xml()) for size in (small, large)
        }
        limit = 12 if large == 10_000 else None
        yield slower(
            f"read {_parameters(large)}", compare(pair, each), _parameters(large), _parameters(small), limit=limit
        )


def _let_the_allocator_keep_memory() -> None:
    """Free one large block, after which glibc no longer hands the memory of each large document back to the system.

    Otherwise the documents that are larger than what it keeps would be charged for its page faults at every turn.
    """
    bytearray(24 * 2**20)


def _parameters(count: int) -> str:
    return f"{count:,} parameter{'s' if count > 1 else ''}".replace(",", " ")
