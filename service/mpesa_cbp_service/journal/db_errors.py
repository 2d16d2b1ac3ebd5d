"""Map database errors, without passwords or stored values in their text."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mpesa_cbp.errors import JournalError

# Parts of SQLite's own messages, which hold no values (sqlite3.c, sqlite3ErrStr), and what to do.
_SQLITE = {
    "unable to open database file": ("the file cannot be opened", "Make its folder and give yourself access to it."),
    "file is not a database": ("the file is no SQLite database", "Give the journal's own file; nothing was changed."),
    "malformed": ("the file is damaged", "Stop all writers, put the last backup back, and run a reconciliation."),
    "readonly database": ("the file or its folder may not be written", "Give yourself access to both."),
    "database or disk is full": ("the disk is full", "Make room; nothing that was stored is lost."),
    "database is locked": ("another process keeps it locked", "End that process, or let it finish its transaction."),
    "disk I/O error": ("the disk reports an error", "Look after the disk before anything is paid."),
}
# SQLSTATE, whole or its class of two characters (PostgreSQL's manual, appendix A).
_POSTGRES = {
    "28": ("the server refuses the user or the password", "Correct the journal's URL."),
    "3D": ("the server has no such database", "Create it, or correct the journal's URL."),
    "42501": (
        "the user may not do this",
        "Grant it CREATE on the schema, and use of its tables.",
    ),
    "25006": ("the database is read-only", "Use the primary server."),
    "53": ("the server lacks room or connections", "Make room; nothing that was stored is lost."),
    "57": ("the server is starting, stopping or was told to stop", "Wait until it answers."),
    "55P03": ("another process keeps it locked", "End that process, or let it finish its transaction."),
}


def explain(error: Exception, place: str) -> JournalError:
    """The JournalError for an error of SQLAlchemy or of a driver at ``place``; it quotes neither of them."""
    cause, advice = _cause(error)
    return JournalError(
        f"The journal {place} could not be read or written: {cause}", advice=f"{advice} {JournalError.advice}".strip()
    )


def _cause(error: Exception) -> tuple[str, str]:
    if isinstance(error, PoolTimeoutError):
        return "all connections to the database are in use", "Use fewer threads."
    original: Any = error.orig if isinstance(error, StatementError) else error
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or (f"the server says SQLSTATE {state}", "")
    text = str(original)
    for part, found in _SQLITE.items():
        if part in text:
            return found
    if type(original).__module__.startswith("psycopg"):
        return "the database server cannot be reached", "Start it, or correct the journal's URL."
    name = type(original if original is not None else error).__name__
    return name, ""


FOREIGN = (SQLAlchemyError, UnicodeError)
"""What a database can raise; text that is no Unicode is refused by drivers before SQLAlchemy sees it."""
