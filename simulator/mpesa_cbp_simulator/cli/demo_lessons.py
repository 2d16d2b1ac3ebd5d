"""The explanations of ``mpesa-cbp demo``."""

from __future__ import annotations

from mpesa_cbp.payment.codes import is_success, response_meaning, result_meaning
from mpesa_cbp_simulator import BadDay, TimelineEntry

_QUEUED = "100000000"

_AGAIN = "A certain refusal: nothing was done. Send it again later, under the same conversation id (`pay --resume`)."
_LESSONS = {
    "good": "So it goes on a good day. `mpesa-cbp demo --list` shows what else can happen.",
    "throttled": _AGAIN,
    "overloaded": _AGAIN,
    "internal-error": (
        "An error is not a refusal: the broker complained, and yet the payment went on. Whoever had sent "
        "it again under a new id would have paid twice."
    ),
    "cached-then-expired": (
        "Queued was not paid, and not failed either. Only the queue timeout settled it: now it may be paid anew."
    ),
    "cached-then-paid": (
        "Queued was not failed: the broker passed the request on later. Whoever had paid anew would have paid twice."
    ),
    "never-resulted": (
        "The money had moved, but the result was lost. Only queryTransaction could tell; `mpesa-cbp "
        "reconcile` asks for all such payments."
    ),
    "result-before-response": "The result overtook the answer. It was kept, and the late answer took nothing back.",
    "result-twice": "The same result came twice, and counted once.",
    "contradicting-results": (
        "The second result contradicts the first. It was kept and told, and overwrote nothing; a person "
        "must ask the operator."
    ),
    "late-result": "Accepted meant nothing until the result came, however late.",
    "slow": "The answer was slow; had we given up waiting, the outcome would have been unknown, not failed.",
    "reset-before": (
        "Nobody can prove that nothing was done: bytes had left. The broker has no record either, so it "
        "stays unknown, and only the operator can settle it. Never send it again."
    ),
    "reset-after": (
        "The connection broke after the request had arrived. Sending again would have paid twice; the "
        "result settled it."
    ),
    "fault-refused": "A fault that says the request was not let in is a certain refusal.",
    "fault-server": "A fault of the server says nothing of the money: the payment went on, and the result settled it.",
    "html": (
        "A page came in place of an answer. It may come from anybody on the way, so that nothing is known "
        "for certain. The broker has no record; only the operator can settle it."
    ),
    "html-503": "A gateway gave up waiting, and yet the payment went on: the result settled it.",
    "cut-answer": "Half an answer is no answer. The outcome was unknown until the result came.",
    "unknown-codes": (
        "A code that no document has settles nothing. The payment stays open until the operator explains "
        "it; the money did not move."
    ),
    "two-stages": "43 with ResultType 1 was not final. The second result was.",
    "more-to-follow": (
        "The first result said 0, and yet settled nothing: its ResultType 1 announced another one. Whoever had booked "
        "it as paid would have been early, or wrong."
    ),
    "garbled-result": "What cannot be read is kept, and not acknowledged; the good result came after it.",
    "expired-then-paid": (
        "Both a queue timeout and a result came. The money moved, and the contradiction was told: whoever "
        "pays anew right after a queue timeout can be wrong."
    ),
}
_NUMBERED = {
    "result-code": "The core's result said so, and only the result does.",
    "response-code": "The broker refused the request at once; the core never saw it.",
    "dialect": "However oddly it was written, it was read for what it says, and the oddity was noted.",
}

# Where dialects are written that a payment's own messages do not have.
_ELSEWHERE = {
    11: "the validation of customers' payments (ValidateC2BPayment)",
    12: "the answer to queryTransaction",
    18: "the answer to a queryTransaction that fails",
    19: "the confirmation of customers' payments (ConfirmC2BPayment)",
}


def lesson(day: BadDay) -> str:
    """What the day teaches, in a sentence or two."""
    if day.name == "dialect" and day.number in _ELSEWHERE:
        return f"Nothing was odd here: this dialect is one of {_ELSEWHERE[day.number]}."
    if day.name == "response-code" and response_meaning(str(day.number)).retry == "ask":
        return (
            "The core never saw it, but this code does not say so. The broker has no record, so it stays unknown, and "
            "only the operator can settle it. Never send it again."
        )
    if day.name == "result-code" and not result_meaning(str(day.number)).final:
        return "This code settles nothing: the payment stays open until a final result or the operator tells."
    return _LESSONS[day.name] if day.number is None else _NUMBERED[day.name]


def explanation(step: TimelineEntry) -> str | None:
    """What a step means, where its own sentence leaves that open."""
    if step.number == 1:
        return (
            "We send a GenericAPIRequest: a SOAP envelope whose RequestMsg carries the payment as XML text.\n"
            "It was stored in our journal before its first byte left; that is what protects from paying twice."
        )
    if step.number == 2 and step.code is not None:
        if is_success(step.code):
            return "That says only that the request was accepted, nothing of the money."
        return (
            "That is neither paid nor refused: it waits."
            if step.code == _QUEUED
            else response_meaning(step.code).advice
        )
    if step.number == 3 and step.code == "0":
        return "Behind the broker the core moves the money, in seconds or in minutes; the customer gets an SMS."
    if step.number == 4 and "notifyQueueTimeout" in step.what:
        return "The broker calls us back: it posts to the QueueTimeoutURL of our request."
    if step.number == 4 and step.code is not None and "lost" not in step.what:
        return "The broker calls us back: it posts a GenericAPIResult to the ResultURL of our request."
    if step.number == 5 and step.code is not None and is_success(step.code):
        return "We store it and only then acknowledge it; what is not acknowledged is sent again."
    return None
