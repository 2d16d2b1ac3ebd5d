"""The operator's codes as tables, in our own words; `codes` looks things up in them (protocol, section 5).

A row is: code as a number or text without leading zeros, who is at fault, what to do, the meaning, the advice.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["C2B_REFUSALS", "QUEUE_TIMEOUT_ANSWERS", "RESPONSES", "RESULTS", "RESULT_ANSWERS", "Fault", "Retry", "Row"]

Fault: TypeAlias = Literal["nobody", "us", "customer", "operator", "unknown"]
Retry: TypeAlias = Literal["never", "later", "after fixing", "ask"]
Row: TypeAlias = tuple[str, Fault, Retry, str, str]

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
_CREDENTIAL = "Check the initiator's name, password and the password certificate (mpesa-cbp doctor)."
_INITIATOR = "Check the initiator's name, its short code and that the operator has activated it."
_DUPLICATE = "It was sent before: ask what became of it (mpesa-cbp query), and do not pay under a new id."
_TWO_STAGES = "Wait: a later result tells how it ended."
_AGAIN = "The broker sends the message again."
_REFUSE = "The payment is refused and the customer told so."

RESPONSES: tuple[Row, ...] = (
    ("0", "nobody", "never", "The request was accepted; the payment itself is still to come.", _WAIT_RESULT),
    (
        "100000000",
        "nobody",
        "ask",
        "The broker stored the request and will pass it on when the core is back.",
        "Wait for a result or a queue timeout; do not send it again.",
    ),
    ("100000001", "operator", "later", "The broker is overloaded and turned the request away.", _SLOW_DOWN),
    ("100000002", "us", "later", "The broker throttled the request.", _SLOW_DOWN),
    ("100000003", "operator", "later", "The broker's licence allows no more requests.", _TELL_OPERATOR),
    ("100000004", "operator", "ask", "The broker met an internal error.", _QUERY),
    ("100000005", "us", "after fixing", "A value in the request is invalid.", _REQUEST),
    ("100000006", "us", "after fixing", "Our service provider account is not in a usable state.", _TELL_OPERATOR),
    ("100000007", "us", "after fixing", "The broker could not authenticate us.", _SIGNING),
    ("100000008", "us", "after fixing", "The service is not in a usable state.", _TELL_OPERATOR),
    ("100000009", "operator", "after fixing", "The interface is not in a usable state.", _TELL_OPERATOR),
    ("100000010", "us", "after fixing", "We may not use this interface.", _PERMISSION),
    ("100000011", "us", "later", "We sent more requests than our rate allows.", _SLOW_DOWN),
    ("100000012", "us", "after fixing", "The balance that the broker charges is too low.", _TOP_UP),
    ("100000013", "operator", "after fixing", "The broker has no route for the request.", _TELL_OPERATOR),
    ("100000014", "us", "after fixing", "A mandatory parameter is missing.", _REQUEST),
    ("100000022", "us", "after fixing", "The broker does not know our spId.", _SIGNING),
    ("23", "us", "after fixing", "The request does not follow the schema.", _REQUEST),
    ("24", "us", "after fixing", "Parameters of the request are missing.", _REQUEST),
    ("25", "us", "after fixing", "Parameters of the request are invalid.", _REQUEST),
    ("26", "operator", "later", "The core is too busy and turned the request away.", _SLOW_DOWN),
    ("30", "us", "after fixing", "The core could not make sense of the request.", _REQUEST),
)

RESULTS: tuple[Row, ...] = (
    ("0", "nobody", "never", "The transaction is done.", _DONE),
    ("1", "us", "after fixing", "The paying account does not hold enough money.", _TOP_UP),
    ("2", "us", "after fixing", "The amount is below the smallest one allowed.", _LIMIT),
    ("3", "us", "after fixing", "The amount is above the largest one allowed.", _LIMIT),
    ("4", "customer", "later", "The payment would pass the limit for one day.", _LIMIT),
    ("5", "us", "after fixing", "The payment would leave less than the smallest balance allowed.", _TOP_UP),
    ("6", "us", "after fixing", "The core cannot find the paying party.", _OUR_CODE),
    ("7", "us", "after fixing", "The core cannot find the receiver.", _NUMBER),
    ("8", "customer", "later", "The receiver would hold more than the largest balance allowed.", _LIMIT),
    ("11", "us", "after fixing", "The account to be debited is in no valid state.", _ACCOUNT_OURS),
    ("12", "customer", "after fixing", "The account to be credited is in no valid state.", _ACCOUNT_THEIRS),
    ("13", "us", "after fixing", "The core cannot find the account to be debited.", _ACCOUNT_OURS),
    ("14", "customer", "after fixing", "The core cannot find the account to be credited.", _ACCOUNT_THEIRS),
    ("15", "us", "ask", "The core has seen this transaction before.", _DUPLICATE),
    ("17", "operator", "ask", "The core met an internal failure.", _QUERY_RESULT),
    ("18", "us", "after fixing", "The initiator's credential was not accepted.", _CREDENTIAL),
    ("19", "unknown", "ask", "The message came out of sequence or expired on its way.", _QUERY_RESULT),
    ("20", "us", "after fixing", "The core cannot find the initiator.", _INITIATOR),
    ("21", "us", "after fixing", "The initiator may not act for the paying party.", _PERMISSION),
    ("22", "us", "after fixing", "The initiator may not pay this receiver.", _PERMISSION),
    ("28", "us", "after fixing", "The initiator may not do this operation.", _PERMISSION),
    ("29", "us", "after fixing", "The core does not know the command.", _REQUEST),
    ("31", "us", "after fixing", "The request names no initiator.", _INITIATOR),
    ("32", "us", "after fixing", "The initiator's identifier is invalid, or the request made no sense.", _INITIATOR),
    ("33", "us", "after fixing", "The request names no paying party.", _REQUEST),
    ("34", "us", "after fixing", "The paying party's identifier is invalid.", _OUR_CODE),
    ("35", "us", "after fixing", "The request names no receiver.", _REQUEST),
    ("36", "us", "after fixing", "The receiver's identifier is invalid.", _NUMBER),
    ("37", "us", "after fixing", "The request names no command.", _REQUEST),
    ("38", "us", "after fixing", "The conversation id is invalid.", _REQUEST),
    (
        "39",
        "us",
        "ask",
        "The core does not know the conversation id.",
        "Check the id; a request that is still on its way may not be known yet.",
    ),
    ("40", "us", "after fixing", "A parameter is defined wrongly.", _REQUEST),
    ("41", "us", "ask", "The core has seen this conversation id before.", _DUPLICATE),
    ("42", "us", "ask", "The core has seen this stage of the transaction before.", _DUPLICATE),
    ("43", "nobody", "ask", "The transaction waits for its confirmation.", _TWO_STAGES),
    ("44", "us", "after fixing", "The initiator may not pay this receiver.", _PERMISSION),
    ("45", "operator", "ask", "The core met an internal error while it moved the money.", _QUERY_RESULT),
    ("46", "nobody", "ask", "The confirmation of a transaction in two stages was received.", _TWO_STAGES),
    (
        "47",
        "nobody",
        "never",
        "The transaction in two stages was rejected.",
        "Find out who rejected it and why before starting another.",
    ),
    ("48", "us", "after fixing", "The operation is not permitted.", _PERMISSION),
    (
        "49",
        "us",
        "after fixing",
        "No such transaction was found.",
        "Check the receipt or id that was asked about; a payment that is still on its way may not be found yet.",
    ),
    ("50", "us", "after fixing", "The initiator's organisation is not in a usable state.", _TELL_OPERATOR),
    ("51", "us", "after fixing", "The account for the debit charge is in no valid state.", _ACCOUNT_OURS),
    ("52", "customer", "after fixing", "The amount is above the largest single purchase of airtime.", _LIMIT),
)

# What the partner answers to a result.
RESULT_ANSWERS: tuple[Row, ...] = (
    ("0", "nobody", "never", "We took the message.", _DONE),
    ("200000001", "us", "later", "We were overloaded and could not take the message.", _AGAIN),
    ("200000002", "us", "later", "We throttled the message.", _AGAIN),
    ("200000003", "us", "later", "We met an internal error and did not take the message.", _AGAIN),
)

# What the partner answers to a queue timeout, beside 0.
QUEUE_TIMEOUT_ANSWERS: tuple[Row, ...] = (
    ("1", "us", "later", "We could not take the queue timeout.", "Ask what became of the payment (mpesa-cbp query)."),
)

# What the partner answers to the validation of a customer's payment, beside 0.
C2B_REFUSALS: tuple[Row, ...] = (
    ("C2B00011", "customer", "after fixing", "We refuse the payer's phone number.", _REFUSE),
    ("C2B00012", "customer", "after fixing", "We know no such account number.", _REFUSE),
    ("C2B00013", "customer", "after fixing", "We refuse the amount.", _REFUSE),
    ("C2B00014", "customer", "after fixing", "The payer's personal details do not agree with ours.", _REFUSE),
    ("C2B00015", "customer", "after fixing", "The short code is not ours.", _REFUSE),
    ("C2B00016", "us", "later", "We cannot take the payment for another reason.", _REFUSE),
)
