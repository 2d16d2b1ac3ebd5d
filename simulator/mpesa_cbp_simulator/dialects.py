"""Write results in the dialects of the protocol's section 7.

A dialect is a set of choices (``Speech``), and one small writer obeys them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from xml.sax.saxutils import escape

from mpesa_cbp_models import Result
from mpesa_cbp_models.result import ParameterType

RESULT = "http://api-v1.gen.mm.vodafone.com/mminterface/result"
REQUEST = "http://api-v1.gen.mm.vodafone.com/mminterface/request"
CPS_RESULT = "http://cps.huawei.com/cpsinterface/result"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How a result is written. ``carrier`` is cdata, escaped, elements or escaped-cdata."""

    root: str = "result"
    namespace: str = RESULT
    message_namespace: str = RESULT
    pair_namespace: str = ""
    parameter: str = "ResultParameter"
    id_ending: str = "ID"
    completed: str = "0"
    carrier: str = "cdata"
    blanks: str = ""
    value_blanks: str = ""
    reordered: bool = False
    strangers: bool = False
    bare_ampersand: bool = False
    nil: bool = False
    envelope: bool = True


_SPEECH: dict[int, Speech] = {
    1: Speech(root="Result"),
    2: Speech(namespace="", message_namespace=CPS_RESULT),
    3: Speech(pair_namespace=REQUEST),
    4: Speech(parameter="Parameter"),
    5: Speech(id_ending="Id"),
    6: Speech(completed="Completed"),
    7: Speech(blanks="\n      ", value_blanks="\n  "),
    8: Speech(carrier="escaped"),
    9: Speech(reordered=True),
    13: Speech(strangers=True),
    14: Speech(bare_ampersand=True),
    15: Speech(carrier="escaped-cdata"),
    16: Speech(nil=True, value_blanks="  "),
    17: Speech(envelope=False),
    20: Speech(carrier="elements"),
}


def speaks_results(dialect: int) -> bool:
    """Whether the dialect is one of results; the others concern other messages."""
    return dialect in _SPEECH


def result_envelope(result: Result, dialect: int) -> bytes:
    """The envelope of a result in a dialect."""
    speech = _SPEECH[dialect]
    payload = _payload(result, speech)
    before, after = speech.blanks, speech.blanks
    if speech.carrier == "cdata":
        text = f"{before}<![CDATA[{before}{_DECLARATION}{payload}{after}]]>{after}"
    elif speech.carrier == "escaped":
        text = escape(_DECLARATION + payload)
    elif speech.carrier == "escaped-cdata":
        text = escape(f"<![CDATA[{_DECLARATION}{payload}]]>")
    else:
        text = payload
    message = f'<r:ResultMsg xmlns:r="{speech.message_namespace}">{text}</r:ResultMsg>'
    if not speech.envelope:
        return f"<Envelope><Body>{message}</Body></Envelope>".encode()
    return (
        f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Body>{message}</soapenv:Body></soapenv:Envelope>'.encode()
    )


@dataclass(slots=True)
class _Writer:
    speech: Speech
    parts: list[str] = field(default_factory=list)

    def leaf(self, name: str, value: str | None, namespace: str = "") -> None:
        if value is None:
            return
        attribute = f' xmlns="{namespace}"' if namespace else ""
        if not value and self.speech.nil:
            attribute += f' xmlns:i="{_XSI}" i:nil="true"'
        blanks = self.speech.value_blanks
        self.parts.append(f"<{name}{attribute}>{blanks}{self._text(value)}{blanks}</{name}>")

    def pairs(self, outer: str, inner: str, pairs: list[ParameterType]) -> None:
        self.parts.append(f"<{outer}>")
        for pair in pairs:
            self.parts.append(f"<{inner}>")
            self.leaf("Key", pair.key, self.speech.pair_namespace)
            self.leaf("Value", pair.value, self.speech.pair_namespace)
            self.parts.append(f"</{inner}>")
        self.parts.append(f"</{outer}>")

    def _text(self, value: str) -> str:
        return escape(value).replace("&amp;", "&") if self.speech.bare_ampersand else escape(value)


def _payload(result: Result, speech: Speech) -> str:
    parameters = list(result.result_parameters.result_parameter) if result.result_parameters is not None else []
    if speech.bare_ampersand:
        # A blank or a capital word follows the ampersand, never something that reads like an entity.
        parameters.append(ParameterType(key="AccountsTouched", value="Working Account|KES|1.00&Charges Paid Account"))
    if speech.nil:
        parameters.append(ParameterType(key="Note", value=""))
    writer = _Writer(speech)
    leaves = [
        ("ResultType", speech.completed if result.result_type == 0 else str(result.result_type)),
        ("ResultCode", result.result_code),
        ("ResultDesc", result.result_desc),
        (f"OriginatorConversation{speech.id_ending}", result.originator_conversation_id),
        (f"Conversation{speech.id_ending}", result.conversation_id),
        (f"Transaction{speech.id_ending}", result.transaction_id),
    ]
    if speech.strangers:
        leaves.insert(2, ("OperatorRegion", "West"))
    for name, value in reversed(leaves) if speech.reordered else leaves:
        # Blanks around codes are met as well, but only values of parameters are padded here: see number 7.
        plain = _Writer(replace(speech, nil=False, bare_ampersand=False))
        plain.leaf(name, value)
        writer.parts.extend(plain.parts)
    if speech.strangers:
        writer.parts.append(" stray text ")
    if parameters:
        writer.pairs("ResultParameters", speech.parameter, parameters)
    if result.reference_data is not None:
        writer.pairs("ReferenceData", "ReferenceItem", list(result.reference_data.reference_item))
    attribute = f' xmlns="{speech.namespace}"' if speech.namespace else ""
    return f"<{speech.root}{attribute}>{''.join(writer.parts)}</{speech.root}>"
