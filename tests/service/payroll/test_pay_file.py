"""``mpesa-cbp pay --file``: what is printed, what is asked, how it exits."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.cli.atomic_file import whole_file
from mpesa_cbp_service.cli.progress import progress
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.payroll.file import TEMPLATE
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.damage import lose_table
from tests.service.journal.simulated import settings_file
from tests.transport.failing_broker import FailingBroker, accepts_once_released
from tests.waiting import wait_for

TOKEN = "unguessable-token"
HEAD = "msisdn,amount,reference,remark\n"
WRITE_BESIDE = """
import pathlib, sys
from mpesa_cbp_service.cli.atomic_file import whole_file
with whole_file(pathlib.Path(sys.argv[1])) as stream:
    stream.write("by another process")
print("written", end="")
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(timing=Timing(result_delay=0.01, retry_delay=0.01, attempts=1), seed=1) as running:
        yield running


@pytest.fixture
def journal_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/payments.db"


@pytest.fixture
def config(simulator: Simulator, journal_url: str, tmp_path: Path) -> str:
    return str(settings_file(tmp_path, endpoint=simulator.url, certificate=simulator.certificate, journal=journal_url))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "payroll.csv"
    path.write_text(HEAD + "".join(f"07123456{n:02},100.50,E{n},November\n" for n in range(5)))
    return path


def requests_seen(simulator: Simulator) -> int:
    return sum(step.number == 1 for step in simulator.steps)


def test_template_is_printed_without_any_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["pay", "--template"]) == 0
    assert capsys.readouterr().out == TEMPLATE


