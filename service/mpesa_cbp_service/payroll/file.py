"""Read and check a whole payroll file before anything is paid.

CSV as spreadsheets write it: UTF-8 with or without a byte order mark, comma, semicolon or tab, quotes, any line ends.
Nothing is guessed: a cell that could be read in two ways is a problem, and a file with a problem is not paid.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from mpesa_cbp.parsing import format_amount, normalise_msisdn, parse_amount

__all__ = [
    "COLUMNS",
    "MAXIMUM_BYTES",
    "MAXIMUM_PAYMENTS",
    "TEMPLATE",
    "Payroll",
    "PayrollLine",
    "Problem",
    "read_payroll",
]

MAXIMUM_BYTES = 16 * 1024 * 1024
MAXIMUM_PAYMENTS = 50_000
COLUMNS = ("msisdn", "amount", "reference", "remark")
TEMPLATE = """msisdn,amount,reference,remark
07XXXXXXXX,1500.50,2026-11-EMP001,Salary November
+254 1XX XXX XXX,900,2026-11-EMP002,"Salary November, part time"
"""
"""An example file; it is refused until each X of the numbers is a digit, so that nobody is paid by mistake."""

_REQUIRED = ("msisdn", "amount", "reference")
_DELIMITERS = (",", ";", "\t")
# Letters, digits and marks that no spreadsheet takes for a formula when it opens a report.
_REFERENCE = re.compile(r"\w[\w .:/#-]{0,63}")
_LONGEST_REMARK = 255
# A column's name in one short word.
_WORD = re.compile(r"[a-z_]{1,20}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that must be corrected first; it never repeats a customer's number."""

    line: int
    column: str | None
    rule: str

    def __str__(self) -> str:
        return f"line {self.line}{f', column {self.column}' if self.column else ''}: {self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayrollLine:
    """One payment; ``number`` is the line of the file that it begins on."""

    number: int
    msisdn: str = field(repr=False)
    amount: Decimal
    reference: str
    remark: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The reference as it counts: upper and lower case, and forms of the same character, are one."""
        return _key(self.reference)

    def digest(self, command: str) -> str:
        """Of what is paid to whom under which reference, to know the line again in another file."""
        parts = (self.key, self.msisdn, format_amount(self.amount), command)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payroll:
    """What a file says: its payments, and everything that is wrong with it."""

    lines: tuple[PayrollLine, ...] = ()
    problems: tuple[Problem, ...] = ()
    may_be_cut: bool = False
    """Whether it ends without a line end, as a file that was cut off does, and many a whole one too."""

    @property
    def total(self) -> Decimal:
        """The sum of all amounts, in KES."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def paid_more_than_once(self) -> tuple[tuple[int, ...], ...]:
        """The lines of each customer who stands in more than one, which may or may not be meant."""
        numbers: dict[str, list[int]] = {}
        for line in self.lines:
            numbers.setdefault(line.msisdn, []).append(line.number)
        return tuple(tuple(each) for each in numbers.values() if len(each) > 1)


def read_payroll(content: bytes, *, country_code: str = "254") -> Payroll:
    """Read a file; never an exception, whatever stands in it."""
    text, problem = _decode(content)
    if problem is not None:
        return Payroll(problems=(problem,))
    rows = _Rows(text)
    header, problems = _header(rows)
    if header is None:
        return Payroll(problems=(*rows.problems, *problems))
    lines: list[PayrollLine] = []
    first_use: dict[str, int] = {}
    for number, cells in rows:
        if len(lines) >= MAXIMUM_PAYMENTS:
            problems.append(Problem(number, None, f"the file has more than {MAXIMUM_PAYMENTS} payments: split it"))
            break
        line = _line(number, cells, header, country_code, first_use, problems)
        if line is not None:
            lines.append(line)
    problems += rows.problems
    if not lines and not problems:
        problems.append(Problem(1, None, "the file has no payments"))
    return Payroll(
        lines=tuple(lines),
        problems=tuple(sorted(problems, key=lambda each: each.line)),
        may_be_cut=not text.endswith(("\n", "\r")),
    )


