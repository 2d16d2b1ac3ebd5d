"""Fuzzing: arbitrary bytes and mutated messages are decoded or refused, and cost memory in proportion.

Small in the suite; ``nox -s fuzz`` runs it with many more examples, and atheris beside it.
"""

from __future__ import annotations

import tracemalloc

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp.soap.routes import ROUTES
from tests.effort import examples
from tests.transport.dialect_writer import ALL
from tests.transport.fuzz_seeds import SEEDS
from tests.transport.test_dialects import spoken

SMALL_CHANGE = 256 * 1024
"""Bytes that first uses of a message's module or a cache may take whatever the size of the message is."""

FRAGMENTS = [
    b"<![CDATA[", b"]]>", b"&", b"&amp;", b"&#0;", b"&#xD800;", b"<", b">", b"</", b"<!--", b"-->", b"<?", b"?>", b"'", b'"',
    b"<!DOCTYPE x>", b"xmlns=''", b" nil='true'", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"<result>", b"</result>",
    b"<ResultCode>0</ResultCode>", b"<Amount>1</Amount>", b"Envelope", b"Body", b"Fault", b"ResultMsg", b"result", b":",
]  # fmt: skip


def decoded_or_refused(data: bytes) -> Decoded | MalformedMessage:
    try:
        return decode(data)
    except MalformedMessage as error:
        return error


def judged(data: bytes) -> None:
    """Decode within the limits; nothing but MalformedMessage may come out, and no value of the message in it."""
    tracemalloc.start()
    try:
        outcome = decoded_or_refused(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if isinstance(outcome, MalformedMessage):
        assert len(str(outcome)) < 600
    else:
        assert outcome.fault is not None or outcome.message is not None
    assert peak <= 50 * len(data) + SMALL_CHANGE


for each in SEEDS:
    decoded_or_refused(each)  # loads the messages' modules, which is no cost of a message


@settings(max_examples=examples(100))
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes(data: bytes) -> None:
    judged(data)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.sampled_from(SEEDS), data=st.data())
def test_mutated_message(seed: bytes, data: st.DataObject) -> None:
    whole = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole)))
        upto = min(len(whole), at + data.draw(st.integers(0, 40)))
        other = data.draw(st.sampled_from(SEEDS))
        start = data.draw(st.integers(0, len(other) - 1))
        piece = data.draw(
            st.binary(max_size=4)
            | st.sampled_from(FRAGMENTS)
            | st.just(bytes(whole[at:upto]) * 2)
            | st.just(other[start : start + 60])
        )
        whole[at:upto] = piece
    judged(bytes(whole))


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_mutated_message_in_any_dialects(data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(list(ROUTES.values())))
    chosen = frozenset(name for name in ALL if data.draw(st.booleans()))
    whole = bytearray(data.draw(spoken(route, chosen))[0])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=3) | st.sampled_from(FRAGMENTS))
    judged(bytes(whole))
