"""The journal's tables in the newest schema version.

A test holds that both say the same. The names have a prefix, because the database may be shared with an application.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    or_,
    text,
)
from sqlalchemy.types import TypeEngine

__all__ = ["IS_DEAD", "SCHEMA_VERSION", "VERSION_TABLE", "apart", "batch_lines", "events", "metadata", "payments"]

VERSION_TABLE = "mpesa_cbp_schema"
"""Where the schema's version is kept."""

SCHEMA_VERSION = "0005"
"""The newest version, that of the tables here."""


class Moment(TypeDecorator[datetime]):
    """An aware time, kept and given in UTC; SQLite itself keeps no zone."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = DateTime(timezone=True)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a time without a zone."""
        if value is not None and value.utcoffset() is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """A Decimal kept as text: SQLite would make a float of it."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write it without an exponent."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Read it exactly."""
        return None if value is None else Decimal(value)


metadata: MetaData = MetaData()

payments: Table = Table(
    "mpesa_cbp_payments",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("command_id", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("amount", Money),
    Column("receiver", Text),
    Column("core_conversation_id", Text),
    Column("response_code", Text),
    Column("result_code", Text),
    Column("receipt", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # How many requests may have left: sendings, without those of which provably nothing left.
    Column("requests", Integer, nullable=False),
    # When a reconciliation last took it to ask the broker about it; see ``Journal.claim_query``.
    Column("queried_at", Moment),
    Index("mpesa_cbp_payments_standing", "standing", "updated_at"),
)

batch_lines: Table = Table(
    "mpesa_cbp_batch_lines",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("batch", Text, nullable=False),
    Column("reference", Text, nullable=False),
    # Of what the line pays, so that a list that was copied under another name is known again.
    Column("digest", Text, nullable=False),
    Index("mpesa_cbp_batch_lines_digest", "digest"),
)

events: Table = Table(
    "mpesa_cbp_events",
    metadata,
    # SQLite numbers rows by itself only where the type is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # No foreign key: a result may come for a payment that the journal does not know (yet).
    Column("conversation_id", Text),
    Column("kind", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("code", Text),
    # ResultType 1: a further message will follow, so the code settles nothing.
    Column("more_follow", Boolean, nullable=False),
    Column("detail", Text),
    Column("body", LargeBinary),
    Column("core_conversation_id", Text),
    Column("receipt", Text),
    Column("origin", Text),
    Column("identity", Text),
    Column("contradicts", Boolean, nullable=False),
    Column("handling", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When a pending or leased event may be given out; empty for all others, so that the partial index finds them.
    Column("due_at", Moment),
    Column("error", Text),
    # With the kind: a validation and a confirmation of one C2B payment may well say the same.
    UniqueConstraint("kind", "identity", name="mpesa_cbp_events_identity"),
    # On PostgreSQL a hash, since a B-tree refuses long keys and a stranger's conversation id may be of any length.
    Index("mpesa_cbp_events_conversation", "conversation_id", postgresql_using="hash"),
    Index(
        "mpesa_cbp_events_due",
        "id",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "mpesa_cbp_events_dead",
        "id",
        sqlite_where=text("handling = 'dead'"),
        postgresql_where=text("handling = 'dead'"),
    ),
    # Ids are never used twice, not even after rows were taken out by hand.
    sqlite_autoincrement=True,
)

credential_stops: Table = Table(
    "mpesa_cbp_credential_stops",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("code", Text, nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("lifted_at", Moment),
    Column("lifted_because", Text),
)

IS_DEAD = text("handling = 'dead'")
"""The condition as the partial index has it; a bound parameter would keep SQLite from using that index."""


def apart(moment: Column[datetime], *, now: datetime, span: timedelta) -> ColumnElement[bool]:
    """Whether a moment is not within ``span`` of now: long past, or so far ahead that the clock was wrong then.

    A clock that was put back must not keep anything waiting until it is where it was.
    """
    return or_(moment <= now - span, moment > now + span)
