"""Messages made to cost as much as they can for their size: many small things, deep things, long things."""

from __future__ import annotations

from collections.abc import Callable

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
RESULT = "http://api-v1.gen.mm.vodafone.com/mminterface/result"
C2B = "http://cps.huawei.com/cpsinterface/c2bpayment"


def body(content: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{content}</s:Body></s:Envelope>'


def header(content: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{content}</s:Header><s:Body><x/></s:Body></s:Envelope>'


def carrier(content: str) -> str:
    return body(f'<r:ResultMsg xmlns:r="{RESULT}">{content}</r:ResultMsg>')


def payload(content: str) -> str:
    return carrier(f"<![CDATA[<result><ResultCode>0</ResultCode>{content}</result>]]>")


def parameters(content: str) -> str:
    return payload(f"<ResultParameters>{content}</ResultParameters>")


def _attributes(form: str, size: int) -> str:
    names = (form.format(f"a{number:x}") for number in range(size // len(form.format("a12345"))))
    return f"<a {' '.join(names)}/>"


def _kyc(size: int) -> str:
    entries = "<KYCInfo><KYCName/><KYCValue/></KYCInfo>" * (size // 40)
    return body(
        f'<c:C2BPaymentConfirmationRequest xmlns:c="{C2B}"><TransID>X</TransID><TransTime>20260101000000</TransTime>'
        f"<TransAmount>5</TransAmount><BusinessShortCode>1</BusinessShortCode><MSISDN>2</MSISDN>{entries}"
        "</c:C2BPaymentConfirmationRequest>"
    )


_PARAMETER = "<ResultParameter><Key>k</Key><Value>v</Value></ResultParameter>"

HOSTILE: dict[str, Callable[[int], str]] = {
    "elements in the body": lambda size: body("<a/>" * (size // 4)),
    "elements and texts in the body": lambda size: body("<a/>x" * (size // 5)),
    "elements in the header": lambda size: header("<a/>" * (size // 4)),
    "elements and texts in the header": lambda size: header("<a/>x" * (size // 5)),
    "elements for the payload": lambda size: carrier("<a/>" * (size // 4)),
    "elements in the payload": lambda size: payload("<a/>" * (size // 4)),
    "elements and texts in the payload": lambda size: payload("<a/>x" * (size // 5)),
    "elements with an attribute": lambda size: payload('<a b="c"/>' * (size // 10)),
    "elements of many names": lambda size: payload("".join(f"<a{number:x}/>" for number in range(size // 9))),
    "attributes": lambda size: payload(_attributes('{}="v"', size)),
    "empty attributes": lambda size: payload(_attributes('{}=""', size)),
    "namespaces": lambda size: payload(_attributes('xmlns:{}="u"', size)),
    "parameters": lambda size: parameters(_PARAMETER * (size // len(_PARAMETER))),
    "empty parameters": lambda size: parameters("<Parameter><Key/><Value/></Parameter>" * (size // 37)),
    "empty parameters and one attribute": lambda size: parameters(
        "<Parameter a=''><Key/><Value/></Parameter>" + "<Parameter><Key/><Value/></Parameter>" * (size // 37)
    ),
    "empty parameters with attributes": lambda size: parameters(
        "<Parameter a=''><Key/><Value/></Parameter>" * (size // 42)
    ),
    "empty parameters with text": lambda size: parameters("<Parameter>x<Key/><Value/></Parameter>" * (size // 38)),
    "attributes of a known element": lambda size: payload(_attributes('{}=""', size).replace("<a ", "<ResultDesc ")),
    "parameters by other names": lambda size: parameters(
        "<Parameter><Key/><Value>\n</Value></Parameter>" * (size // 43)
    ),
    "empty lists": lambda size: payload("<ResultParameters/>" * (size // 19)),
    "KYC entries": _kyc,
    "bare ampersands": lambda size: payload(f"<ResultDesc>{'&' * size}</ResultDesc>"),
    "bare ampersands and blanks": lambda size: payload(f"<ResultDesc>{'& ' * (size // 2)}</ResultDesc>"),
    "ampersands and tags": lambda size: payload("<ResultDesc>&</ResultDesc>" * (size // 26)),
    "escaped text": lambda size: carrier("&lt;" * (size // 4)),
    "escaped elements": lambda size: carrier(f"&lt;result>{'&lt;a/>' * (size // 7)}&lt;/result>"),
    "wide characters": lambda size: payload(f"<ResultDesc>\U0001f600{'x' * size}</ResultDesc>"),
    "a long value": lambda size: payload(f"<ResultDesc>{'x' * size}</ResultDesc>"),
    "a long code": lambda size: payload(f"<ResultType>{'1' * size}</ResultType>"),
    "deep elements": lambda size: body("<a>" * (size // 3)),
    "CDATA sections": lambda size: carrier("<![CDATA[x]]>" * (size // 13)),
    "character references": lambda size: carrier("&#65;" * (size // 5)),
    "comments": lambda size: carrier("<!---->" * (size // 7)),
    "processing instructions": lambda size: carrier("<?a?>" * (size // 5)),
    "quotes in a tag": lambda size: payload("<a " + '"' * size + "&"),
    "open brackets": lambda size: payload("<" * size),
    "blanks": lambda size: carrier(" " * size),
    "a page": lambda size: "<!--" * (size // 4) + "<html>",
}
"""Each by a name, as a function of its approximate size in bytes."""
