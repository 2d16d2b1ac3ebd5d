"""Who may speak to the listener, as a table."""

from __future__ import annotations

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.listener.access_rules import AccessRules, new_token, read_networks
from mpesa_cbp_service.listener.http_messages import Request

BROKER, PROXY, OTHER_PROXY, STRANGER = "196.201.214.200", "10.0.0.1", "10.0.0.2", "203.0.113.9"
RULES = AccessRules(
    networks=read_networks(["196.201.212.0/22", "2001:db8::/32"]), trusted_proxies=read_networks(["10.0.0.0/24"])
)


def request(peer: str, *headers: tuple[str, str], certificate: str | None = None) -> Request:
    return Request("POST", "/", headers, peer, certificate)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "comes_in"),
    [
        (BROKER, None, BROKER, True),
        ("2001:db8::5", None, "2001:db8::5", True),
        (f"::ffff:{BROKER}", None, BROKER, True),
        (STRANGER, None, STRANGER, False),
        (STRANGER, BROKER, STRANGER, False),
        (BROKER, STRANGER, BROKER, True),
        (PROXY, BROKER, BROKER, True),
        (PROXY, f"{BROKER}:51234", BROKER, True),
        (PROXY, "[2001:db8::5]:443", "2001:db8::5", True),
        (PROXY, STRANGER, STRANGER, False),
        (PROXY, f"{BROKER}, {STRANGER}", STRANGER, False),
        (PROXY, f"{STRANGER}, {BROKER}", BROKER, True),
        (PROXY, f"{BROKER}, {OTHER_PROXY}", BROKER, True),
        (PROXY, f"{BROKER}, {STRANGER}, {OTHER_PROXY}", STRANGER, False),
        (PROXY, f"{BROKER}, unknown", None, False),
        (PROXY, f"{BROKER},", None, False),
        (PROXY, "", PROXY, False),
        (PROXY, OTHER_PROXY, OTHER_PROXY, False),
        ("", None, None, False),
        ("not an address", BROKER, None, False),
    ],
)
def test_address_behind_proxies(peer: str, forwarded: str | None, address: str | None, comes_in: bool) -> None:
    caller = RULES.caller(request(peer, *([] if forwarded is None else [("x-forwarded-for", forwarded)])))
    assert caller.address == address
    assert (RULES.refusal(caller, "/") is None) is comes_in


SUBJECT = "CN=broker.example,O=Safaricom,C=KE"


@pytest.mark.parametrize(
    ("names", "call", "comes_in"),
    [
        (("broker.example",), request(BROKER, certificate=SUBJECT), True),
        ((SUBJECT,), request(BROKER, certificate=SUBJECT), True),
        (("Safaricom",), request(BROKER, certificate=SUBJECT), False),
        (("broker.example",), request(BROKER, certificate="CN=broker.example.evil,O=x"), False),
        (("broker.example",), request(BROKER, certificate=r"CN=x\,CN=broker.example"), False),
        (("broker.example",), request(BROKER), False),
        (("broker.example",), request(BROKER, ("x-subject", SUBJECT)), False),
        (("broker.example",), request(PROXY, ("x-subject", SUBJECT)), True),
        (("broker.example",), request(PROXY, ("x-subject", "")), False),
        (("broker.example",), request(PROXY, ("x-subject", "/CN=broker.example")), False),
        (("broker.example",), request(PROXY, ("x-subject", "CN=x"), ("x-subject", "CN=broker.example")), False),
    ],
)
def test_certificate(names: tuple[str, ...], call: Request, comes_in: bool) -> None:
    rules = AccessRules(trusted_proxies=RULES.trusted_proxies, certificate_header="X-Subject", certificate_names=names)
    assert (rules.refusal(rules.caller(call), "/") is None) is comes_in


def test_certificate_is_noted_with_the_address() -> None:
    caller = RULES.caller(request(BROKER, certificate=SUBJECT))
    assert caller.text == f"{BROKER} {SUBJECT}"


@pytest.mark.parametrize(
    "token", ["", "short", "fifteen-letters", "with a blank in it", "with/slash/within/it", "ümläut-and-more-text"]
)
def test_token_that_can_be_guessed_or_needs_escaping_is_refused(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        AccessRules(path_token=token)
    assert not token or token not in str(caught.value)


def test_new_tokens_are_accepted_and_never_shown() -> None:
    token = new_token()
    assert token != new_token()
    assert token not in repr(AccessRules(path_token=token))


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_network_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no network"):
        read_networks([text])
