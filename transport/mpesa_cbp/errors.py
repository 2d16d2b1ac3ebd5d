"""Everything that this package raises on purpose.

    CbpError                        sent     final
    +-- InvalidRequest              NO       yes    our own check found problems before anything left
    +-- NotSent                     NO       yes    provably nothing left: safe to send again
    +-- OutcomeUnknown              UNKNOWN  no     bytes may have left: never send again, ask queryTransaction
    |   +-- FaultOutcomeUnknown     UNKNOWN  no     ... by a SOAP fault (is also a SoapFault)
    |   +-- JournalOutcomeUnknown   UNKNOWN  no     ... since the journal failed under way (is also a JournalError)
    +-- Refused                     YES      yes    the broker or the core certainly refused it
    |   +-- AuthenticationFailed    YES      yes
    |   |   +-- CredentialRefused   YES      yes    the initiator's credential is wrong or locked: send nothing more
    |   +-- Throttled               YES      yes
    |   +-- DuplicateConversation   YES      no     this request was refused, the earlier one may have been paid
    |   +-- ValidationRefused       YES      yes
    |   +-- FaultRefusal            YES      yes    ... by a SOAP fault (is also a SoapFault)
    +-- SoapFault                                   makes one of its two kinds, by its fault code
    +-- MalformedMessage            UNKNOWN  no     what was received cannot be read
    +-- SettingsError               NO       yes    a setting, a file or a certificate is wrong
    +-- JournalError                UNKNOWN  no     the journal could not be read or written
    +-- JournalRefusal              NO       no     the journal works, and refuses this operation
    +-- MissingExtra                NO       yes    an optional part of the package is not installed

The money rule needs the class alone: after ``NotSent`` send again; after ``OutcomeUnknown`` ask; after ``Refused``
the request had no effect, but look at ``final`` before you pay under another conversation id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypedDict, Unpack

MAXIMUM_BODY = 2000
"""Characters of a message that an error keeps."""


class Sent(Enum):
    """Whether bytes of the request may have left this machine."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Facts(TypedDict, total=False):
    """The keyword arguments that every error of this package takes; see ``CbpError``."""

    conversation_id: str | None
    sent: Sent | None
    final: bool | None
    code: str | None
    meaning: str | None
    body: str | None
    advice: str | None


class CbpError(Exception):
    """Base of all errors of this package; ``str()`` says what happened, where, and what to do.

    The attributes may be filled in later by a caller that knows more (``conversation_id``, mostly).

    * ``message``: what happened and where; plain words without a secret or a customer's number or name
    * ``conversation_id``: the OriginatorConversationID of the payment (protocol, section 1)
    * ``sent``: whether bytes of the request may have left
    * ``final``: whether the payment's fate is thereby known
    * ``code``, ``meaning``: the ResponseCode or ResultCode as received, and its sense (section 5)
    * ``body``: the message concerned, already redacted, at most 2000 characters; never part of ``str`` or ``repr``
    * ``advice``: what to do, one sentence
    """

    sent: Sent = Sent.UNKNOWN
    final: bool = False
    advice: str = ""

    def __init__(
        self,
        message: str,
        *,
        conversation_id: str | None = None,
        sent: Sent | None = None,
        final: bool | None = None,
        code: str | None = None,
        meaning: str | None = None,
        body: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.conversation_id = conversation_id
        self.sent = type(self).sent if sent is None else sent
        self.final = type(self).final if final is None else final
        self.code = code
        self.meaning = meaning
        self.body: str | None = None if body is None else body[:MAXIMUM_BODY]
        self.advice = type(self).advice if advice is None else advice

    def __str__(self) -> str:
        code = f"code {self.code}" + (f": {self.meaning.rstrip('.')}" if self.meaning else "") if self.code else ""
        conversation = f"conversation {self.conversation_id}" if self.conversation_id else ""
        details = "; ".join(detail for detail in (code, conversation) if detail)
        sentence = self.message.rstrip(". ") + (f" ({details})" if details else "")
        return f"{sentence}. {self.advice}".rstrip()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.message!r}, conversation_id={self.conversation_id!r}, "
            f"sent={self.sent.name}, final={self.final}, code={self.code!r})"
        )

    def __reduce__(self) -> tuple[Callable[..., CbpError], tuple[type[CbpError], str], dict[str, object]]:
        # The inherited way calls the class with ``args`` alone, which loses every keyword fact.
        return _restored, (type(self), self.message), dict(self.__dict__)


def _restored(kind: type[CbpError], message: str) -> CbpError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error


