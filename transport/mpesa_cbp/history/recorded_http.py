"""HTTP messages as queryTransaction's answer records them: base64 of start line, headers, blank line, envelope.

Quotes inside a recorded message may stand doubled, as a database writes them (protocol, section 8).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field, replace

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.redaction import redact_header
from mpesa_cbp.soap import Decoded, decode

__all__ = ["RecordedHttp", "read_recorded"]

DOUBLED_QUOTES = "doubled-quotes"
"""Deviation of an envelope in which every apostrophe is doubled."""

# A request line or a status line (RFC 9112, sections 3 and 4), in printable ASCII.
_START_LINE = re.compile(r"[A-Z]{1,20} [!-~]+ HTTP/[0-9]\.[0-9]|HTTP/[0-9]\.[0-9] [0-9]{3}(?: [ -~]*)?")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_APOSTROPHES = re.compile(rb"'+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHttp:
    """One recorded message. ``problem`` says why ``decoded`` is None; neither quotes a value of the message.

    ``start_line`` and ``headers`` are as recorded, except that the values of headers that carry secrets are masked.
    """

    start_line: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    decoded: Decoded | None = None
    problem: str | None = None

    @property
    def path(self) -> str:
        """The target of a request line, empty for a response."""
        return "" if self.start_line.startswith("HTTP/") else self.start_line.split(" ")[1] if self.start_line else ""

    def header(self, name: str) -> str | None:
        """Value of the first header of that name, in any case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)


def read_recorded(text: str) -> RecordedHttp:
    """Read one entry of a history; raises no error: ``problem`` says what is wrong with it."""
    try:
        message = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return RecordedHttp(problem="the entry is not base64")
    if not message:
        return RecordedHttp(problem="the entry is empty")
    end = _BLANK_LINE.search(message)
    if end is None:
        return RecordedHttp(problem="the entry is no HTTP message: no blank line ends its headers")
    start_line, headers = _head(message[: end.start()].decode("latin-1"))
    if headers is None:
        return RecordedHttp(problem="the entry is no HTTP message: its start line or a header cannot be read")
    try:
        decoded = _decode(message[end.end() :])
    except MalformedMessage as error:
        problem = f"{error.reason} ({error.place})" if error.place else error.reason
        return RecordedHttp(start_line=start_line, headers=headers, problem=problem)
    return RecordedHttp(start_line=start_line, headers=headers, decoded=decoded)


def _head(text: str) -> tuple[str, tuple[tuple[str, str], ...] | None]:
    start_line, *lines = text.split("\n")
    start_line = start_line.rstrip("\r")
    if not _START_LINE.fullmatch(start_line):
        return "", None
    headers = []
    for line in lines:
        name, colon, value = line.rstrip("\r").partition(":")
        if not colon or not name.strip() or name != name.strip():
            return "", None
        headers.append((name, redact_header(name, value.strip())))
    return start_line, tuple(headers)


def _decode(body: bytes) -> Decoded:
    try:
        return decode(body)
    except MalformedMessage:
        single = _undoubled(body)
        if single is None:
            raise
    decoded = decode(single)
    return replace(decoded, deviations=(*decoded.deviations, DOUBLED_QUOTES))


def _undoubled(body: bytes) -> bytes | None:
    """The body with each pair of apostrophes made one; None unless all of them stand in pairs, or there are none."""
    lengths = [len(found) for found in _APOSTROPHES.findall(body)]
    if not lengths or any(length % 2 for length in lengths):
        return None
    return _APOSTROPHES.sub(lambda found: b"'" * (len(found[0]) // 2), body)
