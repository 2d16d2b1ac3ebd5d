"""The journal's schema versions, run by alembic from ``journal_store``."""
