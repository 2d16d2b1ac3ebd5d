"""What may be shown: secrets never, customers' numbers and names masked. One place for all output."""

from __future__ import annotations

import re

from mpesa_cbp.values import mask_msisdn

# Elements whose whole content is a secret, in any namespace and prefix, escaped or not.
_SECRET_ELEMENTS = "SecurityCredential|Password|CheckSum|spPassword|newPassword|EncryptedParameters"
_SECRET = re.compile(
    rf"((?:<|&lt;)(?:[\w.-]+:)?(?:{_SECRET_ELEMENTS})(?:\s[^<>&]*)?(?:>|&gt;)).*?((?:<|&lt;)/(?:[\w.-]+:)?(?:{_SECRET_ELEMENTS})\s*(?:>|&gt;))",
    re.DOTALL,
)
_KYC = re.compile(r"(<(?:[\w.-]+:)?KYCValue>)([^<]*)(</)")
# A receiver's public name: number, dash, name (protocol, section 6).
_PUBLIC_NAME = re.compile(r"\b(\d{12})(\s*-\s*)([^<\]]+?)(?=\s*(?:<|&lt;|$|\]))")
_ORIGIN_REQUEST = re.compile(
    r"(<(?:[\w.-]+:)?(?:originRequest|originReqeust|submitApi\w+|queueTimeOut)>)[A-Za-z0-9+/=\s]{24,}(</)"
)
# Twelve to fifteen digits that begin like an MSISDN and stand alone: a customer's number wherever it occurs.
_NUMBER = re.compile(r"(?<![\w.])(?:254|\+254)\d{9}(?!\w)|(?<![\w.])0[17]\d{8}(?!\w)")

# Names of HTTP headers whose values let somebody in.
_SECRET_HEADER = re.compile(r"auth|cookie|token|secret|password|api-?key|signature|credential", re.IGNORECASE)

MASK = "********"


def redact(text: str) -> str:
    """A message or any other text with secrets taken out and customers' numbers and names masked."""
    text = _SECRET.sub(rf"\1{MASK}\2", text)
    text = _ORIGIN_REQUEST.sub(rf"\1{MASK}\2", text)
    text = _KYC.sub(lambda found: f"{found[1]}{_initials(found[2])}{found[3]}", text)
    text = _PUBLIC_NAME.sub(lambda found: f"{mask_msisdn(found[1])}{found[2]}{_initials(found[3])}", text)
    return _NUMBER.sub(lambda found: mask_msisdn(found[0].lstrip("+")), text)


def redact_bytes(body: bytes) -> str:
    """As ``redact``, for a message as bytes; what is no UTF-8 is replaced."""
    return redact(body.decode("utf-8", errors="replace"))


def redact_header(name: str, value: str) -> str:
    """Value of an HTTP header, masked where it lets somebody in; numbers and names in the others are masked too."""
    return MASK if _SECRET_HEADER.search(name) else redact(value)


def _initials(name: str) -> str:
    return " ".join(f"{word[0]}***" for word in name.split()) or name
