"""Limits: whatever is sent, decoding takes time and memory in proportion to its size, and ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import decode
from tests.effort import EFFORT
from tests.transport.hostile_messages import HOSTILE, body, carrier, header, parameters, payload

SIZE = 400_000 if EFFORT == 1 else 8_000_000


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int, str]]:
    """Size, memory and outcome of each hostile message, each decoded in a process with 50 times its size."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the memory of a process is limited and measured the Linux way")
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in HOSTILE.items():
        (folder / name).write_text(make(SIZE), encoding="utf-8")
    program = Path(__file__).with_name("bounded_decode.py")
    done = subprocess.run(
        [sys.executable, program, folder, payload("")], capture_output=True, text=True, check=True, timeout=300
    )
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {name: (int(size), int(memory), outcome) for name, size, memory, outcome in rows}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_message_costs_no_more_than_fifty_times_its_size(
    outcomes: dict[str, tuple[int, int, str]], name: str
) -> None:
    size, memory, outcome = outcomes[name]
    assert outcome == "read" or outcome.startswith("refused: ")
    assert memory <= 50 * size + 8 * 1024 * 1024


def test_message_with_ten_thousand_parameters_is_read() -> None:
    pairs = "<ResultParameter><Key>k</Key><Value>v</Value></ResultParameter>" * 10_000
    assert len(decode(parameters(pairs).encode()).message.result_parameters.result_parameter) == 10_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (payload("x" * 16 * 1024 * 1024).encode(), "larger than 16777216 bytes"),
        (payload("<a>" * 300 + "</a>" * 300).encode(), "not well-formed XML"),
        (payload("<a/>" * 1001).encode(), "more than 1000 elements that are not in the contract"),
        (header("<a/>" * 1001).encode(), "more than 1000 elements that are not in the contract"),
        (payload("<a/>" * 20_000).encode(), "more elements than a message of its size can"),
        (carrier("&lt;result>" + "&lt;a/>" * 20_000 + "&lt;/result>").encode(), "more elements than a message"),
        (body("<x/>").encode("utf-16"), "does not begin as an XML document in UTF-8 does"),
        (body("<x/>").encode("utf-16-le"), "does not begin as an XML document in UTF-8 does"),
        (b'<?xml version="1.0" encoding="IBM037"?>' + body("<x/>").encode("cp037"), "an encoding that is not read"),
        (b'<?xml version="1.0" encoding="UTF-7"?>' + body("<x/>").encode(), "an encoding that is not read"),
        (b'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x>' + body("<x/>").encode(), "an encoding that is not"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + body("<x>&a;</x>").encode(), "document type declaration"),
        (payload("").replace("<result>", "<!DOCTYPE result><result>").encode(), "document type declaration"),
        (payload("<ResultDesc>&a;</ResultDesc>").encode(), "not well-formed XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_message_beyond_a_limit_is_refused_and_says_so(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessage, match=reason):
        decode(data)
