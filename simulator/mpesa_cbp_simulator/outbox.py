"""Messages still to be delivered."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace

from mpesa_cbp_simulator.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to be posted to a partner.

    ``conversation`` is the number of the one that it belongs to, ``what`` the sentence that tells of it, ``code`` the
    ResultCode in it. ``history`` names the list of queryTransaction that it is kept in. ``attempts`` are left;
    ``delay`` is in seconds from when it was stored, or from when a simulator that was stopped starts again.
    """

    number: int
    conversation: int
    url: str = field(repr=False)
    envelope: bytes = field(repr=False)
    what: str
    code: str | None
    soap_action: str
    history: str | None
    attempts: int
    delay: float


class Outbox:
    """The deliveries that are not done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        *,
        conversation: int,
        url: str,
        envelope: bytes,
        what: str,
        code: str | None,
        soap_action: str,
        history: str | None,
        attempts: int,
        delay: float,
    ) -> Delivery:
        """Store one."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "insert into delivery (conversation, url, envelope, what, code, soap_action, history, attempts, delay)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (conversation, url, envelope, what, code, soap_action, history, attempts, delay),
            )
            row = connection.execute("select * from delivery where number = ?", (cursor.lastrowid,)).fetchone()
        return _delivery(row)

    def again(self, delivery: Delivery, *, what: str, attempts: int, delay: float) -> Delivery:
        """Store that it was posted in vain and is to be posted once more; its history has it already."""
        with self._database.transaction() as connection:
            connection.execute(
                "update delivery set what = ?, attempts = ?, delay = ?, history = null where number = ?",
                (what, attempts, delay, delivery.number),
            )
        return replace(delivery, what=what, attempts=attempts, delay=delay, history=None)

    def done(self, delivery: Delivery) -> None:
        """Forget one that was acknowledged or given up."""
        with self._database.transaction() as connection:
            connection.execute("delete from delivery where number = ?", (delivery.number,))

    def all(self) -> list[Delivery]:
        """All that are not done, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute("select * from delivery order by number").fetchall()
        return [_delivery(row) for row in rows]


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(**{name: row[name] for name in row.keys()})  # noqa: SIM118 - a Row iterates over its values
