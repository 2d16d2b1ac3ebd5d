"""The report of ``mpesa-cbp pay --file``: a CSV file with a row for each line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TextIO

from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_service.payroll import LineResult
from mpesa_cbp_service.payroll.file import PayrollLine

__all__ = ["is_report_of", "write_report"]

_COLUMNS = ("line", "reference", "msisdn", "amount", "outcome", "state", "receipt", "code", "conversation_id", "told")


def write_report(stream: TextIO, results: Sequence[LineResult]) -> None:
    """Write what became of each line; numbers are masked."""
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    writer.writerows(_row(result, result.planned.line) for result in results)


def is_report_of(path: Path, conversation_ids: Collection[str]) -> bool:
    """Whether a file is such a report, and of no other payments than these."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            return tuple(rows.fieldnames or ()) == _COLUMNS and all(
                row["conversation_id"] in conversation_ids for row in rows
            )
    except (OSError, ValueError, csv.Error):
        return False


def _row(result: LineResult, line: PayrollLine) -> tuple[object, ...]:
    payment = result.payment
    code = (payment.result_code or payment.response_code) if payment is not None else None
    state = payment.state.name if payment is not None else ""
    receipt = payment.receipt if payment is not None else None
    paid = (line.number, line.reference, mask_msisdn(line.msisdn), line.amount)
    return (*paid, result.outcome.value, state, receipt or "", code or "", result.planned.conversation_id, result.told)
