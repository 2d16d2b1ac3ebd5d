"""Who may speak to the listener, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.listener.access_rules import AccessRules, new_token, read_networks
from mpesa_cbp_service.web_server.channel import CLIENT_CERTIFICATE

BROKER, PROXY, OTHER_PROXY, STRANGER = "196.201.214.200", "10.0.0.1", "10.0.0.2", "203.0.113.9"
RULES = AccessRules(
    networks=read_networks(["196.201.212.0/22", "2001:db8::/32"]), trusted_proxies=read_networks(["10.0.0.0/24"])
)


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
    environ: dict[str, Any] = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    caller = RULES.caller(environ)
    assert caller.address == address
    assert (RULES.refusal(caller, "/") is None) is comes_in


@pytest.mark.parametrize(("peer", "may"), [(BROKER, True), (PROXY, True), (STRANGER, False), ("nonsense", False)])
def test_connection_from_elsewhere_is_not_even_read(peer: str, may: bool) -> None:
    assert RULES.admits_connection(peer) is may


def test_without_networks_everybody_may_connect() -> None:
    assert AccessRules().admits_connection(STRANGER)


SUBJECT = "CN=broker.example,O=Safaricom,C=KE"


@pytest.mark.parametrize(
    ("names", "environ", "comes_in"),
    [
        (("broker.example",), {CLIENT_CERTIFICATE: SUBJECT}, True),
        ((SUBJECT,), {CLIENT_CERTIFICATE: SUBJECT}, True),
        (("Safaricom",), {CLIENT_CERTIFICATE: SUBJECT}, False),
        (("broker.example",), {CLIENT_CERTIFICATE: "CN=broker.example.evil,O=x"}, False),
        (("broker.example",), {CLIENT_CERTIFICATE: r"CN=x\,CN=broker.example"}, False),
        (("broker.example",), {}, False),
        (("broker.example",), {"HTTP_X_SUBJECT": SUBJECT}, False),
        (("broker.example",), {"HTTP_X_SUBJECT": SUBJECT, "REMOTE_ADDR": PROXY}, True),
        (("broker.example",), {"HTTP_X_SUBJECT": "", "REMOTE_ADDR": PROXY}, False),
        (("broker.example",), {"HTTP_X_SUBJECT": "/CN=broker.example", "REMOTE_ADDR": PROXY}, False),
    ],
)
def test_certificate(names: tuple[str, ...], environ: dict[str, str], comes_in: bool) -> None:
    rules = AccessRules(trusted_proxies=RULES.trusted_proxies, certificate_header="X-Subject", certificate_names=names)
    caller = rules.caller({"REMOTE_ADDR": BROKER, **environ})
    assert (rules.refusal(caller, "/") is None) is comes_in


def test_certificate_is_noted_with_the_address() -> None:
    caller = RULES.caller({"REMOTE_ADDR": BROKER, CLIENT_CERTIFICATE: SUBJECT})
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
