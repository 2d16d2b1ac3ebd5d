"""The map of foreign exceptions: every one has its place, and doubt counts as unknown."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import ModuleType

import pytest
import requests.exceptions
import urllib3.exceptions

from mpesa_cbp.errors import NotSent, OutcomeUnknown
from mpesa_cbp.http.errors import Departure, map_exception


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(found) > 20
    return found


FOREIGN = sorted(
    {*exceptions_of(requests.exceptions), *exceptions_of(urllib3.exceptions)},
    key=lambda kind: (kind.__module__, kind.__name__),
)
# All that may be taken for "nothing left" by the class alone.
NEVER_AFTER_CONNECTING = {
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
}


def bare(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


def wrapped(kind: type[Exception]) -> Exception:
    """As requests hands on what urllib3 has given up on."""
    wrapper = urllib3.exceptions.MaxRetryError(None, "/x?planted-query")  # type: ignore[arg-type]
    wrapper.reason = bare(kind)
    return requests.exceptions.ConnectionError(wrapper)


@pytest.mark.parametrize("make", [bare, wrapped])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_foreign_exception_is_mapped_and_doubt_counts_as_unknown(
    kind: type[Exception], make: Callable[[type[Exception]], Exception]
) -> None:
    error = make(kind)
    unwatched = map_exception(error, conversation_id="600000_Acme_1")
    assert type(unwatched) is (NotSent if kind in NEVER_AFTER_CONNECTING else OutcomeUnknown)
    assert type(map_exception(error, departure=Departure.BEGUN)) is OutcomeUnknown
    assert type(map_exception(error, departure=Departure.NOT_BEGUN)) is NotSent
    assert unwatched.conversation_id == "600000_Acme_1"
    assert "planted" not in str(unwatched)


@pytest.mark.parametrize("kind", [OSError, ValueError, AttributeError, MemoryError, UnicodeError, ssl.SSLError])
def test_any_other_exception_leaves_the_outcome_unknown(kind: type[Exception]) -> None:
    assert type(map_exception(kind("planted-query"))) is OutcomeUnknown
    assert "planted" not in str(map_exception(kind("planted-query")))


def test_exceptions_that_hold_each_other_are_mapped_too() -> None:
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert type(map_exception(first)) is OutcomeUnknown
