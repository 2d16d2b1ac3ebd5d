"""Payments and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "mpesa_cbp_payments",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("amount", sa.Text),
        sa.Column("receiver", sa.Text),
        sa.Column("core_conversation_id", sa.Text),
        sa.Column("response_code", sa.Text),
        sa.Column("result_code", sa.Text),
        sa.Column("receipt", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("mpesa_cbp_payments_standing", "mpesa_cbp_payments", ["standing", "updated_at"])
    op.create_table(
        "mpesa_cbp_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("conversation_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.Column("core_conversation_id", sa.Text),
        sa.Column("receipt", sa.Text),
        sa.Column("origin", sa.Text),
        sa.Column("identity", sa.Text),
        sa.Column("contradicts", sa.Boolean, nullable=False),
        sa.Column("handling", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("kind", "identity", name="mpesa_cbp_events_identity"),
        sqlite_autoincrement=True,
    )
    op.create_index("mpesa_cbp_events_conversation", "mpesa_cbp_events", ["conversation_id"], postgresql_using="hash")
    _create_partial_index("mpesa_cbp_events_due", "due_at IS NOT NULL")
    _create_partial_index("mpesa_cbp_events_dead", "handling = 'dead'")


def _create_partial_index(name: str, condition: str) -> None:
    op.create_index(
        name, "mpesa_cbp_events", ["id"], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition)
    )
