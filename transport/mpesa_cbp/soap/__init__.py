"""Write SOAP envelopes, and read them in every known dialect (docs/decode.md)."""

from __future__ import annotations

from mpesa_cbp.soap.envelope import Decoded, decode, encode, encode_fault

__all__ = [
    "Decoded",
    "decode",
    "encode",
    "encode_fault",
]
