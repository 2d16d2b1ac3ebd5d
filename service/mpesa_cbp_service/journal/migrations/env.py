"""What alembic runs: the migrations, on the connection and inside the transaction that the journal gives it."""

from __future__ import annotations

from alembic import context

from mpesa_cbp_service.journal.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
