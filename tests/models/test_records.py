"""The fast path for lists of records reads what the general path reads, or leaves it alone.

A record with one more element in it cannot take the fast path. Every list is therefore read twice, as it is and with
an unknown element at the end of each record, and the two readings may differ in that element only.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_models import InvalidMessage, Reading, Result

NAMESPACE = "http://api-v1.gen.mm.vodafone.com/mminterface/result"
NIL = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'

names = st.sampled_from(["Key", "Key", "Value", "Value", "Other", "ResultParameter"])
attributes = st.sampled_from(["", "", "", ' nil="true"', NIL, ' xmlns=""', f' xmlns="{NAMESPACE}/other"', ' a="b"'])
contents = st.sampled_from(
    ["a", "a", " a", "a\n", "", " ", "\u00a0a", "<![CDATA[a]]>", "a<![CDATA[ ]]>", "<b/>", "a<Value>b</Value>", "&#9;"]
)
leaves = st.builds(lambda name, given, text: f"<{name}{given}>{text}</{name}>", names, attributes, contents)
usual = st.just("<Key>a</Key><Value>b</Value>")
pairs = st.builds(lambda key, value: f"<Key>{key}</Key><Value>{value}</Value>", contents, contents)
children = st.one_of(usual, pairs, st.lists(leaves, max_size=4).map("".join))
records = st.builds(
    lambda name, given, gap, inner: (f"<{name}{given}>{gap}{inner}", f"</{name}>"),
    st.sampled_from(["ResultParameter", "ResultParameter", "ResultParameter", "Parameter", "Other"]),
    attributes,
    st.sampled_from(["", "\n  ", "stray"]),
    children,
)


def read(
    pieces: list[tuple[str, str]], more: str = ""
) -> tuple[list[tuple[str, str]], tuple[str, ...], list[str]] | str:
    """Pairs, deviations and unknown elements of a list of records, or what it is refused for."""
    inner = "".join(f"{start}{more}{end}" for start, end in pieces)
    start = f'<result xmlns="{NAMESPACE}"><ResultCode>0</ResultCode><ResultParameters>'
    reading = Reading()
    root = etree.fromstring(f"{start}{inner}</ResultParameters></result>")
    try:
        found = Result.from_element(root, reading).result_parameters
    except InvalidMessage as error:
        return str(error)
    assert found is not None
    unknown = [path for path in reading.unknown if not path.endswith("/More")]
    if more:  # The general path was taken: it notes one such element for each record.
        assert len(reading.unknown) - len(unknown) == len(found.result_parameter)
    return [(pair.key or "", pair.value or "") for pair in found.result_parameter], reading.deviations, unknown


@given(st.lists(records, max_size=5))
@example([("<ResultParameter><Key>a</Key><Value>b</Value>", "</ResultParameter>")])
@example([("<ResultParameter><Key>a </Key><Value>b</Value>", "</ResultParameter>")])
@example([("<ResultParameter><Key>a</Key><Value> b</Value>", "</ResultParameter>")])
@example([("<ResultParameter><Key>a</Key><Value>b<c/></Value>", "</ResultParameter>")])
@example([("<ResultParameter><Value>b</Value><Key>a</Key>", "</ResultParameter>")])
@example([("<ResultParameter><Key>a<Value>b</Value></Key><Value>c</Value>", "</ResultParameter>")])
def test_a_record_reads_the_same_on_either_path(pieces: list[tuple[str, str]]) -> None:
    assert read(pieces) == read(pieces, "<More/>")


def test_strict_reading_refuses_what_the_fast_path_would_take() -> None:
    typed = '<ResultParameter xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Other">'
    root = etree.fromstring(
        f'<result xmlns="{NAMESPACE}"><ResultCode>0</ResultCode><ResultParameters>{typed}<Key>a</Key><Value>b</Value>'
        "</ResultParameter></ResultParameters></result>"
    )
    with pytest.raises(InvalidMessage, match="other-type"):
        Result.from_element(root, Reading(strict=True))