class InvalidRequest(CbpError):
    """Our own check failed before anything was stored or sent; ``problems`` name fields and rules, never a value."""

    sent = Sent.NO
    final = True
    advice = "Nothing was sent; correct the request."

    def __init__(self, problems: Iterable[str], **facts: Unpack[Facts]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        count = len(self.problems)
        super().__init__(f"The request has {count} problem{'s'[: count != 1]}: {'; '.join(self.problems)}", **facts)


class NotSent(CbpError):
    """Provably no byte of the request left (name lookup, connect, TLS, proxy); the same one may be sent again."""

    sent = Sent.NO
    final = True
    advice = "Nothing was sent, so it is safe to send it again once the cause is removed."


class OutcomeUnknown(CbpError):
    """Bytes of the request may have left and no readable answer came; never to be sent again."""

    advice = "Do not send it again: look up its outcome with mpesa-cbp query and its conversation id."


class Refused(CbpError):
    """The broker or the core certainly refused this request; ``code`` and ``meaning`` say why (section 5)."""

    sent = Sent.YES
    final = True
    advice = "This request had no effect: nothing was paid or changed."


class AuthenticationFailed(Refused):
    """The spId, spPassword, its time stamp, or the initiator's credential was not accepted."""

    advice = "This request had no effect; check the service provider's and the initiator's credentials."


class CredentialRefused(AuthenticationFailed):
    """The initiator's credential is wrong or locked (18, 2001, 8006); with ``sent`` NO the journal stopped it."""

    advice = "Send nothing more: check the credential (mpesa-cbp doctor), then lift the stop (credential-renewed)."


class Throttled(Refused):
    """Too many requests, or the broker is overloaded; the request was dropped before it had an effect."""

    advice = "This request had no effect; wait before it is sent again."


class DuplicateConversation(Refused):
    """The core has seen this OriginatorConversationID before (result codes 15 and 41).

    Not final: this request had no effect, but the one that came first under the same id may have been paid. If you
    treat this as a failed payment and pay under another id, you pay twice.
    """

    final = False
    advice = "An earlier request has this id and may have been paid: ask with mpesa-cbp query and that id."


class ValidationRefused(Refused):
    """The broker or the core found a value of the request missing, malformed or not allowed."""

    advice = "This request had no effect; correct it."


# The faults that say "your message is wrong", given before a message is worked on: the SOAP 1.1 codes Client,
# VersionMismatch and MustUnderstand (section 4.4.1 there; a dot refines a code), with or without a prefix or a
# namespace in braces, and the SVC and POL codes of service gateways (protocol, section 7, number 18: ``SVC0901``).
# SVC0001 means "some error in the service" and may come after the money has moved.
_REFUSAL = re.compile(
    r"(?:.*[:}])?(?:Client(?:\.[\w.-]+)?|VersionMismatch|MustUnderstand|(?!SVC0001$)(?:SVC|POL)\d{4})", re.DOTALL
)


class SoapFault(CbpError):
    """The broker answered with a SOAP fault; ``fault_code`` and ``fault_string`` are its texts as received.

    Like ``OSError``, the constructor gives the kind that fits: a ``FaultRefusal`` for the codes that certainly mean a
    refusal (``Client``, ``VersionMismatch``, ``MustUnderstand``, ``SVC0901`` and its kin), and for all others, known
    or not, a ``FaultOutcomeUnknown``: a ``Server`` fault may come after the request was worked on. The caller redacts
    ``fault_string``, which is part of ``str()``.
    """

    fault_code: str
    fault_string: str

    def __new__(cls, *, fault_code: str = "", fault_string: str = "", **facts: Unpack[Facts]) -> SoapFault:  # noqa: ARG004
        """Choose the kind by the fault code; the other arguments are for the initialiser."""
        kind: type[SoapFault] = cls
        if cls is SoapFault:
            kind = FaultRefusal if _REFUSAL.fullmatch(fault_code.strip()) else FaultOutcomeUnknown
        return super().__new__(kind)

    def __init__(self, *, fault_code: str, fault_string: str, **facts: Unpack[Facts]) -> None:
        self.fault_code = fault_code
        self.fault_string = fault_string
        fault = f"{fault_code}: {fault_string}" if fault_string else fault_code or "without a code"
        super().__init__(f"The broker answered with a SOAP fault, {fault}", **facts)


class FaultOutcomeUnknown(SoapFault, OutcomeUnknown):
    """A SOAP fault that may have come after the request was worked on."""


class FaultRefusal(SoapFault, Refused):
    """A SOAP fault that certainly came before the request was worked on."""


class MalformedMessage(CbpError):
    """What was received cannot be read (section 7, last paragraph); ``reason`` says why, ``place`` where.

    ``place`` is a line or an element path, ``""`` if there is none; neither text quotes a value of the message. As
    the answer to a payment it leaves the outcome unknown, and ``Client`` raises ``OutcomeUnknown`` then.
    """

    advice = "Nothing of it was used."

    def __init__(self, reason: str, *, place: str = "", **facts: Unpack[Facts]) -> None:
        self.reason = reason
        self.place = place
        super().__init__(f"The message cannot be read{f' at {place}' if place else ''}: {reason}", **facts)


class SettingsError(CbpError):
    """A setting, or a file that it names, is missing or wrong; the text names it and never shows a secret's value.

    ``problems`` holds each one where several were found at once.
    """

    sent = Sent.NO
    final = True
    advice = "Correct the setting."

    def __init__(self, message: str, *, problems: Iterable[str] = (), **facts: Unpack[Facts]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(message, **facts)


class JournalError(CbpError):
    """The journal could not be read or written; ``sent`` and ``final`` are the caller's to state, else unknown."""

    advice: str = "Repair the journal first, then run a reconciliation; do not send the payment again before."

    def nothing_was_sent(self, conversation_id: str | None = None) -> None:
        """State that it failed before anything could leave: then there is nothing to reconcile."""
        self.conversation_id: str | None = self.conversation_id or conversation_id
        self.sent: Sent = Sent.NO
        self.final: bool = True
        self.advice = self.advice.replace(JournalError.advice, "Nothing was sent. Repair the journal first.")


class JournalOutcomeUnknown(JournalError, OutcomeUnknown):
    """The journal failed when bytes of a payment may have left: its outcome is not stored, or cannot be read."""


class JournalRefusal(CbpError):
    """The journal works, and refuses this operation: nothing was stored or sent.

    The payment or event is unknown, or its state does not allow it. Not final: the payment is as it was.
    """

    sent = Sent.NO


class MissingExtra(CbpError):
    """An optional part of this package is needed and not installed; ``extra`` names it, e.g. ``service``."""

    sent = Sent.NO
    final = True

    def __init__(self, feature: str, *, extra: str, **facts: Unpack[Facts]) -> None:
        self.extra = extra
        facts.setdefault("advice", f"Install it with: pip install 'mpesa-cbp[{extra}]'")
        super().__init__(f"{feature} needs the extra mpesa-cbp[{extra}]", **facts)
