"""How often a payment was sent, when it was last asked about, and the lines of bulk payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add two columns and a table."""
    op.add_column("mpesa_cbp_payments", sa.Column("requests", sa.Integer, nullable=False, server_default="0"))
    for kind, change in (("sending", "+"), ("not-sent", "-")):
        op.execute(
            f"UPDATE mpesa_cbp_payments SET requests = requests {change} (SELECT count(*) FROM mpesa_cbp_events"  # noqa: S608
            f" WHERE mpesa_cbp_events.conversation_id = mpesa_cbp_payments.conversation_id AND kind = '{kind}')"
        )
    op.add_column("mpesa_cbp_payments", sa.Column("queried_at", sa.DateTime(timezone=True)))
    op.create_table(
        "mpesa_cbp_batch_lines",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("mpesa_cbp_batch_lines_digest", "mpesa_cbp_batch_lines", ["digest"])
