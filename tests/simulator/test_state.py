"""What the simulator keeps: money and messages survive a stop and a kill, and a state folder has one user."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service import Journal
from mpesa_cbp_simulator import Partner, Simulator, State, Timing

PAYEE = "254712345678"
SLOWLY = Timing(result_delay=3600, late_delay=3600, cache_time=3600, retry_delay=3600)


@contextlib.contextmanager
def running(folder: Path, timing: Timing = SLOWLY) -> Iterator[Simulator]:
    with Simulator(directory=folder, timing=timing) as simulator:
        yield simulator


@contextlib.contextmanager
def paying(simulator: Simulator, folder: Path) -> Iterator[Partner]:
    with Journal(f"sqlite:///{folder}/payments.db") as journal, simulator.partner(journal=journal) as partner:
        yield partner


def test_every_transfer_is_listed_with_its_conversation_id(simulator: Simulator, partner: Partner) -> None:
    first = partner.client.pay_customer(PAYEE, 100).conversation_id
    second = partner.client.pay_customer(PAYEE, "20.50").conversation_id
    refused = partner.client.pay_customer(PAYEE, 5).conversation_id
    for each in (first, second, refused):
        partner.wait_for_end(each)
    assert [(each.conversation_id, each.amount) for each in simulator.transfers()] == [
        (first, Decimal("100.00")),
        (second, Decimal("20.50")),
    ]
    assert [each.amount for each in simulator.transfers(second)] == [Decimal("20.50")]
    assert simulator.transfers(refused) == []


def test_accepted_request_is_carried_out_after_a_restart_once(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, paying(simulator, tmp_path) as partner:
        paid = partner.client.pay_customer(PAYEE, 100).conversation_id
        assert simulator.transfers(paid) == []
    with running(tmp_path, Timing(result_delay=0, retry_delay=0)) as simulator:
        simulator.settle()
        assert [each.amount for each in simulator.transfers(paid)] == [Decimal("100.00")]
    with running(tmp_path, Timing(result_delay=0, retry_delay=0)) as simulator:
        simulator.settle()
        assert len(simulator.transfers(paid)) == 1


def test_result_that_nobody_took_is_posted_after_a_restart(tmp_path: Path) -> None:
    timing = Timing(result_delay=0, retry_delay=3600)
    with running(tmp_path, timing) as simulator, paying(simulator, tmp_path) as partner:
        simulator.choose("late-result")
        simulator.world.schedule.stop()  # nothing is carried out any more
        paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    with running(tmp_path, Timing(late_delay=0, retry_delay=3600)) as simulator:
        failed = simulator.wait_for(lambda step: step.number == 5)
        assert "could not be reached" in failed.what
        assert len(simulator.transfers(paid)) == 1
    with running(tmp_path) as simulator:
        simulator.advance(3600)
        again = simulator.wait_for(lambda step: step.number == 4)
        assert again.what.startswith("Again: ")
        assert len(simulator.transfers(paid)) == 1


def test_cached_request_expires_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, paying(simulator, tmp_path) as partner:
        simulator.choose("cached-then-expired")
        cached = partner.client.pay_customer(PAYEE, 100)
        assert cached.queued
    with running(tmp_path) as simulator:
        simulator.advance(3600)
        assert [each.state for each in simulator.conversations()] == [State.EXPIRED]
        assert simulator.transfers() == []


def test_balances_addresses_and_a_changed_password_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, paying(simulator, tmp_path) as partner:
        partner.register_urls()
        simulator.advance(3600)
        partner.client.pay_customer(PAYEE, 100)
        simulator.advance(3600)
        before = simulator.world.ledger.customers()
        certificate = simulator.certificate.read_bytes()
    with running(tmp_path) as simulator:
        assert simulator.world.ledger.customers() == before
        assert simulator.world.registry.registration("600000") is not None
        assert simulator.certificate.read_bytes() == certificate


def test_customers_payment_that_was_begun_goes_on_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, paying(simulator, tmp_path) as partner:
        partner.register_urls()
        simulator.advance(3600)
        simulator.world.schedule.stop()
        begun = simulator.pay_in(PAYEE, 50, reference="A1")
        assert begun.state is State.ACCEPTED
    with running(tmp_path) as simulator, paying(simulator, tmp_path) as partner:
        simulator.settle()
        (ended,) = [each for each in simulator.conversations() if each.kind == "C2B"]
        # The partner that is registered is gone, and what cannot be validated is cancelled.
        assert (ended.state, ended.reference) == (State.FAILED, "A1")


_KILLED = """
import sys, time
from mpesa_cbp_simulator import Simulator, Timing
simulator = Simulator(directory=sys.argv[1], timing=Timing(result_delay=0.02, retry_delay=0.2))
simulator.start()
print(simulator.url, flush=True)
time.sleep(60)
"""


def test_killed_simulator_has_moved_the_money_of_each_payment_once(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/payments.db") as journal:
        ids = []
        for _ in range(3):
            command = [sys.executable, "-c", _KILLED, str(tmp_path / "simulator")]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            endpoint = process.stdout.readline().strip()
            with Simulator() as settings_of, settings_of.partner() as partner:
                settings = {
                    **settings_of.client_settings(),
                    "endpoint": endpoint,
                    "initiator": _initiator(settings_of, tmp_path / "simulator"),
                    "journal": journal,
                    "result_url": partner.urls["result"],
                }
                with settings_of.partner(**settings) as paying_there:
                    ids += [paying_there.client.pay_customer(PAYEE, 100).conversation_id for _ in range(4)]
                    process.kill()
                    process.wait()
                    process.stdout.close()
        with running(tmp_path / "simulator", Timing(result_delay=0, retry_delay=0)) as simulator:
            simulator.settle(30)
            assert {each: len(simulator.transfers(each)) for each in ids} == dict.fromkeys(ids, 1)
            assert {each.state for each in simulator.conversations()} == {State.COMPLETED}


def _initiator(simulator: Simulator, folder: Path) -> object:
    from dataclasses import replace

    return replace(simulator.client_settings()["initiator"], certificate=folder / "password-certificate.pem")


def test_second_simulator_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        with pytest.raises(SettingsError, match="in use by another simulator"), running(tmp_path):
            pass
        assert first.conversations() == []
    with running(tmp_path):
        pass


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not a database" * 100, "damaged or no state"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, "damaged or no state"),
    ],
    ids=["text", "half a header"],
)
def test_damaged_state_is_refused_with_what_to_do(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "simulator.db").write_bytes(content)
    with pytest.raises(SettingsError, match=says) as caught, running(tmp_path):
        pass
    assert "simulator.db" in str(caught.value)
    assert "remove it" in str(caught.value)


def test_state_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, Timing(result_delay=0, retry_delay=0)) as simulator, paying(simulator, tmp_path) as partner:
        for _ in range(10):
            partner.client.pay_customer(PAYEE, 10)
        simulator.settle()
    state = tmp_path / "simulator.db"
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    with pytest.raises(SettingsError, match="damaged"), running(tmp_path):
        pass


def test_state_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("simulator.db*")}
    assert modes["simulator.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot keep its key pair"), running(tmp_path / "file" / "folder"):
        pass


def test_reset_begins_anew(simulator: Simulator, partner: Partner) -> None:
    opening = simulator.world.ledger.customers()
    partner.register_urls()
    partner.client.pay_customer("254700000000", 100)
    simulator.settle()
    simulator.choose("throttled", 3)
    simulator.reset()
    assert simulator.conversations() == []
    assert simulator.transfers() == []
    assert simulator.world.ledger.customers() == opening
    assert simulator.world.registry.registration("600000") is None
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    assert partner.wait_for_end(paid).state is PaymentState.SUCCEEDED


def test_state_of_another_version_is_refused_with_what_to_do_and_left_as_it_is(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    file = tmp_path / "simulator.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma user_version = 99")
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=r"simulator\.db.*another version of the simulator: move it away"):
        Simulator(directory=tmp_path).start()
    assert file.read_bytes() == before
