"""A document type declaration is refused wherever it may stand, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from mpesa_cbp_models import InvalidMessage, Response

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
NAMESPACE = "http://api-v1.gen.mm.vodafone.com/mminterface/response"
ROOT = f'<response xmlns="{NAMESPACE}"><ResponseCode>0</ResponseCode></response>'
DOCTYPE = '<!DOCTYPE response [<!ENTITY x "y">]>'

BEFORE = {
    "nothing": "",
    "declaration": DECLARATION,
    "declaration in single quotes": DECLARATION.replace('"', "'"),
    "declaration with a blank": DECLARATION.replace("?>", " ?>"),
    "declaration without encoding": '<?xml version="1.0"?>',
    "standalone": '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>',
    "line end": f"{DECLARATION}\r\n\t ",
    "comment": f"{DECLARATION}<!-- <response> -->",
    "processing instruction": f"{DECLARATION}<?a <response> ?>",
    "byte order mark": f"\ufeff{DECLARATION}",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_document_type_is_refused(before: str) -> None:
    with pytest.raises(InvalidMessage, match="document type"):
        Response.from_xml(f"{before}{DOCTYPE}{ROOT}".encode())


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32"])
def test_document_type_in_wide_characters_is_refused(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?>{DOCTYPE}{ROOT}'
    with pytest.raises(InvalidMessage):
        Response.from_xml(document.encode(encoding))


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_document_without_one_is_read(before: str) -> None:
    assert Response.from_xml(f"{before}{ROOT}".encode()).response_code == "0"


def test_document_type_after_the_root_is_no_xml() -> None:
    with pytest.raises(InvalidMessage):
        Response.from_xml(f"{DECLARATION}{ROOT}{DOCTYPE}".encode())
