"""SOAP envelopes, written and read in every dialect in which they are met (docs/decode.md)."""

from __future__ import annotations

from mpesa_cbp.soap.envelope import Decoded, decode, encode, encode_fault

__all__ = [
    "Decoded",
    "decode",
    "encode",
    "encode_fault",
]
