"""Mask secrets and personal data. The one place for all output.

Texts and messages are redacted by ``redact``. Values that must not be shown by a repr, and so by no traceback that
shows the locals of its frames, are kept in the types here: they are text or bytes like any other, but for their repr.
"""

from __future__ import annotations

import re
from typing import Any

from mpesa_cbp_models import SECRET_ELEMENTS

__all__ = [
    "MASK",
    "MessageBytes",
    "PersonalText",
    "SecretBytes",
    "SecretText",
    "mask",
    "mask_msisdn",
    "personal",
    "redact",
    "redact_bytes",
    "redact_header",
]

MASK = "********"
_SHOWN = 64 * 1024

_MSISDN = re.compile(r"[0-9]{11,15}")


class SecretText(str):
    """A password, a credential, a key: text whose repr shows nothing of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"


class SecretBytes(bytes):
    """A passphrase or a private key as bytes, whose repr shows nothing of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"b'{MASK}'"


class PersonalText(str):
    """A customer's number or name: text whose repr is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{mask_msisdn(self)}'"


def personal(value: Any) -> Any:
    """A text as PersonalText; anything else, which is to be refused later on, as it is."""
    return PersonalText(value) if isinstance(value, str) else value


class MessageBytes(bytes):
    """A message, with credentials and a customer's data in it: bytes whose repr shows only how many they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<message of {len(self)} bytes>"


def mask_msisdn(msisdn: str) -> str:
    """Return a phone number fit for output: `2547****5678`; anything that is no MSISDN is masked as `mask` does."""
    text = msisdn.strip()
    return f"{text[:4]}****{text[-4:]}" if _MSISDN.fullmatch(text) else mask(text)


def mask(text: str) -> str:
    """Return a name fit for output, `J*** D**`; words with digits in them, such as numbers, become `****`.

    It leaves the first letters and the lengths of names, so it must not be used for secrets: leave those out.
    """
    return " ".join(_masked_word(word) for word in text.split())


def _masked_word(word: str) -> str:
    if any(character.isdigit() for character in word):
        return "****"
    return "*" if len(word) == 1 else word[0] + "*" * (len(word) - 1)


# Elements whose whole content is a secret, in any namespace and prefix, escaped or not; up to the end where the text
# breaks off within one.
_SECRET_ELEMENTS = "|".join(map(re.escape, sorted(SECRET_ELEMENTS)))
_SECRET = re.compile(
    rf"((?:<|&lt;)(?:[\w.-]+:)?(?:{_SECRET_ELEMENTS})(?:\s[^<>&]*)?(?:>|&gt;)).*?((?:<|&lt;)/(?:[\w.-]+:)?(?:{_SECRET_ELEMENTS})\s*(?:>|&gt;)|\Z)",
    re.DOTALL,
)
_KYC = re.compile(r"(<(?:[\w.-]+:)?KYCValue>)([^<]*)(</|\Z)")
# A receiver's public name: number, dash, name (protocol, section 6).
_PUBLIC_NAME = re.compile(r"\b(\d{11,15})(\s*-\s*)([^<\]]+?)(?=\s*(?:<|&lt;|$|\]))")
_ORIGIN_REQUEST = re.compile(
    r"(<(?:[\w.-]+:)?(?:originRequest|originReqeust|submitApi\w+|queueTimeOut)>)[A-Za-z0-9+/=\s]{24,}(</|\Z)"
)
# Digits that begin like an MSISDN of a market, or like a number in its local form, and stand alone; also with blanks or
# dashes. Kenya, Tanzania, Ethiopia, Mozambique, DR Congo, Ghana; Lesotho; Egypt, whose numbers must not be dates.
_INTERNATIONAL = "(?:254|255|251|258|243|233)(?:[ -]?[0-9]){9}|266(?:[ -]?[0-9]){8}|201[0125](?:[ -]?[0-9]){8}"
_NUMBER = re.compile(
    rf"(?:(?<![0-9A-Za-z.])|(?<=%2[Bb]))(?:\+?(?:{_INTERNATIONAL})|0[1679](?:[ -]?[0-9]){{8}})(?![0-9A-Za-z])"
)

# A URL in an element: what stands before its host, and an unguessable word in its path or query, let somebody in. An
# ampersand in it is escaped, once or twice.
_URL = re.compile(
    r"(?P<scheme>(?:(?<=>)|(?<=&gt;))\s*https?://)(?P<user>[^\s/<>&?#@]*@)?(?P<host>[^\s/<>&?#@]+)"
    r"(?P<path>(?:[^\s<>&?#]|&amp;)*)(?P<more>[?#](?:[^\s<>&]|&amp;)*)?"
)
# The last part of a path that is told: those that our own listener is called by.
_OPEN_ENDS = ("result", "queue-timeout", "validation", "confirmation")

# Names of HTTP headers whose values let somebody in.
_SECRET_HEADER = re.compile(r"auth|cookie|token|secret|password|api-?key|signature|credential", re.IGNORECASE)


def redact(text: str) -> str:
    """A message or any other text with secrets taken out and customers' numbers and names masked."""
    text = _SECRET.sub(rf"\1{MASK}\2", text)
    text = _URL.sub(_masked_url, text)
    text = _ORIGIN_REQUEST.sub(rf"\1{MASK}\2", text)
    text = _KYC.sub(lambda found: f"{found[1]}{_initials(found[2])}{found[3]}", text)
    text = _PUBLIC_NAME.sub(lambda found: f"{mask_msisdn(found[1])}{found[2]}{_initials(found[3])}", text)
    return _NUMBER.sub(lambda found: mask_msisdn(re.sub("[^0-9]", "", found[0])), text)


def redact_bytes(body: bytes) -> str:
    """As ``redact``, for the beginning of a message as bytes; what is no UTF-8 is replaced."""
    return redact(body[:_SHOWN].decode("utf-8", errors="replace"))


def redact_header(name: str, value: str) -> str:
    """Value of an HTTP header, masked where it lets somebody in; numbers and names in the others are masked too."""
    return MASK if _SECRET_HEADER.search(name) else redact(value)


def _masked_url(url: re.Match[str]) -> str:
    *before, end = url["path"].split("/")
    if end and end not in _OPEN_ENDS:
        before, end = [*before, end], ""
    path = "/".join(["", *([MASK] if any(before) else []), *([end] if end else [])]) or url["path"]
    user, more = (url[part] and MASK for part in ("user", "more"))
    return f"{url['scheme']}{f'{user}@' if user else ''}{url['host']}{path}{f'?{more}' if more else ''}"


def _initials(name: str) -> str:
    return " ".join(f"{word[0]}***" for word in name.split()) or name
