"""Settings: which source goes first, what is refused, and that the documentation tells the truth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.profile import GUIDE_HEADER_NAMESPACE, NAIROBI, PROFILES, Profile
from mpesa_cbp.identity.security import SpPasswordReading
from mpesa_cbp_service.cli.options import open_journal
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration, load, settings
from mpesa_cbp_simulator.key_pair import generate_key_pair

ROOT = Path(__file__).parents[2]
SECRET = "planted-secret"
WHOLE = """
endpoint = "https://broker.example/mminterface/request"
organisation = "Acme"
[service_provider]
id = "107031"
password = "planted-secret"
[initiator]
name = "api"
password = "planted-secret"
short_code = "600000"
certificate = "broker.cer"
"""


@pytest.fixture(scope="session")
def certificate() -> bytes:
    return generate_key_pair(common_name="core", not_before=datetime.now(UTC), days=9).certificate


@pytest.fixture
def folder(tmp_path: Path, certificate: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty but for a password certificate."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broker.cer").write_bytes(certificate)
    return tmp_path


def problems_of(**given: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(**{"environ": {}, **given})  # type: ignore[arg-type]
    assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.problems}"
    return caught.value.problems


def test_arguments_go_before_the_environment_before_the_file_before_the_defaults(folder: Path) -> None:
    (folder / "mpesa-cbp.toml").write_text('organisation = "file"\ncountry_code = "255"\n[http]\nread_timeout = 7\n')
    environ = {"MPESA_CBP_ORGANISATION": "environment", "MPESA_CBP_COUNTRY_CODE": "256"}
    found = load(environ=environ, organisation="argument")
    assert (found.organisation, found.country_code) == ("argument", "256")
    assert (found.http_read_timeout, found.http_connect_timeout) == (7.0, 5.0)
    assert found.origins == {
        "organisation": "argument organisation",
        "country_code": "environment MPESA_CBP_COUNTRY_CODE",
        "http_read_timeout": "mpesa-cbp.toml: [http] read_timeout",
    }


@pytest.mark.parametrize("name", settings())
def test_every_setting_can_come_from_each_source(name: str, folder: Path) -> None:
    setting = settings()[name]
    value = {
        "URL": "https://b.example/x",
        "digits": "600000",
        "file": "broker.cer",
        "true or false": "true",
        "seconds": "3",
        "SQLAlchemy URL": "sqlite:////tmp/payments.db",
        "networks": "192.0.2.0/24",
    }.get(setting.kind.name, re.sub(r" (to|or) .*", "", setting.kind.name).strip("`"))
    partner = {"tls_client_key": "tls_client_certificate", "new_password_key": "new_password_vector"}
    partner |= {"new_password_vector": "new_password_key"}
    partner |= dict.fromkeys(("listener_key", "listener_client_ca"), "listener_certificate")
    more = {settings()[partner[name]].in_environment: "broker.cer"} if name in partner else {}
    if name.startswith("listener_certificate_"):
        more = {"MPESA_CBP_LISTENER_TRUSTED_PROXIES": "::1", "MPESA_CBP_LISTENER_CERTIFICATE_HEADER": "X-Subject"}
        more.pop(setting.in_environment, None)
    from_environment = load(environ={setting.in_environment: value, **more})
    head = f"[{setting.table}]\n" if setting.table else ""
    (folder / "some.toml").write_text(
        f'{head}{setting.key} = "{value}"\n' if value != "true" else f"{head}{setting.key} = true\n"
    )
    if setting.kind.name[0].isdigit() or value == "3":
        (folder / "some.toml").write_text(f"{head}{setting.key} = {value}\n")
    from_file = load("some.toml", environ=more)
    from_argument = load(environ=more, **{name: value})
    found = {str(getattr(each, name)) for each in (from_environment, from_argument)}
    assert len(found) == 1
    assert Path(str(getattr(from_file, name))).name == Path(found.pop()).name


@pytest.mark.parametrize("name", [name for name, setting in settings().items() if setting.kind.secret])
def test_every_secret_can_come_from_a_file_and_is_never_shown(name: str, folder: Path) -> None:
    setting = settings()[name]
    (folder / "secret").write_text(f"{SECRET}\n")
    more = {"new_password_key": "new_password_vector", "new_password_vector": "new_password_key"}.get(name)
    beside = {more: "x"} if more else {}
    (folder / "some.toml").write_text(f'[{setting.table}]\n{setting.key}_file = "secret"\n')
    for found in (
        load(environ={f"{setting.in_environment}_FILE": "secret"}, **beside),
        load("some.toml", environ={}, **beside),
    ):
        assert getattr(found, name) == SECRET
        assert SECRET not in repr(found)


def test_a_secret_may_be_a_function_that_is_called_when_it_is_needed(folder: Path) -> None:
    (folder / "mpesa-cbp.toml").write_text(WHOLE.replace('password = "planted-secret"\n', ""))
    asked: list[str] = []

    def vault() -> str:
        asked.append("vault")
        return SECRET

    found = load(environ={}, require=FOR_CLIENT, service_provider_password=vault, initiator_password=vault)
    with found.client():
        assert not asked
    assert found.initiator_password is vault


def test_files_named_in_toml_are_beside_it_and_those_of_the_environment_in_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mpesa-cbp.toml").write_text(WHOLE + '[journal]\nurl = "sqlite:///payments.db"\n')
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    found = load("../mpesa-cbp.toml", environ={})
    assert found.initiator_certificate is not None
    assert found.initiator_certificate.samefile(folder / "broker.cer")
    with open_journal(found):
        assert (folder / "payments.db").is_file()
    assert (
        "names a file that is not there: broker.cer"
        in problems_of(environ={"MPESA_CBP_INITIATOR_CERTIFICATE": "broker.cer"})[0]
    )


def test_all_problems_are_told_at_once_each_with_its_place(folder: Path) -> None:
    (folder / "mpesa-cbp.toml").write_text(
        'endpont = "https://b.example/"\nresult_url = "ftp://b.example/"\n[initiator]\nkey_owner = 3\npasword = "planted-secret"\n'
    )
    environ = {"MPESA_CBP_HTTP_READ_TIMEOUT": "-1", "MPESA_CBP_INITIATOR_NAM": "api", "MPESA_CBP_COUNTRY_CODE": ""}
    assert problems_of(environ=environ, require={"journal_url"}, ca="x") == (
        "argument ca is not known",
        "environment MPESA_CBP_HTTP_READ_TIMEOUT must be a number of seconds above zero, and at most 1000000",
        "environment MPESA_CBP_INITIATOR_NAM is not known: did you mean MPESA_CBP_INITIATOR_NAME?",
        "environment MPESA_CBP_COUNTRY_CODE is empty",
        "mpesa-cbp.toml: endpont is not known: did you mean endpoint?",
        "mpesa-cbp.toml: result_url is not an http or https URL with a host name",
        "mpesa-cbp.toml: [initiator] key_owner must be a whole number from 1 to 2",
        "mpesa-cbp.toml: [initiator] pasword is not known: did you mean [initiator] password?",
        "journal.url is missing: set MPESA_CBP_JOURNAL_URL or MPESA_CBP_JOURNAL_URL_FILE, or [journal] url in TOML",
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"signing_mode": "spid-ip", "service_provider_password": SECRET}, "signing.mode spid-ip sends none"),
        ({"tls_client_key": "broker.cer"}, "without tls.client_certificate"),
        ({"new_password_key": SECRET}, "belong together"),
        ({"http_connect_retries": True}, "whole number"),
        ({"http_connect_timeout": float("nan")}, "seconds above zero"),
        ({"http_read_timeout": "inf"}, "seconds above zero"),
        ({"listener_handler_lease": 1e300}, "at most 1000000"),
        ({"http_use_environment": "perhaps"}, "true or false"),
        ({"endpoint": "https://b.example/\n"}, "line break"),
        ({"endpoint": 7}, "must be text"),
        ({"initiator_password": ""}, "is empty"),
        ({"initiator_password": 7}, "must be text"),
        ({"initiator_short_code": "60000A"}, "digits only"),
        ({"signing_profile": "Guides"}, "one of contract, guide"),
        ({"environ": {"MPESA_CBP_INITIATOR_PASSWORD_FILE": "none"}}, "cannot be read: none (No such file"),
        ({"environ": {"MPESA_CBP_INITIATOR_PASSWORD_FILE": "empty"}}, "names an empty file"),
        ({"environ": {"MPESA_CBP_INITIATOR_PASSWORD_FILE": "binary"}}, "not UTF-8"),
        ({"environ": {"MPESA_CBP_INITIATOR_PASSWORD_FILE": " "}}, "must name a file"),
        (
            {"environ": {"MPESA_CBP_INITIATOR_PASSWORD": SECRET, "MPESA_CBP_INITIATOR_PASSWORD_FILE": "empty"}},
            "stands beside environment MPESA_CBP_INITIATOR_PASSWORD",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object], problem: str, folder: Path) -> None:
    (folder / "empty").write_bytes(b"\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    found = problems_of(**given)
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'password = "planted-secret', "is no TOML: Unterminated string"),
        (b"\xff", "not UTF-8"),
        (b"#" * 1_100_000, "larger than"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(content: bytes | None, words: str, folder: Path) -> None:
    if content is not None:
        (folder / "my.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=words) as caught:
        load(environ={"MPESA_CBP_CONFIG": "my.toml"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("blank", ["", " "])
def test_a_variable_that_names_no_file_is_not_taken_for_the_file_in_this_folder(blank: str, folder: Path) -> None:
    (folder / "mpesa-cbp.toml").write_text('organisation = "Acme"\n')
    with pytest.raises(SettingsError, match="MPESA_CBP_CONFIG is empty"):
        load(environ={"MPESA_CBP_CONFIG": blank})


def test_that_no_settings_file_was_found_is_said_before_what_is_missing(folder: Path) -> None:
    first, *others = problems_of(require=FOR_JOURNAL)
    assert first == (
        f"no settings file was read: there is no mpesa-cbp.toml in {folder}, and neither --config nor MPESA_CBP_CONFIG "
        "names one; docs/settings.md has an example"
    )
    assert len(others) == 1
    (folder / "mpesa-cbp.toml").write_text("")
    assert problems_of(require=FOR_JOURNAL) == tuple(others)


@pytest.mark.usefixtures("folder")
def test_missing_settings_are_told_together_and_spid_ip_needs_no_password() -> None:
    assert len(problems_of(require=FOR_CLIENT | FOR_JOURNAL)) == 1 + len(FOR_CLIENT | FOR_JOURNAL)
    without = problems_of(require=FOR_CLIENT, signing_mode="spid-ip")
    assert len(without) == 1 + len(FOR_CLIENT) - 1
    with pytest.raises(SettingsError) as caught:
        Configuration().client()
    assert len(caught.value.problems) == len(FOR_CLIENT)


@pytest.mark.parametrize(
    ("given", "profile"),
    [
        ({}, PROFILES["contract"]),
        ({"signing_profile": "guide"}, PROFILES["guide"]),
        (
            {"signing_profile": "guide", "signing_zone": "UTC", "signing_sp_password_reading": "raw"},
            Profile(header_namespace=GUIDE_HEADER_NAMESPACE, sp_password_reading=SpPasswordReading.RAW, zone=UTC),
        ),
        (
            {"signing_zone": "nairobi", "signing_header_namespace": "urn:x"},
            Profile(header_namespace="urn:x", zone=NAIROBI),
        ),
    ],
)
def test_a_profile_is_the_default_of_its_three_settings(given: Mapping[str, str], profile: Profile) -> None:
    assert load(environ={}, **given).profile() == profile


def test_several_values_are_a_list_in_toml_and_one_text_in_the_environment(folder: Path) -> None:
    (folder / "some.toml").write_text('[listener]\nnetworks = ["192.0.2.0/24", "2001:db8::1"]\n')
    from_file = load("some.toml", environ={}).listener_networks
    from_environment = load(environ={"MPESA_CBP_LISTENER_NETWORKS": "192.0.2.0/24, 2001:db8::1"}).listener_networks
    assert [str(each) for each in from_file or ()] == ["192.0.2.0/24", "2001:db8::1/128"]
    assert from_environment == from_file
    assert "'x'" in problems_of(listener_networks=["x"])[0]


def table_of_settings() -> str:
    """As docs/settings.md must have it."""
    rows = ["| in TOML | in the environment | what it is | kind | default |", "| --- | --- | --- | --- | --- |"]
    for setting in settings().values():
        default = "" if setting.default is None else f"`{str(setting.default).lower()}`"
        cells = (f"`{setting.in_toml}`", f"`{setting.in_environment}`", setting.meaning, setting.kind.name, default)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def test_the_documentation_has_the_table_of_the_code() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert table_of_settings() in text, f"put this into docs/settings.md:\n{table_of_settings()}"


def test_the_example_of_the_documentation_makes_a_client(folder: Path) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    (folder / "mpesa-cbp.toml").write_text(example.group(1))
    (folder / "secrets").mkdir()
    for name in re.findall(r'_file = "(.*?)"', example.group(1)):
        (folder / name).write_text(SECRET)
    with load(environ={}, require=FOR_CLIENT | FOR_JOURNAL).client() as client:
        assert SECRET not in repr(vars(client))
