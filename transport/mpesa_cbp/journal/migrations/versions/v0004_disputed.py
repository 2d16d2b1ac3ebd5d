"""Payments may be disputed: an older program must not open a journal whose standings it does not know."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing but the version."""
