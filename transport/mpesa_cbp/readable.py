"""Messages as a person reads them: indented, the document inside the string opened, masked; results in lines."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp.notices import ResultNotice
from mpesa_cbp.redaction import mask_msisdn, redact
from mpesa_cbp_models import InvalidMessage
from mpesa_cbp_models._parsing import parse
from mpesa_cbp_models._reading import local

_CARRIERS = frozenset({"RequestMsg", "ResponseMsg", "ResultMsg"})


def pretty(body: bytes, *, masked: bool = True) -> str:
    """The message with one element a line; as it came where it is no XML."""
    try:
        root = parse(body)
    except InvalidMessage:
        text = body.decode("utf-8", errors="replace")
        return redact(text) if masked else text
    for element in root.iter():
        if local(element.tag) in _CARRIERS and element.text and not len(element):
            try:
                inner = parse(element.text.strip().encode())
            except InvalidMessage:
                continue
            etree.indent(inner)
            element.text = etree.CDATA(f"\n{etree.tostring(inner, encoding='unicode')}\n")
    etree.indent(root)
    text = etree.tostring(root, encoding="unicode")
    return redact(text) if masked else text


def result_lines(notice: ResultNotice) -> list[str]:
    """What a result says, a line for each fact, numbers masked."""
    parameters = notice.parameters
    facts = (
        ("ResultCode", f"{notice.result.result_code}: {notice.meaning.meaning}"),
        ("receipt", notice.receipt),
        ("amount", f"{parameters.amount} KES" if parameters.amount is not None else None),
        ("completed", parameters.completed_at.isoformat(sep=" ") if parameters.completed_at else None),
        ("receiver", mask_msisdn(parameters.receiver_number) if parameters.receiver_number else None),
        *((f"{name} account", f"{balance} KES left") for name, balance in parameters.balances.items()),
        *(("not understood", f"{key}: {why}") for key, why in parameters.not_understood),
    )
    return [f"{label:22} {value}" for label, value in facts if value]
