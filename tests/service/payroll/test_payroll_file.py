"""A payroll file: everything that spreadsheets write is read, everything doubtful is told with its place."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp_service.payroll import file as payroll_file
from mpesa_cbp_service.payroll.file import TEMPLATE, read_payroll

HEAD = "msisdn,amount,reference,remark\n"
GOOD = "0712345678,100,E1,November\n"


def problems(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in read_payroll(content).problems]


def test_template_is_refused_as_long_as_it_names_nobody() -> None:
    said = "the phone number holds something other than digits, blanks, dashes, dots and parentheses"
    assert problems(TEMPLATE) == [f"line {line}, column msisdn: {said}" for line in (2, 3)]


def test_template_is_a_good_file_once_it_has_numbers() -> None:
    filled = TEMPLATE.replace("07XXXXXXXX", "0712345678").replace("1XX XXX XXX", "110 000 000")
    payroll = read_payroll(filled.encode())
    assert payroll.problems == ()
    assert [(line.number, line.msisdn, line.amount, line.reference) for line in payroll.lines] == [
        (2, "254712345678", Decimal("1500.50"), "2026-11-EMP001"),
        (3, "254110000000", Decimal(900), "2026-11-EMP002"),
    ]
    assert payroll.lines[1].remark == "Salary November, part time"
    assert payroll.total == Decimal("2400.50")


@pytest.mark.parametrize(
    "content",
    [
        (HEAD + GOOD).encode(),
        b"\xef\xbb\xbf" + (HEAD + GOOD).encode(),
        (HEAD + GOOD).replace(",", ";").encode(),
        (HEAD + GOOD).replace(",", "\t").encode(),
        (HEAD + GOOD).replace("\n", "\r\n").encode(),
        (HEAD + GOOD).replace("\n", "\r").encode(),
        (HEAD + GOOD).rstrip("\n").encode(),
        b"\n\n" + (HEAD + "\n,,,\n" + GOOD + "\n\n").encode(),
        b'"MSISDN","Amount",reference,REMARK\n"0712 345 678","100",E1,"November"\n',
        b"reference,remark,amount,msisdn\nE1,November,100,+254 712 345 678\n",
    ],
    ids=["plain", "mark", "semicolons", "tabs", "windows", "old mac", "no last line end", "blanks", "quotes", "order"],
)
def test_file_is_read_however_a_spreadsheet_has_written_it(content: bytes) -> None:
    payroll = read_payroll(content)
    assert payroll.problems == ()
    (line,) = payroll.lines
    assert (line.msisdn, line.amount, line.reference, line.remark) == ("254712345678", Decimal(100), "E1", "November")


def test_remark_may_be_left_out() -> None:
    (line,) = read_payroll(b"msisdn,amount,reference\n0712345678,100,E1\n").lines
    assert line.remark is None


def test_every_bad_line_is_told_at_once_with_line_and_column() -> None:
    rows = [
        "0712,100,E0,",
        "0712345678,1.5.0,E2,",
        "0712345678,-3,E3,",
        "0712345678,100,,",
        "0712345678,100,=HYPERLINK(1),",
        f"0712345678,100,E6,{'x' * 256}",
        "0712345678,1,000,E7,",
        "2.54712E+11,0,,",
    ]
    assert [text.partition(":")[0] for text in problems(HEAD + "\n".join(rows) + "\n" + GOOD)] == [
        "line 2, column msisdn",
        "line 3, column amount",
        "line 4, column amount",
        "line 5, column reference",
        "line 6, column reference",
        "line 7, column remark",
        "line 8",
        "line 9, column msisdn",
        "line 9, column amount",
        "line 9, column reference",
    ]


@pytest.mark.parametrize("amount", ["7e4", "1E+2", "+20", "1 000", "1e3"])
def test_amount_as_a_spreadsheet_abbreviates_it_is_never_paid(amount: str) -> None:
    (told,) = problems(f"{HEAD}0712345678,{amount},E1,\n")
    assert told == "line 2, column amount: the amount is not in plain digits such as 100 or 100.50"


def test_line_numbers_are_right_after_a_cell_with_a_line_break() -> None:
    text = HEAD + '0712345678,100,E1,"two\nlines"\n' + "0712,100,E2,\n"
    assert [told.partition(":")[0] for told in problems(text)] == ["line 2, column remark", "line 4, column msisdn"]


@pytest.mark.parametrize("second", ["E1", "e1", " E1 ", "\uff251"])
def test_reference_that_is_there_twice_is_refused(second: str) -> None:
    (told,) = problems(HEAD + GOOD + f"0712345679,5,{second},\n")
    assert told == "line 3, column reference: the same reference as in line 2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"amount\n", "the column is missing"),
        (HEAD.encode(), "no payments"),
        (b"number,amount,reference\n1,2,3\n", "column number: there is no such column"),
        (b"msisdn,amount,amount,reference\n", "the column is there twice"),
        (b"msisdn,0712345678,amount,reference\n", "column number 2: there is no such column"),
        ((HEAD + GOOD).encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04xl/workbook.xml", "spreadsheet"),
        (HEAD.encode() + b"0712345678,100,E1,caf\xe9\n", "line 2: not UTF-8"),
        (HEAD.encode() + b"0712345678,100,E1,\0\n", "line 2: a zero byte"),
        (HEAD.encode() + b'0712345678,100,E1,"open\n', "line 2: this is no CSV"),
        (b"x" * (payroll_file.MAXIMUM_BYTES + 1), "bytes: split it"),
        (
            (HEAD + "".join(f"0712345678,1,E{n},\n" for n in range(payroll_file.MAXIMUM_PAYMENTS + 1))).encode(),
            "payments: split it",
        ),
    ],
)
def test_file_that_is_no_payroll_is_told(content: bytes, said: str) -> None:
    assert any(said in told for told in problems(content))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_empty_file_is_told_once(content: bytes) -> None:
    (told,) = problems(content)
    assert told == "line 1: the file is empty: its first line must name the columns msisdn, amount, reference, remark"


def test_repeated_references_and_empty_cells_are_told_in_lines_with_other_problems_too() -> None:
    assert problems(HEAD + ",100,E1,\n0712345678,,E1,\n" + GOOD) == [
        "line 2, column msisdn: the phone number is empty",
        "line 3, column amount: the amount is empty",
        "line 3, column reference: the same reference as in line 2",
        "line 4, column reference: the same reference as in line 2",
    ]


def test_lines_of_customers_in_more_than_one_line_are_told() -> None:
    text = HEAD + GOOD + "254712345678,5,E2,\n0712345679,5,E3,\n"
    assert read_payroll(text.encode()).paid_more_than_once == ((2, 3),)


@pytest.mark.parametrize(
    "text", ["0712345678,100,E1,November\n", "Jane Doe;0712345678;E1\n", "0712345678\n", GOOD + GOOD]
)
def test_file_without_a_header_line_is_told_once_and_without_its_first_line(text: str) -> None:
    (told,) = problems(text)
    assert told == (
        "line 1: no column has a name that is known: the first line must name the columns msisdn, amount, reference, remark"
    )


@pytest.mark.parametrize(("end", "cut"), [("", True), ("\n", False), ("\r\n", False), ("\r", False), ("\n\n", False)])
def test_file_without_a_last_line_end_may_be_cut(end: str, cut: bool) -> None:
    assert read_payroll((HEAD + "0712345678,15,E1,November" + end).encode()).may_be_cut is cut


def test_number_is_never_in_a_problem_nor_in_the_representation() -> None:
    payroll = read_payroll((HEAD + "07123456789,100,E0,\n" + GOOD).encode())
    assert len(payroll.problems) == len(payroll.lines) == 1
    assert "712345678" not in repr(payroll)


@given(st.binary(max_size=200) | st.text(alphabet=',;"\r\n\t071msidnaoureferc ', max_size=200).map(str.encode))
def test_no_content_makes_it_fail(content: bytes) -> None:
    payroll = read_payroll(content)
    assert payroll.lines or payroll.problems
    read_payroll(HEAD.encode() + content)
