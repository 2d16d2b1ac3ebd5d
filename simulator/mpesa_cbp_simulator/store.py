"""Conversations: state, steps and messages."""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.database import Database
from mpesa_cbp_simulator.faults import BadDay
from mpesa_cbp_simulator.timeline import StepHook, TimelineEntry

_log = logging.getLogger(__name__)


class State(Enum):
    """How far a conversation has come on the operator's side."""

    REFUSED = "refused"
    ACCEPTED = "accepted"
    CACHED = "cached"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One request and what became of it. ``number`` is ours: a conversation id can come twice.

    ``kind`` is the command's family (B2C, B2B, query, C2B …), ``reference`` the account that is paid for.
    ``result`` is the payload of the last result.
    """

    number: int
    conversation_id: str
    core_id: str
    kind: str
    command: str
    short_code: str
    receiver: str = field(repr=False)
    amount: Decimal | None
    reference: str = field(repr=False)
    state: State
    bad_day: BadDay
    response_code: str | None
    result_code: str | None
    receipt: str | None
    result_url: str | None = field(repr=False)
    timeout_url: str | None = field(repr=False)
    request: bytes = field(repr=False)
    result: bytes | None = field(repr=False)
    created: datetime


class Records:
    """Keeps conversations in the database and tells each step to the hook."""

    def __init__(self, database: Database, setup: Setup, on_step: StepHook | None) -> None:
        self._database = database
        self._setup = setup
        self._on_step = on_step

    def open(
        self,
        *,
        conversation_id: str,
        kind: str,
        command: str,
        short_code: str,
        receiver: str,
        amount: Decimal | None,
        reference: str,
        bad_day: BadDay,
        result_url: str | None,
        timeout_url: str | None,
        request: bytes,
    ) -> Conversation:
        """Begin a conversation, in state accepted, with an id of the core's own."""
        now = self._setup.clock()
        with self._database.transaction() as connection:
            number = int(connection.execute("select coalesce(max(number), 0) + 1 from conversation").fetchone()[0])
            core_id = f"AG_{now:%Y%m%d}_{self._unique('core', number)[:20]}"
            connection.execute(
                "insert into conversation (number, conversation_id, core_id, kind, command, short_code, receiver,"
                " amount, reference, state, bad_day, result_url, timeout_url, request, created)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, conversation_id, core_id, kind, command, short_code, receiver)
                + (None if amount is None else str(amount), reference, State.ACCEPTED.value, str(bad_day))
                + (result_url, timeout_url, request, now.isoformat()),
            )
        return self.get(number)

    def receipt(self, number: int) -> str:
        """The receipt that a conversation's transaction gets: ten capitals and digits."""
        digest = int(self._unique("receipt", number), 16)
        letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        text = ""
        while len(text) < 9:
            digest, rest = divmod(digest, len(letters))
            text += letters[rest]
        return f"S{text}"

    def _unique(self, what: str, number: int) -> str:
        # Under a seed the same run gives the same ids; a number is never used twice in one database.
        if self._setup.seed is None:
            return secrets.token_hex(16)
        return hashlib.sha256(f"{self._setup.seed}:{what}:{number}".encode()).hexdigest()

    def update(
        self,
        number: int,
        *,
        state: State | None = None,
        response_code: str | None = None,
        result_code: str | None = None,
        receipt: str | None = None,
        result: bytes | None = None,
    ) -> Conversation:
        """Note what is new; None leaves a value as it is."""
        with self._database.transaction() as connection:
            connection.execute(
                "update conversation set state = coalesce(?, state), response_code = coalesce(?, response_code),"
                " result_code = coalesce(?, result_code), receipt = coalesce(?, receipt),"
                " result = coalesce(?, result) where number = ?",
                (state.value if state else None, response_code, result_code, receipt, result, number),
            )
        return self.get(number)

    def get(self, number: int) -> Conversation:
        """The conversation of that number. Raises LookupError."""
        with self._database.transaction() as connection:
            row = connection.execute("select * from conversation where number = ?", (number,)).fetchone()
        if row is None:
            raise LookupError("there is no such conversation")
        return _conversation(row)

    def find(self, *, conversation_id: str) -> list[Conversation]:
        """All conversations with that OriginatorConversationID or id of the core, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select * from conversation where conversation_id = ? or core_id = ? order by number",
                (conversation_id, conversation_id),
            ).fetchall()
        return [_conversation(row) for row in rows]

    def by_receipt(self, receipt: str) -> Conversation | None:
        """The conversation whose transaction has that receipt."""
        with self._database.transaction() as connection:
            row = connection.execute("select * from conversation where receipt = ?", (receipt,)).fetchone()
        return None if row is None else _conversation(row)

    def executed(self, conversation: Conversation) -> Conversation | None:
        """Another conversation with the same id that the core has dealt with already."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "select * from conversation where conversation_id = ? and number <> ?"
                " and state in ('completed', 'failed') order by number limit 1",
                (conversation.conversation_id, conversation.number),
            ).fetchone()
        return None if row is None else _conversation(row)

    def latest(self, count: int, *, before: int | None = None, state: State | None = None) -> list[Conversation]:
        """The newest conversations, newest first; those with a number below ``before``, and in ``state``, if given."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select * from conversation where number < coalesce(?, 9223372036854775807)"
                " and state = coalesce(?, state) order by number desc limit ?",
                (before, None if state is None else state.value, count),
            ).fetchall()
        return [_conversation(row) for row in rows]

    def counts(self) -> dict[State, int]:
        """How many conversations are in each state."""
        with self._database.transaction() as connection:
            rows = connection.execute("select state, count(*) as found from conversation group by state").fetchall()
        return {State(row["state"]): row["found"] for row in rows}

    def open_ones(self) -> list[Conversation]:
        """Conversations that wait for something, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select * from conversation where state in ('accepted', 'cached') order by number"
            ).fetchall()
        return [_conversation(row) for row in rows]

    def step(self, conversation: Conversation, number: int, what: str, xml: bytes, code: str | None = None) -> None:
        """Store a step, and tell it once it is committed."""
        step = TimelineEntry(number, what, conversation.conversation_id, xml, self._setup.clock(), code)
        with self._database.transaction() as connection:
            connection.execute(
                "insert into step (conversation, number, what, code, xml, at) values (?, ?, ?, ?, ?, ?)",
                (conversation.number, number, what, code, xml, step.at.isoformat()),
            )
            self._database.after_commit(lambda: self.tell(step))

    def tell(self, step: TimelineEntry) -> None:
        """Tell a step to the hook without storing it: for what belongs to no conversation."""
        if self._on_step is None:
            return
        try:
            self._on_step(step)
        except Exception:  # noqa: BLE001 - a hook of somebody else must not stop the simulator
            _log.exception("the hook for the simulator's steps failed")

    def steps(self, conversation: Conversation) -> list[TimelineEntry]:
        """The steps of a conversation in order."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select * from step where conversation = ? order by place", (conversation.number,)
            ).fetchall()
        return [
            TimelineEntry(
                row["number"],
                row["what"],
                conversation.conversation_id,
                row["xml"],
                datetime.fromisoformat(row["at"]),
                row["code"],
            )
            for row in rows
        ]

    def keep(self, conversation: Conversation, which: str, message: bytes) -> None:
        """Add a whole HTTP message to one of queryTransaction's lists (protocol, section 8)."""
        with self._database.transaction() as connection:
            connection.execute(
                "insert into history (conversation, list, message) values (?, ?, ?)",
                (conversation.number, which, message),
            )

    def history(self, conversation: Conversation, which: str) -> list[bytes]:
        """The messages of one list in order."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select message from history where conversation = ? and list = ? order by place",
                (conversation.number, which),
            ).fetchall()
        return [row["message"] for row in rows]


def _conversation(row: sqlite3.Row) -> Conversation:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
    values["amount"] = None if values["amount"] is None else Decimal(values["amount"])
    values["state"] = State(values["state"])
    values["bad_day"] = BadDay.parse(values["bad_day"])
    values["created"] = datetime.fromisoformat(values["created"])
    return Conversation(**values)
