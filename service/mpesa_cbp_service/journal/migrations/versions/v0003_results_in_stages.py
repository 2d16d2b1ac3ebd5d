"""Whether a result announces further ones (ResultType 1); what was stored before is taken for final."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column."""
    op.add_column("mpesa_cbp_events", sa.Column("more_follow", sa.Boolean, nullable=False, server_default=sa.false()))