def _decode(content: bytes) -> tuple[str, Problem | None]:
    if len(content) > MAXIMUM_BYTES:
        return "", Problem(1, None, f"the file has more than {MAXIMUM_BYTES} bytes: split it")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "", Problem(1, None, "the file is UTF-16: save it as CSV UTF-8")
    if content.startswith(b"PK"):
        return "", Problem(1, None, "the file is a spreadsheet: save it as CSV UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "", Problem(content[: error.start].count(b"\n") + 1, None, "not UTF-8: save the file as CSV UTF-8")
    if "\0" in text:
        return "", Problem(text[: text.index("\0")].count("\n") + 1, None, "a zero byte: the file is no CSV")
    return text, None


class _Rows:
    """The rows that hold something, each with the line that it begins on; what is no CSV ends them."""

    def __init__(self, text: str) -> None:
        first = next((line for line in text.splitlines() if line.strip()), "")
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first), strict=True)
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            begins = self._reader.line_num + 1
            try:
                cells = [cell.strip() for cell in next(self._reader)]
            except StopIteration:
                return
            except csv.Error as error:
                self.problems.append(Problem(begins, None, f"this is no CSV ({error}): look at its quotation marks"))
                return
            if any(cells):
                yield begins, cells


def _delimiter(line: str) -> str:
    """The one that makes the header hold the columns."""
    return max(_DELIMITERS, key=lambda each: len({cell.strip(' "').lower() for cell in line.split(each)} & {*COLUMNS}))


def _header(rows: _Rows) -> tuple[list[str] | None, list[Problem]]:
    number, cells = next(iter(rows), (1, []))
    if not cells and not rows.problems:
        return None, [Problem(1, None, f"the file is empty: its first line must name the columns {', '.join(COLUMNS)}")]
    header = [cell.lower() for cell in cells]
    if not {*header} & {*COLUMNS}:
        rule = f"no column has a name that is known: the first line must name the columns {', '.join(COLUMNS)}"
        return None, [Problem(number, None, rule)]
    problems = [
        Problem(number, _shown(name, place), "there is no such column")
        for place, name in enumerate(header, 1)
        if name not in COLUMNS
    ]
    problems += [Problem(number, name, "the column is missing") for name in _REQUIRED if name not in header]
    problems += [Problem(number, name, "the column is there twice") for name in COLUMNS if header.count(name) > 1]
    if problems:
        return None, [*problems, Problem(number, None, f"the first line must name the columns {', '.join(COLUMNS)}")]
    return header, []


def _shown(name: str, place: int) -> str:
    """The name of a column that is not known: its place instead where it may be a customer's number or a remark."""
    return name if _WORD.fullmatch(name) else f"number {place}"


def _line(
    number: int,
    cells: list[str],
    header: list[str],
    country_code: str,
    first_use: dict[str, int],
    problems: list[Problem],
) -> PayrollLine | None:
    if len(cells) != len(header):
        rule = f"{len(cells)} cells where the first line has {len(header)}: put a cell with a delimiter into quotes"
        problems.append(Problem(number, None, rule))
        return None
    cell = dict(zip(header, cells, strict=True))
    before = len(problems)

    def checked(column: str, read: Callable[[str], str | Decimal]) -> str | Decimal | None:
        try:
            return read(cell.get(column, ""))
        except ValueError as error:
            problems.append(Problem(number, column, str(error)))
            return None

    msisdn = checked("msisdn", lambda text: normalise_msisdn(text, country_code=country_code))
    amount = checked("amount", parse_amount)
    reference = checked("reference", _reference)
    if reference is not None:
        # A line with another problem counts too, so that all is told at once.
        first = first_use.setdefault(_key(str(reference)), number)
        if first != number:
            problems.append(Problem(number, "reference", f"the same reference as in line {first}"))
    remark = checked("remark", _remark)
    if len(problems) > before or not isinstance(amount, Decimal):
        return None
    return PayrollLine(
        number=number, msisdn=str(msisdn), amount=amount, reference=str(reference), remark=str(remark) or None
    )


def _key(reference: str) -> str:
    return unicodedata.normalize("NFKC", reference).casefold()


def _reference(text: str) -> str:
    if not text:
        raise ValueError("every payment needs a reference of its own: it keeps it from being paid twice")
    if not _REFERENCE.fullmatch(text):
        raise ValueError("up to 64 letters, digits, blanks and . : / # - _, beginning with a letter or a digit")
    return text


def _remark(text: str) -> str:
    if len(text) > _LONGEST_REMARK:
        raise ValueError(f"longer than {_LONGEST_REMARK} characters")
    if not text.isprintable():
        raise ValueError("it holds a line break or something else that cannot be printed")
    return text
