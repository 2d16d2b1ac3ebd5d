"""The table of codes, in our own words: the one place where the operator's numbers stand (protocol, section 5).

``codes`` looks things up in it. Responses, results and our own answers are apart: one number has a meaning in each.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "C2B_REFUSALS",
    "QUEUE_TIMEOUT_ANSWERS",
    "RESPONSES",
    "RESULTS",
    "RESULT_ANSWERS",
    "Disposition",
    "Fault",
    "Retry",
    "Row",
]

Fault: TypeAlias = Literal["nobody", "us", "customer", "operator", "unknown"]
Retry: TypeAlias = Literal["never", "later", "after fixing", "ask"]
Disposition: TypeAlias = Literal[
    "success",  # accepted, paid, or taken
    "refused",  # certainly without effect
    "throttled",  # certainly without effect, for load: the same request may be sent again later
    "authentication",  # certainly without effect: the broker does not accept who we are
    "credential",  # certainly without effect, and every further request brings the credential's lock nearer
    "validation",  # certainly without effect: the request itself is wrong
    "duplicate",  # speaks of an earlier request, which may have been paid
    "pending",  # on its way, neither done nor failed
    "unknown",  # says nothing about the end of the payment
]


class Row(NamedTuple):
    """One code: a number without leading zeros, or text in capitals; ``meaning`` and ``advice`` are a sentence each."""

    code: str
    disposition: Disposition
    at_fault: Fault
    retry: Retry
    meaning: str
    advice: str


_WAIT_RESULT = "Wait for the result; if none comes, ask the broker (mpesa-cbp query)."
_DONE = "Nothing is left to do."
_SLOW_DOWN = "Nothing was done: send it again later, and send fewer requests a second."
_QUERY = "Ask the broker before anything else (mpesa-cbp query): it is not certain that nothing was done."
_QUERY_RESULT = "Look the transaction up before paying again, and tell the operator if it happens often."
_TELL_OPERATOR = "Ask the operator to put it right on their side, then send it again."
_SIGNING = "Check spId, its password, the spPassword reading, the time stamp's zone and the clock (mpesa-cbp doctor)."
_PERMISSION = "Ask the operator to grant the right, then send it again."
_REQUEST = "Correct the request; the description beside the code often names the field."
_TOP_UP = "Put money into the paying account, then send it again."
_LIMIT = "Change the amount or wait until the limit allows it."
_NUMBER = "Check the receiver's number: the core knows nobody by it."
_OUR_CODE = "Check the short code that pays and the rights it was given."
_ACCOUNT_OURS = "Ask the operator whether the paying account is active and of the right kind."
_ACCOUNT_THEIRS = "The receiver must have their account put right by the operator."
_CREDENTIAL = (
    "Send nothing more with this credential: check the initiator's name, password and the password certificate "
    "(mpesa-cbp doctor), then lift the stop (mpesa-cbp credential-renewed)."
)
_LOCKED = (
    "Send nothing more: ask the operator to unlock the credential, then lift the stop (mpesa-cbp credential-renewed)."
)
_INITIATOR = "Check the initiator's name, its short code and that the operator has activated it."
_DUPLICATE = "It was sent before: ask what became of it (mpesa-cbp query), and do not pay under a new id."
_TWO_STAGES = "Wait: a later result says how it ended."
_SLOW_DOWN_NEW = "Nothing was done: pay it later under a new conversation id, and send fewer requests a second."
_RECEIPT = "Check the receipt: it is the TransactionID of the result."
_REVERSED = "Look up who reversed it and when before anything else."
_AGAIN = "The broker sends the message again."
_REFUSE = "The payment is refused, and the customer is notified."

RESPONSES: tuple[Row, ...] = (
    Row(
        "0",
        "success",
        "nobody",
        "never",
        "The request was accepted; the payment itself is still to come.",
        _WAIT_RESULT,
    ),
    Row(
        "100000000",
        "pending",
        "nobody",
        "ask",
        "The broker stored the request and will pass it on when the core is back.",
        "Wait for a result or a queue timeout; do not send it again.",
    ),
    Row(
        "100000001",
        "throttled",
        "operator",
        "later",
        "The broker is overloaded and turned the request away.",
        _SLOW_DOWN,
    ),
    Row("100000002", "throttled", "us", "later", "The broker throttled the request.", _SLOW_DOWN),
    Row("100000003", "refused", "operator", "later", "The broker's licence allows no more requests.", _TELL_OPERATOR),
    Row("100000004", "unknown", "operator", "ask", "The broker met an internal error.", _QUERY),
    Row("100000005", "validation", "us", "after fixing", "A value in the request is invalid.", _REQUEST),
    Row(
        "100000006",
        "authentication",
        "us",
        "after fixing",
        "Our service provider account is not in a usable state.",
        _TELL_OPERATOR,
    ),
    Row("100000007", "authentication", "us", "after fixing", "The broker could not authenticate us.", _SIGNING),
    Row("100000008", "refused", "us", "after fixing", "The service is not in a usable state.", _TELL_OPERATOR),
    Row("100000009", "refused", "operator", "after fixing", "The interface is not in a usable state.", _TELL_OPERATOR),
    Row("100000010", "authentication", "us", "after fixing", "We may not use this interface.", _PERMISSION),
    Row("100000011", "throttled", "us", "later", "We sent more requests than our rate allows.", _SLOW_DOWN),
    Row("100000012", "refused", "us", "after fixing", "The balance that the broker charges is too low.", _TOP_UP),
    Row("100000013", "refused", "operator", "after fixing", "The broker has no route for the request.", _TELL_OPERATOR),
    Row("100000014", "validation", "us", "after fixing", "A mandatory parameter is missing.", _REQUEST),
    Row("100000022", "authentication", "us", "after fixing", "The broker does not know our spId.", _SIGNING),
    Row("23", "validation", "us", "after fixing", "The request does not follow the schema.", _REQUEST),
    Row("24", "validation", "us", "after fixing", "Parameters of the request are missing.", _REQUEST),
    Row("25", "validation", "us", "after fixing", "Parameters of the request are invalid.", _REQUEST),
    Row("26", "throttled", "operator", "later", "The core is too busy and turned the request away.", _SLOW_DOWN),
    Row("30", "validation", "us", "after fixing", "The core could not make sense of the request.", _REQUEST),
    # Result codes that a broker may give at once; in an answer too they say that the credential is refused.
    Row("18", "credential", "us", "after fixing", "The initiator's credential was not accepted.", _CREDENTIAL),
    Row(
        "2001",
        "credential",
        "us",
        "after fixing",
        "The initiator's name, password or certificate is wrong.",
        _CREDENTIAL,
    ),
    Row("8006", "credential", "us", "after fixing", "The initiator's credential is locked.", _LOCKED),
)

RESULTS: tuple[Row, ...] = (
    Row("0", "success", "nobody", "never", "The transaction is done.", _DONE),
    Row("1", "refused", "us", "after fixing", "The paying account does not hold enough money.", _TOP_UP),
    Row("2", "refused", "us", "after fixing", "The amount is below the smallest one allowed.", _LIMIT),
    Row("3", "refused", "us", "after fixing", "The amount is above the largest one allowed.", _LIMIT),
    Row("4", "refused", "customer", "later", "The payment would pass the limit for one day.", _LIMIT),
    Row(
        "5", "refused", "us", "after fixing", "The payment would leave less than the smallest balance allowed.", _TOP_UP
    ),
    Row("6", "refused", "us", "after fixing", "The core cannot find the paying party.", _OUR_CODE),
    Row("7", "refused", "us", "after fixing", "The core cannot find the receiver.", _NUMBER),
    Row("8", "refused", "customer", "later", "The receiver would hold more than the largest balance allowed.", _LIMIT),
    Row("11", "refused", "us", "after fixing", "The account to be debited is in no valid state.", _ACCOUNT_OURS),
    Row(
        "12", "refused", "customer", "after fixing", "The account to be credited is in no valid state.", _ACCOUNT_THEIRS
    ),
    Row("13", "refused", "us", "after fixing", "The core cannot find the account to be debited.", _ACCOUNT_OURS),
    Row(
        "14", "refused", "customer", "after fixing", "The core cannot find the account to be credited.", _ACCOUNT_THEIRS
    ),
    Row("15", "duplicate", "us", "ask", "The core has seen this transaction before.", _DUPLICATE),
    Row("17", "refused", "operator", "ask", "The core met an internal failure.", _QUERY_RESULT),
    Row("18", "credential", "us", "after fixing", "The initiator's credential was not accepted.", _CREDENTIAL),
    Row("19", "refused", "unknown", "ask", "The message came out of sequence or expired on its way.", _QUERY_RESULT),
    Row("20", "refused", "us", "after fixing", "The core cannot find the initiator.", _INITIATOR),
    Row("21", "refused", "us", "after fixing", "The initiator may not act for the paying party.", _PERMISSION),
    Row("22", "refused", "us", "after fixing", "The initiator may not pay this receiver.", _PERMISSION),
    Row("28", "refused", "us", "after fixing", "The initiator may not do this operation.", _PERMISSION),
    Row("29", "refused", "us", "after fixing", "The core does not know the command.", _REQUEST),
    Row("31", "refused", "us", "after fixing", "The request names no initiator.", _INITIATOR),
    Row(
        "32",
        "refused",
        "us",
        "after fixing",
        "The initiator's identifier is invalid, or the request made no sense.",
        _INITIATOR,
    ),
    Row("33", "refused", "us", "after fixing", "The request names no paying party.", _REQUEST),
    Row("34", "refused", "us", "after fixing", "The paying party's identifier is invalid.", _OUR_CODE),
    Row("35", "refused", "us", "after fixing", "The request names no receiver.", _REQUEST),
    Row("36", "refused", "us", "after fixing", "The receiver's identifier is invalid.", _NUMBER),
    Row("37", "refused", "us", "after fixing", "The request names no command.", _REQUEST),
    Row("38", "refused", "us", "after fixing", "The conversation id is invalid.", _REQUEST),
    Row(
        "39",
        "unknown",
        "us",
        "ask",
        "The core does not know the conversation id.",
        "Check the id; a request that is still on its way may not be known yet.",
    ),
    Row("40", "refused", "us", "after fixing", "A parameter is defined wrongly.", _REQUEST),
    Row("41", "duplicate", "us", "ask", "The core has seen this conversation id before.", _DUPLICATE),
    Row("42", "unknown", "us", "ask", "The core has seen this stage of the transaction before.", _DUPLICATE),
    Row("43", "pending", "nobody", "ask", "The transaction waits for its confirmation.", _TWO_STAGES),
    Row("44", "refused", "us", "after fixing", "The initiator may not pay this receiver.", _PERMISSION),
    Row("45", "refused", "operator", "ask", "The core met an internal error while it moved the money.", _QUERY_RESULT),
    Row("46", "unknown", "nobody", "ask", "The confirmation of a transaction in two stages was received.", _TWO_STAGES),
    Row(
        "47",
        "refused",
        "nobody",
        "never",
        "The transaction in two stages was rejected.",
        "Find out who rejected it and why before starting another.",
    ),
    Row("48", "refused", "us", "after fixing", "The operation is not permitted.", _PERMISSION),
    Row(
        "49",
        "refused",
        "us",
        "after fixing",
        "No such transaction was found.",
        "Check the receipt or id that was asked about; a payment that is still on its way may not be found yet.",
    ),
    Row(
        "50", "refused", "us", "after fixing", "The initiator's organisation is not in a usable state.", _TELL_OPERATOR
    ),
    Row("51", "refused", "us", "after fixing", "The account for the debit charge is in no valid state.", _ACCOUNT_OURS),
    Row(
        "52",
        "refused",
        "customer",
        "after fixing",
        "The amount is above the largest single purchase of airtime.",
        _LIMIT,
    ),
    # Codes of recent years (protocol, sections 5 and 12). 2033 and others are ambiguous, and stay unknown.
    Row("25", "validation", "us", "after fixing", "Parameters of the request are invalid.", _REQUEST),
    Row("26", "refused", "operator", "later", "The core was too busy and did nothing.", _SLOW_DOWN_NEW),
    Row(
        "2001",
        "credential",
        "us",
        "after fixing",
        "The initiator's name, password or certificate is wrong.",
        _CREDENTIAL,
    ),
    Row("2006", "refused", "us", "after fixing", "The paying account is not active.", _ACCOUNT_OURS),
    Row("2028", "refused", "us", "after fixing", "The short code lacks the permission for this command.", _PERMISSION),
    Row("2032", "refused", "us", "after fixing", "The receipt does not exist.", _RECEIPT),
    Row("2040", "refused", "customer", "after fixing", "The receiver is no registered customer.", _ACCOUNT_THEIRS),
    Row("8006", "credential", "us", "after fixing", "The initiator's credential is locked.", _LOCKED),
    Row("SFC_IC0003", "refused", "us", "after fixing", "The core knows no operator or party by that number.", _NUMBER),
    Row("R000001", "refused", "us", "never", "The transaction has already been reversed.", _REVERSED),
    Row(
        "R000002",
        "refused",
        "us",
        "after fixing",
        "The receipt of the transaction to be reversed is invalid.",
        _RECEIPT,
    ),
)

# What the partner answers to a result.
RESULT_ANSWERS: tuple[Row, ...] = (
    Row("0", "success", "nobody", "never", "We took the message.", _DONE),
    Row("200000001", "refused", "us", "later", "We were overloaded and could not take the message.", _AGAIN),
    Row("200000002", "refused", "us", "later", "We throttled the message.", _AGAIN),
    Row("200000003", "refused", "us", "later", "We met an internal error and did not take the message.", _AGAIN),
)

# What the partner answers to a queue timeout, beside 0.
QUEUE_TIMEOUT_ANSWERS: tuple[Row, ...] = (
    Row(
        "1",
        "refused",
        "us",
        "later",
        "We could not take the queue timeout.",
        "Ask what became of the payment (mpesa-cbp query).",
    ),
)

# What the partner answers to the validation of a customer's payment, beside 0.
C2B_REFUSALS: tuple[Row, ...] = (
    Row("C2B00011", "refused", "customer", "after fixing", "We refuse the payer's phone number.", _REFUSE),
    Row("C2B00012", "refused", "customer", "after fixing", "We know no such account number.", _REFUSE),
    Row("C2B00013", "refused", "customer", "after fixing", "We refuse the amount.", _REFUSE),
    Row(
        "C2B00014",
        "refused",
        "customer",
        "after fixing",
        "The payer's personal details do not agree with ours.",
        _REFUSE,
    ),
    Row("C2B00015", "refused", "customer", "after fixing", "The short code is not ours.", _REFUSE),
    Row("C2B00016", "refused", "us", "later", "We cannot take the payment for another reason.", _REFUSE),
)
