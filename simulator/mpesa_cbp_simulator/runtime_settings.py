"""What partners set at run time: C2B addresses, passwords."""

from __future__ import annotations

from dataclasses import dataclass

from mpesa_cbp_simulator.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where a short code's C2B payments are validated and confirmed."""

    validation: str | None
    confirmation: str
    response_type: str


class Registry:
    """Keeps those settings in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def setting(self, name: str) -> str | None:
        """A value that was set at run time, such as a changed password."""
        with self._database.transaction() as connection:
            row = connection.execute("select value from setting where name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set(self, name: str, value: str) -> None:
        """Keep such a value."""
        with self._database.transaction() as connection:
            connection.execute("insert or replace into setting (name, value) values (?, ?)", (name, value))

    def register(self, short_code: str, registration: Registration) -> None:
        """Keep the addresses of a short code; the last ones count."""
        with self._database.transaction() as connection:
            connection.execute(
                "insert or replace into url (short_code, validation, confirmation, response_type) values (?, ?, ?, ?)",
                (short_code, registration.validation, registration.confirmation, registration.response_type),
            )

    def registration(self, short_code: str) -> Registration | None:
        """The addresses of a short code."""
        with self._database.transaction() as connection:
            row = connection.execute("select * from url where short_code = ?", (short_code,)).fetchone()
        if row is None:
            return None
        return Registration(
            validation=row["validation"], confirmation=row["confirmation"], response_type=row["response_type"]
        )
