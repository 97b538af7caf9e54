import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ekiden.database.errors import DatabaseUnavailable
from ekiden.settings import Settings
from orchestration import up
from orchestration.stop_signals import StopRequested, stop_signals
from orchestration.up import PortTaken, check_port, run
from tests.loopback import Handler, LoopbackServer, serving

PATIENCE = 60.0  # seconds for a process that imports Dagster; two on a quiet machine


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .*--port or EKIDEN_PORT"):
            check_port("127.0.0.1", port)


def test_a_free_port_is_fine() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    check_port("127.0.0.1", port)


def test_a_deployment_is_served_once_and_the_second_attempt_stops_nothing(tmp_path, capsys) -> None:
    with (tmp_path / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(Settings(home=tmp_path), port=0, host="127.0.0.1") == 1
    captured = capsys.readouterr()
    assert "being served already" in captured.err
    assert "stopped" not in captured.out


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused_with_the_way_out(host) -> None:
    with pytest.raises(PortTaken, match=rf"{host} is no address .*--host or EKIDEN_HOST"):
        check_port(host, 3000)


def test_a_signal_while_a_failure_is_cleaned_up_cuts_nothing_short(tmp_path, monkeypatch, capsys) -> None:
    stopped = []

    class Server:
        def stop(self) -> bool:
            os.kill(os.getpid(), signal.SIGTERM)
            stopped.append("whole")
            return True

    def fail(_settings: Settings) -> None:
        raise DatabaseUnavailable("no database today")

    monkeypatch.setattr(up, "migrate", fail)
    monkeypatch.setattr(up, "embedded_server", lambda _settings: Server())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert run(Settings(home=tmp_path), port=port, host="127.0.0.1") == 1
    assert stopped == ["whole"]
    assert "no database today" in capsys.readouterr().err


def test_senders_that_cannot_run_are_refused_with_the_way_out_before_anything_is_started(
    tmp_path, monkeypatch, capsys
) -> None:
    def fail(_settings: Settings) -> None:
        raise DatabaseUnavailable("it was started")

    monkeypatch.setattr(up, "migrate", fail)
    monkeypatch.setattr(up, "embedded_server", lambda _settings: None)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert run(Settings(home=tmp_path, send_executor="celery"), port=port, host="127.0.0.1") == 1
    said = capsys.readouterr().err
    assert "set EKIDEN_CELERY_BROKER" in said
    assert "it was started" not in said


def test_who_started_it_with_nohup_may_leave() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(StopRequested), stop_signals():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_home_that_cannot_be_made_is_refused_with_the_way_out(tmp_path, capsys) -> None:
    (tmp_path / "file").touch()
    assert run(Settings(home=tmp_path / "file" / "home"), port=0, host="127.0.0.1") == 1
    assert "set EKIDEN_HOME" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone tells who started a process has gone")
def test_what_it_started_ends_with_it_also_where_it_is_killed(tmp_path) -> None:
    start = (
        "import os, sys, time; from pathlib import Path; from orchestration.up import _start; "
        "_start('child', ['http.server', '--bind', '127.0.0.1', '0'], os.environ, Path(sys.argv[1])); time.sleep(600)"
    )
    log = tmp_path / "child.log"
    parent = subprocess.Popen([sys.executable, "-c", start, tmp_path], env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        wait_for("Serving HTTP", log)
    finally:
        parent.kill()
        parent.wait()
    wait_for("Keyboard interrupt", log)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "localhost"), ("::1", "[::1]"), ("shop.example", "shop.example")]
)
def test_the_address_that_is_shown_is_one_that_a_browser_takes(host, shown) -> None:
    assert up._shown(host) == shown


def wait_for(words: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (log.exists() and words in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_webserver_that_takes_orders_by_get_is_not_served() -> None:
    class Unguarded(Handler):
        def do_GET(self) -> None:
            self.answer(200, b"{}")

    with serving(LoopbackServer(Unguarded)) as server, pytest.raises(up.Unguarded, match=r"requirements\.lock"):
        up._wait_until_it_answers(server.url, [])
