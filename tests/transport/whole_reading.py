"""A message that is read whole, beside which ``decode`` of any other spelling of its wrapping is held."""

from __future__ import annotations

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import Decoded, decode

__all__ = ["read", "whole"]


def read(data: bytes, *, strict: bool = False) -> Decoded | None:
    """The message, or None where it is refused."""
    try:
        return decode(data, strict=strict)
    except MalformedMessage:
        return None


def whole(data: bytes) -> bytes:
    """The same message with a comment before its root that makes the wrapping too long to be remembered."""
    end = data.find(b"?>") + 2 if data.startswith(b"<?xml") else 0
    return data[:end] + b"<!--" + b"." * 700 + b"-->" + data[end:]
