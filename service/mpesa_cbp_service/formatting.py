"""Format messages and results for people: indented, payload opened, masked."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp.redaction import mask_msisdn, redact
from mpesa_cbp.results.parameters import is_impersonal
from mpesa_cbp_models import InvalidMessage
from mpesa_cbp_models.xml import local, parse
from mpesa_cbp_service.notifications import ResultNotification

STATUS_KEY = "TransactionStatus"
"""The parameter in which the answer to a status enquiry tells how the transaction stands."""

# Keys of addresses, settings, times, ids and states; those with amounts and times that ``results`` knows are open too.
_OPEN_KEYS = frozenset({
    "QueueTimeoutURL", "ValidationURL", "ConfirmationURL", "ResultURL", "ResponseType", "queryDate", "InitiatedTime",
    "FinalisedTime", "BOCompletedTime", "TransactionType", STATUS_KEY, "DebitAccountType", "DebitAccountBalance",
    "AccountBalance", "ShortCode", "OriginatorConversationID", "ConversationID", "OriginalTransactionID",
})  # fmt: skip

# Listed as text too: what answers an enquiry is not all in the lines of ``result_lines``.
_LISTED_KEYS = frozenset({
    "AccountBalance", "DebitAccountBalance", "InitiatedTime", "FinalisedTime", "BOCompletedTime",
    "CreditPartyPublicName",
})  # fmt: skip

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


def masked_parameter(key: str, text: str) -> str:
    """The value of a parameter; that of a key which is not known is taken for personal."""
    key = key.strip()
    if key in _OPEN_KEYS:
        return redact(f">{text}")[1:]  # as it is redacted inside an element
    return redact(text) if is_impersonal(key) else mask_msisdn(text)


def one_line(text: str) -> str:
    """A value on one line; what would move a terminal's cursor, or look like another line, is shown as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def other_parameters(notification: ResultNotification) -> list[tuple[str, str]]:
    """The parameters of a result that ``result_lines`` has no line for, the transaction's status first; masked."""
    kept = set(notification.parameters.other)
    texts = [(key.strip(), (value or "").strip()) for key, value in notification.pairs]
    pairs = [
        (key, masked_parameter(key, text))
        for key, text in texts
        if text and ((key, text) in kept or key in _LISTED_KEYS)
    ]
    return sorted(pairs, key=lambda pair: pair[0] != STATUS_KEY)


def result_lines(notification: ResultNotification) -> list[str]:
    """What a result says, a line for each fact, numbers masked."""
    parameters = notification.parameters
    other = other_parameters(notification)
    facts = (
        ("ResultCode", f"{notification.result.result_code}: {notification.meaning.meaning}"),
        ("contradicts", "what is known of the request: a person must look" if notification.contradicts else None),
        *(pair for pair in other if pair[0] == STATUS_KEY),
        ("receipt", notification.receipt),
        ("amount", f"{parameters.amount} KES" if parameters.amount is not None else None),
        ("completed", parameters.completed_at.isoformat(sep=" ") if parameters.completed_at else None),
        ("receiver", mask_msisdn(parameters.receiver_number) if parameters.receiver_number else None),
        *((f"{name} account", f"{balance} KES left") for name, balance in parameters.balances.items()),
        *(("not understood", f"{key}: {why}") for key, why in parameters.not_understood),
        *(pair for pair in other if pair[0] != STATUS_KEY),
    )
    return [one_line(f"{label:22} {value}") for label, value in facts if value]
