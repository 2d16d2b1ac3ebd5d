"""Look up what a code means and what to do about it (protocol, section 5).

Three kinds must be kept apart, because a number means different things in each: a **response** says whether a request
was accepted, a **result** whether the money moved, an **answer** is what we say to the broker. No function here raises
for any text: operators invent codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from mpesa_cbp.payment.code_table import (
    C2B_REFUSALS,
    QUEUE_TIMEOUT_ANSWERS,
    RESPONSES,
    RESULT_ANSWERS,
    RESULTS,
    Disposition,
    Fault,
    Retry,
    Row,
)

__all__ = [
    "MORE_FOLLOW",
    "NO_TRANSACTION",
    "CodeKind",
    "CodeMeaning",
    "Disposition",
    "Fault",
    "Retry",
    "all_codes",
    "answer_meaning",
    "code_key",
    "find_codes",
    "is_credential_refusal",
    "is_duplicate",
    "is_success",
    "is_throttling",
    "meanings",
    "response_meaning",
    "result_meaning",
]

CodeKind: TypeAlias = Literal["response", "result", "answer"]

MORE_FOLLOW = 1
"""The ResultType of a result after which further messages follow; such a result settles nothing."""

NO_TRANSACTION = "49"
"""The ResultCode of an enquiry about a transaction that the core does not have."""

_OPEN = frozenset({"duplicate", "pending", "unknown"})
"""Dispositions that do not say how the payment ended."""


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What one code means.

    `code` is the text as it came. `final`: this code alone settles how the payment ended. `pending`: it is still on
    its way, neither done nor failed. `retry`: never; later; after fixing something; or ask (queryTransaction, the
    operator) before anything else. `meaning` and `advice` are one sentence each. `disposition` is what follows for a
    program; the rest is read off it.
    """

    code: str
    kind: CodeKind
    meaning: str
    advice: str
    disposition: Disposition
    known: bool
    success: bool
    final: bool
    pending: bool
    at_fault: Fault
    retry: Retry


def response_meaning(code: str) -> CodeMeaning:
    """Return the meaning of a ResponseCode: accepted, refused or stored. Success is not yet a payment."""
    return _meaning(code, "response", _RESPONSE_ROWS)


def result_meaning(code: str, *, result_type: int | None = None) -> CodeMeaning:
    """Return the meaning of a ResultCode: paid or not; with ResultType 1 it is neither final nor a success."""
    meaning = _meaning(code, "result", _RESULT_ROWS)
    if result_type != MORE_FOLLOW:
        return meaning
    return replace(
        meaning, disposition="pending", success=False, final=False, pending=True, retry="ask", advice=_TO_COME
    )


def answer_meaning(code: str) -> CodeMeaning:
    """Return the meaning of a code with which we answer the broker: results, queue timeouts, C2B validations."""
    return _meaning(code, "answer", _ANSWER_ROWS)


def meanings(code: str) -> tuple[CodeMeaning, ...]:
    """Return every known meaning of a code whose kind is not known, responses before results before answers."""
    found = (response_meaning(code), result_meaning(code), answer_meaning(code))
    return tuple(meaning for meaning in found if meaning.known)


def is_success(code: str) -> bool:
    """Whether the code is zero, however many digits it is written with; what is no number is no success."""
    return code_key(code) == "0"


def is_throttling(code: str) -> bool:
    """Whether a ResponseCode is a certain refusal for load, so that the same request may be sent again later."""
    return response_meaning(code).disposition == "throttled"


def is_duplicate(code: str) -> bool:
    """Whether a ResultCode says that the core has seen the transaction or its conversation id before."""
    return result_meaning(code).disposition == "duplicate"


def is_credential_refusal(code: str) -> bool:
    """Whether a code says that the initiator's credential is wrong or locked: nothing more may be sent with it."""
    return result_meaning(code).disposition == "credential"


def find_codes(words: str) -> tuple[CodeMeaning, ...]:
    """Every code whose meaning or advice has all of these words, in any case."""
    wanted = words.casefold().split()
    return tuple(
        each
        for each in all_codes()
        if wanted and all(word in f"{each.meaning} {each.advice}".casefold() for word in wanted)
    )


def all_codes() -> Iterator[CodeMeaning]:
    """Yield every known code once a kind: responses, results, our own answers."""
    for code in _RESPONSE_ROWS:
        yield response_meaning(code)
    for code in _RESULT_ROWS:
        yield result_meaning(code)
    for code in _ANSWER_ROWS:
        yield answer_meaning(code)


def _rows(*tables: tuple[Row, ...]) -> dict[str, Row]:
    return {row.code: row for table in tables for row in table}


_RESPONSE_ROWS = _rows(RESPONSES)
_RESULT_ROWS = _rows(RESULTS)
_ANSWER_ROWS = _rows(RESULT_ANSWERS, QUEUE_TIMEOUT_ANSWERS, C2B_REFUSALS)


def code_key(code: str) -> str:
    """Return the code as the table has it: numbers without leading zeros, other codes in capitals.

    int() is avoided: it takes other scripts' digits and signs, and refuses very long texts.
    """
    text = code.strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text.upper()


def _meaning(code: str, kind: CodeKind, rows: dict[str, Row]) -> CodeMeaning:
    row = rows.get(code_key(code), _UNKNOWN)
    known = row is not _UNKNOWN
    # An accepted request is not yet a payment.
    settles = row.disposition not in _OPEN and (row.disposition != "success" or kind != "response")
    return CodeMeaning(
        code=code,
        kind=kind,
        meaning=row.meaning,
        advice=row.advice,
        disposition=row.disposition,
        known=known,
        success=row.disposition == "success",
        final=known and settles,
        pending=row.disposition == "pending",
        at_fault=row.at_fault,
        retry=row.retry,
    )


_TO_COME = "ResultType 1: a further message will follow, and only that one settles the payment. Wait for it, or ask."

_UNKNOWN = Row(
    "",
    "unknown",
    "unknown",
    "ask",
    "This code is not in the operator's documents that we know.",
    "Read the description that came with it, and ask (mpesa-cbp query, or the operator) before sending again.",
)
