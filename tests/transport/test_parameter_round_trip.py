"""Result parameters, written in every documented form and then damaged, are never read as something else.

The judge is the writer: what is read must be a value of which the damaged text is itself a documented writing. Where
the digits were left alone, or the form repeats the amount, it must be the value that was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from mpesa_cbp.results import NAIROBI, AffectedAccount, ResultParameters, read_parameters
from tests.effort import examples


@dataclass(frozen=True)
class Written:
    """A parameter, what it says, and how it is read; ``writings`` are all documented texts of a value."""

    key: str
    text: str
    value: object
    read: Callable[[ResultParameters], object]
    writings: Callable[[object], set[str]]
    repeated: bool = False


def plain(text: str) -> str:
    """A text without what the forms leave open: blanks and the case of letters."""
    return "".join(text.split()).lower()


def digits(text: str) -> str:
    """The digits of a text, in order."""
    return "".join(char for char in text if char.isdigit())


PLACES = st.sampled_from([0, 2, 4])
NAMES = st.sampled_from(["Jane Doe", "ACME", "Jane-Ann O'Neil", "Ltd & Sons", "J. 2nd", ""])
ACCOUNT_NAMES = st.sampled_from(["Working Account", "MMF Organization Account", "Charges Paid Account"])
MOMENTS = st.datetimes(datetime(2007, 1, 1), datetime(2099, 12, 31)).map(
    lambda each: each.replace(microsecond=0, tzinfo=NAIROBI)
)


def amounts(places: int | None = None) -> st.SearchStrategy[Decimal]:
    chosen = PLACES if places is None else st.just(places)
    return st.builds(lambda number, each: Decimal(number).scaleb(-each), st.integers(0, 10**11), chosen)


def braced(
    basic: str, minimum: str, *, currency: str = "KES", order: tuple[int, ...] = (0, 1, 2), gap: str = " "
) -> str:
    parts = [f"BasicAmount={basic}", f"MinimumAmount={minimum}", f"CurrencyCode={currency}"]
    return "{Amount={" + f",{gap}".join(parts[number] for number in order) + "}}"


def money_writings(value: object) -> set[str]:
    assert isinstance(value, Decimal)
    shown = f"{value:f}"
    bodies = {shown, *({f"{value:,f}"} if value.as_tuple().exponent == -2 else ())}
    return {plain(before + body) for body in bodies for before in ("", "Ksh", "KES")}


def braced_writings(value: object) -> set[str]:
    assert isinstance(value, Decimal)
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    whole = plain(f"{value:f}")
    hundredths = f"{int(value * 100)}"
    return {
        plain(braced(whole, hundredths, currency=currency, order=order))
        for order in orders
        for currency in ("KES", "KSH")
    } | {plain(f"{{Amount={{BasicAmount={whole},MinimumAmount={hundredths}}}}}")}


def charge_writings(value: object) -> set[str]:
    return money_writings(value) | {f"fee|kes|{value:f}", f"fee|ksh|{value:f}"}


@st.composite
def paid(draw: st.DrawFn) -> Written:
    value = draw(amounts())
    text = draw(st.sampled_from([f"{value:f}", f"Ksh{value:f}", f"KES {value:f}"]))
    if value.as_tuple().exponent == -2 and draw(st.booleans()):
        text = f"Ksh{value:,f}"
    return Written("Amount", text, value, lambda read: read.amount, money_writings)


@st.composite
def held(draw: st.DrawFn) -> Written:
    value = draw(amounts(2)) * draw(st.sampled_from([1, -1]))
    value = abs(value) if value == 0 else value
    order = draw(st.permutations((0, 1, 2)))
    text = braced(f"{value:f}", f"{int(value * 100)}", order=tuple(order), gap=draw(st.sampled_from(["", " "])))
    key = "InitiatorAccountCurrentBalance"
    return Written(
        key, text, value, lambda read: read.balances.get("initiator current"), braced_writings, repeated=True
    )


@st.composite
def charged(draw: st.DrawFn) -> Written:
    value = draw(amounts(2))
    text = draw(st.sampled_from([f"Fee|KES|{value:f}", f"{value:f}"]))
    return Written("DebitPartyCharges", text, value, lambda read: read.debit_party_charges, charge_writings)


def account_writings(value: object) -> set[str]:
    assert isinstance(value, tuple)
    return {plain("&".join(account_text(each, code) for each in value)) for code in ("KES", "KSH")}


def account_text(account: AffectedAccount, code: str = "KES") -> str:
    return "|".join([account.name, code, *(f"{amount:f}" for amount in account.amounts)])


@st.composite
def affected(draw: st.DrawFn) -> Written:
    key, whose = draw(
        st.sampled_from(
            [("DebitPartyAffectedAccountBalance", "debit"), ("AccountBalance", "own"), ("DebitAccountBalance", "debit")]
        )
    )
    names = draw(st.lists(ACCOUNT_NAMES, min_size=1, max_size=3, unique=True))
    value = tuple(AffectedAccount(whose, name, "KES", tuple(draw(amounts(2)) for _ in range(4))) for name in names)
    text = "&".join(map(account_text, value))
    return Written(key, text, value, lambda read: read.accounts or None, account_writings)


def moment_writings(value: object) -> set[str]:
    assert isinstance(value, datetime)
    shapes = ("%d/%m/%Y%H:%M:%S", "%d.%m.%Y%H:%M:%S", "%Y%m%d%H%M%S")
    return {value.strftime(shape) for shape in shapes}


@st.composite
def timed(draw: st.DrawFn) -> Written:
    value = draw(MOMENTS)
    shape = draw(st.sampled_from(["%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S"]))
    key, name = draw(
        st.sampled_from([
            ("TransCompletedTime", "completed_at"), ("Transaction Datetime", "completed_at"),
            ("BOCompletedTime", "completed_at"), ("InitiatedTime", "initiated_at"), ("FinalisedTime", "finalised_at"),
        ])
    )  # fmt: skip
    return Written(key, value.strftime(shape), value, lambda read: getattr(read, name), moment_writings)


def number_writings(value: object) -> set[str]:
    """A name may be anything that does not begin like a number, so of a party the number alone is written."""
    return {str(value)}


@st.composite
def named(draw: st.DrawFn) -> Written:
    msisdn = st.from_regex(r"2547[0-9]{8}", fullmatch=True)
    value = draw(msisdn | st.from_regex(r"[1-9][0-9]{4,6}", fullmatch=True))
    text = value + draw(st.sampled_from(["-", " - "])) + draw(NAMES)
    key, name = draw(
        st.sampled_from([
            ("ReceiverPartyPublicName", "receiver_number"), ("DebitPartyPublicName", "paying_party_number"),
            ("CreditPartyPublicName", "credit_party_number"),
        ])
    )  # fmt: skip
    return Written(key, text, value, lambda read: getattr(read, name), number_writings)


def answer_writings(value: object) -> set[str]:
    return {"y", "yes", "true"} if value else {"n", "no", "false"}


@st.composite
def registered(draw: st.DrawFn) -> Written:
    value = draw(st.booleans())
    text = "Y" if value else "N"
    return Written("B2CRecipientIsRegisteredCustomer", text, value, lambda read: read.registered, answer_writings)


WRITTEN = st.one_of(paid(), held(), charged(), affected(), timed(), named(), registered())
CHARACTERS = st.sampled_from("0123456789.,-|&={}/: KESshYN'\t+_٣")


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """One character inserted, removed, doubled, replaced, or changed for its neighbour."""
    place = draw(st.integers(0, max(0, len(text) - 1)))
    head, char, tail = text[:place], text[place : place + 1], text[place + 1 :]
    return draw(
        st.one_of(
            CHARACTERS.map(lambda new: head + new + char + tail),
            st.just(head + tail),
            st.just(head + char + char + tail),
            CHARACTERS.map(lambda new: head + new + tail),
            st.just(head + tail[:1] + char + tail[1:]),
        )
    )


@given(written=WRITTEN)
@settings(max_examples=examples(200), deadline=None)
def test_every_documented_writing_is_read_as_what_was_written(written: Written) -> None:
    read = read_parameters([(written.key, written.text)])

    assert written.read(read) == written.value
    assert read.not_understood == ()


@given(data=st.data(), written=WRITTEN, times=st.integers(1, 3))
@settings(max_examples=examples(400), deadline=None)
def test_a_damaged_value_is_read_only_where_it_is_a_documented_writing_of_what_is_read(
    data: st.DataObject, written: Written, times: int
) -> None:
    text = written.text
    for _ in range(times):
        text = data.draw(damaged(text))

    read = read_parameters([(written.key, text)])
    value = written.read(read)

    if value is None:
        assert not text.strip() or [key for key, _ in read.not_understood] == [written.key]
        event("not understood")
        return
    event("as written" if value == written.value else "another documented writing")
    assert any(_is_writing(plain(text), each, written) for each in written.writings(value))


def _is_writing(text: str, writing: str, written: Written) -> bool:
    """Whether a text is a writing; the name of a party or a charge is free text, and not judged."""
    if written.writings is number_writings:
        return text == writing or text.startswith(f"{writing}-")
    if written.writings is charge_writings and "|" in writing:
        return text.partition("|")[2] == writing.partition("|")[2]
    return text == writing


@given(data=st.data(), written=WRITTEN)
@settings(max_examples=examples(400), deadline=None)
def test_damage_to_anything_but_digits_never_makes_another_value(data: st.DataObject, written: Written) -> None:
    text = data.draw(damaged(written.text))
    if not written.repeated and _changes_a_number(written.text, text):
        event("a digit, sign or point was changed")
        return

    value = written.read(read_parameters([(written.key, text)]))

    event("not understood" if value is None else "as written")
    if isinstance(value, tuple):  # of accounts the names are free text
        assert isinstance(written.value, tuple)
        assert [each.amounts for each in value] == [each.amounts for each in written.value]
    elif written.writings is not answer_writings:
        assert value in (None, written.value)


def _changes_a_number(before: str, after: str) -> bool:
    def counted(text: str) -> tuple[str, int, int]:
        return digits(text), text.count("-"), text.count(".")

    return counted(before) != counted(after)