def test_dry_run_shows_the_totals_and_sends_and_stores_nothing(
    simulator: Simulator, config: str, file: Path, journal_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pay", "--config", config, "--file", str(file), "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert "batch payroll.csv: 5 payments, 502.50 KES" in told
    assert "to be sent now: 5 payments" in told
    assert requests_seen(simulator) == 0
    with Journal(journal_url) as journal:
        assert journal.payments() == []


def test_what_may_not_be_meant_is_noted_with_its_lines(
    config: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{HEAD}0712345678,15000,H1,\n0712345679,5,H2,\n254712345678,15,H3,")
    assert run(["pay", "--config", config, "--file", str(file), "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert "note: one customer stands in lines 2, 4\n" in told
    assert "note: the file ends without a line end: see that its last line is whole (line 4 [H3], 15 KES)" in told


def test_report_of_a_dry_run_is_refused(config: str, file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    assert run(["pay", "--config", config, "--file", str(file), "--dry-run", "--report", str(report)]) == 2
    assert not report.exists()


@pytest.mark.parametrize("kind", ["folder", "missing", "unreadable"])
def test_file_that_cannot_be_read_exits_with_3(
    kind: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "unreadable":
        path.write_text(HEAD)
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    assert run(["pay", "--config", config, "--file", str(path), "--yes"]) == 3
    assert str(path) in capsys.readouterr().err


def test_file_with_problems_is_told_whole_and_nothing_is_sent(
    simulator: Simulator, config: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(file.read_text() + "0712,5,E8,\n0712345678,-5,E9,\n")
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 3
    told = capsys.readouterr().err
    assert f"{file}: line 7, column msisdn" in told
    assert f"{file}: line 8, column amount" in told
    assert "2 problems; nothing was sent" in told
    assert requests_seen(simulator) == 0


def test_paying_reports_each_line_and_a_second_run_sends_nothing(
    simulator: Simulator, config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.csv"
    command = ["pay", "--config", config, "--file", str(file), "--yes", "--report", str(report)]
    assert run(command) == 0
    output = capsys.readouterr()
    assert "accepted        5 payments         502.50 KES" in output.out
    assert "07123456" not in output.out + output.err
    assert "2547123456" not in output.out + output.err + report.read_text()
    rows = list(csv.DictReader(report.read_text().splitlines()))
    assert {row["state"] for row in rows} <= set(PaymentState.__members__)
    assert [(row["line"], row["reference"], row["amount"], row["outcome"]) for row in rows] == [
        (str(n + 2), f"E{n}", "100.50", "accepted") for n in range(5)
    ]
    assert run([*command, "--overwrite"]) == 0
    output = capsys.readouterr()
    assert "to be sent now: 0 payments" in output.err
    assert "nothing was sent in this run" in output.out
    assert requests_seen(simulator) == 5


@pytest.mark.parametrize(
    ("bad_day", "exit_code", "said"),
    [("response-code:100000005", 1, "refused"), ("reset-after", 4, "mpesa-cbp reconcile")],
)
def test_exit_code_says_what_is_not_settled(
    simulator: Simulator, config: str, file: Path, capsys: pytest.CaptureFixture[str], bad_day: str, exit_code: int, said: str
) -> None:  # fmt: skip
    simulator.choose(bad_day)
    assert run(["pay", "--config", config, "--file", str(file), "--yes", "--threads", "1"]) == exit_code
    told = capsys.readouterr().out
    assert "line 2 [E0]" in told
    assert said in told


def test_copy_of_a_paid_file_is_refused_unless_it_is_given_a_batch(
    simulator: Simulator, config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 0
    copy = tmp_path / "payroll (1).csv"
    copy.write_text(file.read_text() + "0712345699,1000,E99,\n")
    assert run(["pay", "--config", config, "--file", str(copy), "--yes"]) == 3
    told = capsys.readouterr().err
    assert "5 in payroll.csv" in told
    assert "take those lines out of this file" in told
    assert requests_seen(simulator) == 5
    assert run(["pay", "--config", config, "--file", str(copy), "--yes", "--batch", "payroll.csv"]) == 0
    assert requests_seen(simulator) == 6
    assert run(["pay", "--config", config, "--file", str(copy), "--yes", "--batch", "december"]) == 0
    assert requests_seen(simulator) == 12


def test_changed_name_of_the_organisation_does_not_pay_again(
    simulator: Simulator, config: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 0
    settings = Path(config)
    settings.write_text(settings.read_text().replace('organisation = "Acme"', 'organisation = "Acme Ltd"'))
    assert run(["pay", "--config", config, "--file", str(file), "--yes", "--batch", "payroll.csv"]) == 3
    assert "have changed since" in capsys.readouterr().err
    assert requests_seen(simulator) == 5


def test_waiting_succeeds_when_all_results_have_come(
    simulator: Simulator, file: Path, journal_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal(journal_url) as journal, ListenerServer(Listener(journal=journal, path_token=TOKEN)) as server:
        config = settings_file(
            tmp_path,
            endpoint=simulator.url,
            certificate=simulator.certificate,
            journal=journal_url,
            result_url=f"{server.url}/{TOKEN}/result",
        )
        assert run(["pay", "--config", str(config), "--file", str(file), "--yes", "--wait", "30"]) == 0
    assert "succeeded       5 payments" in capsys.readouterr().out


def test_nothing_is_paid_without_a_question_that_can_be_answered(simulator: Simulator, config: str, file: Path) -> None:
    assert run(["pay", "--config", config, "--file", str(file)]) == 2
    assert requests_seen(simulator) == 0


def test_report_that_cannot_be_written_is_told_before_anything_is_paid(
    simulator: Simulator, config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "missing" / "report.csv"
    assert run(["pay", "--config", config, "--file", str(file), "--yes", "--report", str(report)]) == 3
    assert f"mpesa-cbp: {report}: No such file or directory" in capsys.readouterr().err
    assert requests_seen(simulator) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks on Windows")
def test_beginning_of_a_report_that_a_killed_run_has_left_goes_with_the_next_and_one_in_use_stays(
    tmp_path: Path,
) -> None:
    report, left, other = tmp_path / "report.csv", tmp_path / ".report.csv.4194305", tmp_path / ".report.csv.bak"
    left.touch()
    other.touch()
    with whole_file(report) as stream:
        stream.write("first")
        (in_use,) = tmp_path.glob(f".report.csv.{os.getpid()}")
        with whole_file(tmp_path / "report.csv.2") as second:
            second.write("second")
        inside = subprocess.run(
            [sys.executable, "-c", WRITE_BESIDE, str(report)], capture_output=True, text=True, check=True
        )
        assert inside.stdout == "written"
        assert in_use.exists()
    assert not left.exists()
    assert other.exists()
    assert report.read_text() == "first"


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_report_never_replaces_the_payroll(
    simulator: Simulator, config: str, file: Path, link: Callable[[Path, Path], None] | None, overwrite: list[str]
) -> None:
    report, before = file, file.read_bytes()
    if link is not None:
        report = file.with_name("report.csv")
        link(report, file)
    assert run(["pay", "--config", config, "--file", str(file), "--yes", "--report", str(report), *overwrite]) == 2
    assert file.read_bytes() == before
    assert requests_seen(simulator) == 0


def test_report_never_replaces_the_journal(simulator: Simulator, config: str, file: Path, tmp_path: Path) -> None:
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 0
    report = ["--report", str(tmp_path / "payments.db"), "--overwrite"]
    assert run(["pay", "--config", config, "--file", str(file), "--yes", *report]) == 2
    assert requests_seen(simulator) == 5


def test_report_replaces_another_file_only_when_told_to(
    simulator: Simulator, config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "october.csv"
    report.write_text("kept")
    command = ["pay", "--config", config, "--file", str(file), "--yes", "--report", str(report)]
    assert run(command) == 2
    assert "is there already; nothing was done" in capsys.readouterr().err
    assert (report.read_text(), requests_seen(simulator)) == ("kept", 0)
    assert run([*command, "--overwrite"]) == 0
    assert report.read_text().startswith("line,reference")


def test_run_that_goes_on_replaces_its_own_report_unasked_and_never_one_of_other_payments(
    simulator: Simulator, config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, whole = tmp_path / "report.csv", file.read_text()
    command = ["pay", "--config", config, "--file", str(file), "--yes", "--report", str(report)]
    file.write_text("".join(whole.splitlines(keepends=True)[:3]))
    assert run(command) == 0
    file.write_text(whole)
    assert run(command) == 0
    assert [row["reference"] for row in csv.DictReader(report.read_text().splitlines())] == [f"E{n}" for n in range(5)]
    file.write_text(HEAD + "0712345699,100,E9,\n")
    assert run(command) == 2
    assert "is there already; nothing was done" in capsys.readouterr().err
    assert requests_seen(simulator) == 5
    report.write_text("line,reference\n2,E9\n")
    assert run(command) == 2


def test_journal_that_fails_while_results_are_waited_for_ends_the_wait_and_the_report_is_written(
    config: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose_it_once_all_are_accepted() -> None:
        with Journal(f"sqlite:///{tmp_path}/payments.db") as journal:
            wait_for(lambda: len(journal.payments([PaymentState.ACCEPTED])) == 5)
        lose_table(tmp_path / "payments.db", "mpesa_cbp_payments")

    thread = threading.Thread(target=lose_it_once_all_are_accepted)
    thread.start()
    report = tmp_path / "report.csv"
    arguments = ["pay", "--config", config, "--file", str(file), "--yes", "--wait", "60", "--report", str(report)]
    assert run(arguments) == 4
    thread.join()
    assert "no longer waiting" in capsys.readouterr().err
    assert len(report.read_text().splitlines()) == 6


def test_broker_that_cannot_be_reached_is_called_that(file: Path, tmp_path: Path, simulator: Simulator) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    (tmp_path / "empty.db").touch()
    nowhere = settings_file(tmp_path, endpoint="http://127.0.0.1:1/", certificate=simulator.certificate, journal=url)
    command = [sys.executable, "-m", "mpesa_cbp_service", "pay", "--config", str(nowhere), "--file", str(file), "--yes"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    told = []
    for line in child.stderr:
        told.append(line)
        if line.startswith("waiting"):
            child.send_signal(signal.SIGINT)
            break
    child.communicate(timeout=60)
    assert any("empty.db is new: it knows of no earlier run" in line for line in told)
    assert told[-1] == "waiting 1 s: the broker cannot be reached\n"
    assert not any("payment.retried" in line for line in told)


def test_journal_that_cannot_be_read_is_no_refused_payment(config: str, file: Path, tmp_path: Path) -> None:
    (tmp_path / "payments.db").write_bytes(b"no database" * 1000)
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 3
    assert run(["pay", "--config", config, "--msisdn", "0712345678", "--amount", "5", "--yes"]) == 3


def test_progress_is_told_in_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("ab", total=2, what="paying", seconds=0)) == ["a", "b"]
    assert capsys.readouterr().err == "paying: 1 of 2\npaying: 2 of 2\n"


def test_status_of_nothing_names_its_options(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--config", config]) == 2
    assert "Give --receipt, --of or --of-core" in capsys.readouterr().err


@pytest.mark.parametrize("payment", [["--file"], ["--msisdn", "0712345678", "--amount", "5"]])
def test_it_is_told_where_no_result_can_come(
    config: str, file: Path, payment: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Path(config)
    command = ["pay", "--config", config, "--yes", *payment, *([str(file)] if payment == ["--file"] else [])]
    assert run(command) == 0
    assert "no result will reach us" not in capsys.readouterr().err
    lines = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if not line.startswith("result_url")))
    assert run(command) == 0
    assert "no result will reach us; set result_url, or ask with mpesa-cbp query" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [["--amount", "5"], ["--msisdn", "0712345678"], ["--conversation-id", "x"], ["--command", "BusinessPayBill"]],
)
def test_options_of_a_single_payment_do_not_go_with_a_file(config: str, file: Path, more: list[str]) -> None:
    assert run(["pay", "--config", config, "--file", str(file), "--yes", *more]) == 2


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_finishes_what_is_under_way_and_the_same_command_goes_on(
    simulator: Simulator, config: str, file: Path, interruption: signal.Signals
) -> None:
    command = [sys.executable, "-m", "mpesa_cbp_service", "pay", "--config", config, "--file", str(file), "--yes"]
    child = subprocess.Popen(
        [*command, "--threads", "1", "--rate", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    simulator.wait_for(lambda step: step.number == 2, timeout=60)
    os.kill(child.pid, interruption)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    assert out.count("not-sent:") == 1
    assert "-6 not-sent: this run did not come to them; run the same file again" in out
    assert run(["pay", "--config", config, "--file", str(file), "--yes"]) == 0
    assert requests_seen(simulator) == 5


def test_two_processes_at_once_share_the_lines_and_neither_calls_the_other_s_unknown(
    simulator: Simulator, config: str, tmp_path: Path
) -> None:
    file, settings = tmp_path / "payroll.csv", Path(config)
    file.write_text(HEAD + "".join(f"2547123{n:05},10,E{n},\n" for n in range(24)))
    settings.write_text(settings.read_text().replace("read_timeout = 5", "read_timeout = 60"))
    command = [sys.executable, "-m", "mpesa_cbp_service", "pay", "--config", config, "--file", str(file), "--yes"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([*command, "--threads", "2", "--rate", "1000"], **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for child in children:
        out, err = child.communicate(timeout=120)
        assert "unknown" not in out + err
        # What the other one is still sending after the patience of this one is told as that.
        assert child.returncode == (4 if "under-way" in out else 0), out + err
    assert requests_seen(simulator) == 24


def test_process_that_finds_another_one_sending_says_so_exits_with_4_and_later_with_0(
    config: str, simulator: Simulator, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = threading.Event()
    file.write_text(HEAD + "0712345678,100,E0,\n")
    with FailingBroker(accepts_once_released(heard)) as broker:
        settings = Path(config)
        text = settings.read_text().replace(simulator.url, broker.url())
        settings.write_text(text.replace("read_timeout = 5", "read_timeout = 60"))
        arguments = ["pay", "--config", config, "--file", str(file), "--yes"]
        with subprocess.Popen(
            [sys.executable, "-m", "mpesa_cbp_service", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as other:
            assert heard.wait(60)
            assert run([*arguments, "--patience", "0"]) == 4
            output = capsys.readouterr()
            assert "known from an earlier run: 1 under-way" in output.err
            assert "line 2 [E0] under-way: Another run took it up at" in output.out
            broker.released.set()
            assert other.wait(60) == 0
        assert run(arguments) == 0
        assert broker.complete_requests == 1
