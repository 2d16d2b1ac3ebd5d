"""Accounts and the limits that hold for them (protocol, section 5).

Amounts are kept in cents, so that SQLite never sees a float. Every method is all or nothing.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mpesa_cbp.identity.profile import NAIROBI
from mpesa_cbp_simulator.config import Customer, Organisation, Setup
from mpesa_cbp_simulator.database import Database

WORKING = "Working Account"
UTILITY = "Utility Account"
CHARGES = "Charges Paid Account"
WALLET = "M-PESA Account"

# A Kenyan mobile number in international form: 254, then nine digits that begin with 7 or 1.
_MSISDN = re.compile(r"254[17][0-9]{8}")


@dataclass(frozen=True, slots=True)
class Account:
    """One account: whose, and which of theirs."""

    owner: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Money that has moved. ``number`` counts all transfers; ``conversation_id`` is the partner's, "" for C2B."""

    number: int
    receipt: str
    conversation: int
    conversation_id: str
    debit: Account
    credit: Account
    amount: Decimal
    reversed: bool = False


class Ledger:
    """Who holds what. A refusal is told as a ResultCode; None means that it may go ahead."""

    def __init__(self, database: Database, setup: Setup) -> None:
        self._database = database
        self._setup = setup
        self._organisations = {each.short_code: each for each in setup.organisations}
        self.open_accounts()

    def open_accounts(self) -> None:
        """Give everybody of the setup who has no account yet the balances of the beginning."""
        setup = self._setup
        with self._database.transaction() as connection:
            for organisation in setup.organisations:
                for name, amount in _opening(organisation):
                    connection.execute(
                        "insert or ignore into account (owner, name, balance) values (?, ?, ?)",
                        (organisation.short_code, name, _cents(amount)),
                    )
            for customer in setup.customers:
                self._add(customer)

    def organisation(self, short_code: str) -> Organisation | None:
        """The organisation of that short code."""
        return self._organisations.get(short_code)

    def organisations(self) -> list[Organisation]:
        """All of them, in their order."""
        return list(self._organisations.values())

    def customer(self, msisdn: str) -> Customer | None:
        """The customer of that number; one who first appears is made where the setup allows it."""
        with self._database.transaction() as connection:
            row = connection.execute("select * from customer where msisdn = ?", (msisdn,)).fetchone()
            if row is None:
                if not self._setup.any_customer or not _MSISDN.fullmatch(msisdn):
                    return None
                self._add(Customer(msisdn=msisdn, name=f"Customer {msisdn[-3:]}"))
                return self.customer(msisdn)
        return Customer(
            msisdn=msisdn,
            name=row["name"],
            balance=self.balance(Account(msisdn, WALLET)),
            registered=bool(row["registered"]),
            active=bool(row["active"]),
        )

    def customers(self, count: int = 1000, *, after: str = "", skip: int = 0) -> list[Customer]:
        """The first customers that have appeared, by number; those beyond ``after``, and without ``skip`` of them."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select customer.*, balance from customer join account on owner = msisdn and account.name = ?"
                " where msisdn > ? order by msisdn limit ? offset ?",
                (WALLET, after, count, skip),
            ).fetchall()
        return [
            Customer(
                msisdn=row["msisdn"],
                name=row["name"],
                balance=Decimal(row["balance"]).scaleb(-2),
                registered=bool(row["registered"]),
                active=bool(row["active"]),
            )
            for row in rows
        ]

    def _add(self, customer: Customer) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "insert or ignore into customer (msisdn, name, registered, active) values (?, ?, ?, ?)",
                (customer.msisdn, customer.name, customer.registered, customer.active),
            )
            connection.execute(
                "insert or ignore into account (owner, name, balance) values (?, ?, ?)",
                (customer.msisdn, WALLET, _cents(customer.balance)),
            )

    def balance(self, account: Account) -> Decimal:
        """What the account holds, with two places; zero where there is no such account."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "select balance from account where owner = ? and name = ?", (account.owner, account.name)
            ).fetchone()
        return Decimal(0 if row is None else int(row["balance"])).scaleb(-2)

    def refusal(
        self,
        debit: Account,
        credit: Account,
        amount: Decimal,
        *,
        now: datetime,
        minimum: Decimal,
        maximum: Decimal | None,
    ) -> int | None:
        """The ResultCode (1 to 5, 8) that stands against a transfer, or None."""
        if amount < minimum:
            return 2
        if maximum is not None and amount > maximum:
            return 3
        left = self.balance(debit) - amount
        if left < 0:
            return 1
        payer = self.organisation(debit.owner)
        if payer is not None and left < payer.minimum_balance:
            return 5
        if credit.name == WALLET:
            if self._received(credit, now) + amount > self._setup.limits.daily:
                return 4
            if self.balance(credit) + amount > self._setup.limits.balance:
                return 8
        return None

    def move(
        self, debit: Account, credit: Account, amount: Decimal, *, receipt: str, conversation: int, now: datetime
    ) -> None:
        """Move the money and keep the transfer under its receipt."""
        with self._database.transaction() as connection:
            self._shift(debit, credit, amount)
            connection.execute(
                "insert into transfer (receipt, conversation, debit_owner, debit_name, credit_owner, credit_name,"
                " cents, day) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (receipt, conversation, debit.owner, debit.name, credit.owner, credit.name, _cents(amount), _day(now)),
            )

    def transfer(self, receipt: str) -> Transfer | None:
        """The transfer of that receipt."""
        with self._database.transaction() as connection:
            row = connection.execute(f"{_TRANSFERS} where transfer.receipt = ?", (receipt,)).fetchone()
        return None if row is None else _transfer(row)

    def transfers(
        self, *, conversation_id: str | None = None, after: int = 0, count: int | None = None
    ) -> list[Transfer]:
        """What has moved, oldest first: all of it, or for one conversation id; with a number beyond ``after``."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                f"{_TRANSFERS} where transfer.number > ? and conversation_id = coalesce(?, conversation_id)"
                " order by transfer.number limit ?",
                (after, conversation_id, -1 if count is None else count),
            ).fetchall()
        return [_transfer(row) for row in rows]

    def take_back(self, transfer: Transfer) -> int | None:
        """Move a transfer's money back, once; the ResultCode that stands against it, or None."""
        with self._database.transaction() as connection:
            query = "select 1 from transfer where receipt = ? and reversed = 0"
            if connection.execute(query, (transfer.receipt,)).fetchone() is None:
                return 15
            if self.balance(transfer.credit) < transfer.amount:
                return 1
            connection.execute("update transfer set reversed = 1 where receipt = ?", (transfer.receipt,))
            self._shift(transfer.credit, transfer.debit, transfer.amount)
        return None

    def _shift(self, debit: Account, credit: Account, amount: Decimal) -> None:
        with self._database.transaction() as connection:
            for account, cents in ((debit, -_cents(amount)), (credit, _cents(amount))):
                connection.execute(
                    "insert into account (owner, name, balance) values (?, ?, ?)"
                    " on conflict (owner, name) do update set balance = balance + excluded.balance",
                    (account.owner, account.name, cents),
                )

    def _received(self, account: Account, now: datetime) -> Decimal:
        with self._database.transaction() as connection:
            row = connection.execute(
                "select coalesce(sum(cents), 0) from transfer where credit_owner = ? and credit_name = ? and day = ?"
                " and reversed = 0",
                (account.owner, account.name, _day(now)),
            ).fetchone()
        return Decimal(int(row[0])).scaleb(-2)


_TRANSFERS = (
    "select transfer.*, conversation_id from transfer join conversation on conversation.number = transfer.conversation"
)


def _transfer(row: sqlite3.Row) -> Transfer:
    return Transfer(
        number=row["number"],
        receipt=row["receipt"],
        conversation=row["conversation"],
        conversation_id=row["conversation_id"],
        debit=Account(row["debit_owner"], row["debit_name"]),
        credit=Account(row["credit_owner"], row["credit_name"]),
        amount=Decimal(row["cents"]).scaleb(-2),
        reversed=bool(row["reversed"]),
    )


def _opening(organisation: Organisation) -> tuple[tuple[str, Decimal], ...]:
    return (
        (WORKING, organisation.working),
        (UTILITY, organisation.utility),
        (CHARGES, organisation.charges_paid),
    )


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))


def _day(now: datetime) -> str:
    # The operator's day is Nairobi's (protocol, section 6).
    return now.astimezone(NAIROBI).date().isoformat()
