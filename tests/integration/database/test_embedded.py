"""The embedded server's life: started once, found again, surviving what kills it, stopped when asked."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ekiden.database import embedded, postmaster
from ekiden.database.embedded import EmbeddedServer
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.server_options import server_options
from tests.conftest import open_folder

ENSURE_RUNNING = (
    # tests that a shell runs in the background ignore Ctrl-C, and hand that on
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "import sys; from pathlib import Path; from ekiden.database.embedded import EmbeddedServer; "
    "print(EmbeddedServer(Path(sys.argv[1])).ensure_running(), flush=True); sys.stdin.read()"
)
"""A process that makes the server run, says where, and then lives until it is told to go."""


@pytest.fixture(scope="module")
def initialised_home() -> Iterator[Path]:
    """A stopped server's home, to copy from: making one takes longer than most tests here."""
    with open_folder() as folder:
        server = hasty_server(folder / "home")
        server.ensure_running()
        server.stop()
        yield folder / "home"


@pytest.fixture
def home(initialised_home: Path, server_home: Path) -> Path:
    """The home of a server that ran before and is stopped now."""
    shutil.copytree(initialised_home, server_home)
    return server_home


def hasty_server(home: Path) -> EmbeddedServer:
    """A server that does not wait for the disk, where the test is not about what the disk keeps."""
    return EmbeddedServer(home, durable=False)


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", ENSURE_RUNNING, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill_server(server: EmbeddedServer) -> int:
    process_id = server.status().process_id
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    return process_id


def write_rows(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists rows (number int)")
        connection.execute("insert into rows select generate_series(1, %s)", [count])


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("select count(*) from rows").fetchone()[0]


def wait_until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def test_before_the_first_start_asking_and_stopping_change_nothing(server_home: Path):
    server = hasty_server(server_home)

    assert not server.status().running
    assert server.stop() is False
    assert not server_home.exists()


def test_a_first_start_gives_a_durable_utf8_server_that_asks_for_its_password(server_home: Path):
    url = EmbeddedServer(server_home).ensure_running()

    with psycopg.connect(url) as connection:
        shown = {
            name: connection.execute(f"show {name}").fetchone()[0]
            for name in ("server_encoding", "fsync", "full_page_writes", "listen_addresses", "timezone")
        }
        lower = connection.execute("select lower('ÄÉ') || ' 駅伝'").fetchone()[0]
    assert shown == {
        "server_encoding": "UTF8",
        "fsync": "on",
        "full_page_writes": "on",
        "listen_addresses": "127.0.0.1",
        "timezone": "UTC",
    }
    assert lower == "äé 駅伝"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, password="guessed")
    assert (server_home / "password").stat().st_mode & 0o077 == 0
    assert EmbeddedServer(server_home).status().running


def test_a_second_process_uses_the_same_server_which_outlives_the_first(home: Path):
    with another_process(home) as first:
        url = first_line(first)
        with another_process(home) as second:
            assert first_line(second) == url
        os.killpg(first.pid, signal.SIGINT)  # Ctrl-C reaches all that a terminal started, but not the server
        first.wait()

    assert hasty_server(home).status().running
    assert hasty_server(home).ensure_running() == url


def test_four_processes_that_start_it_for_the_first_time_at_once_agree_on_one_server(server_home: Path):
    with (
        another_process(server_home) as one,
        another_process(server_home) as two,
        another_process(server_home) as three,
        another_process(server_home) as four,
    ):
        urls = {first_line(process) for process in (one, two, three, four)}

    assert len(urls) == 1
    assert urls.pop().startswith("postgresql://")


def test_after_kill_9_of_the_server_every_committed_row_is_there_again(home: Path):
    server = EmbeddedServer(home)
    url = server.ensure_running()
    write_rows(url, 50_000)
    open_transaction = psycopg.connect(url)
    open_transaction.execute("insert into rows values (0)")
    kill_server(server)

    with ThreadPoolExecutor() as threads:
        urls = set(threads.map(lambda _: EmbeddedServer(home).ensure_running(), range(4)))

    assert len(urls) == 1
    assert count_rows(urls.pop()) == 50_000


def test_a_server_killed_while_its_sessions_are_busy_comes_back(home: Path):
    server = hasty_server(home)
    url = server.ensure_running()
    write_rows(url, 10)
    busy = psycopg.connect(url, autocommit=True)
    with ThreadPoolExecutor() as threads:
        # a session that computes does not notice at once that its server is gone, and keeps the shared memory
        query = threads.submit(busy.execute, "select count(*) from generate_series(1, 8000000)")
        time.sleep(0.3)
        kill_server(server)

        assert count_rows(server.ensure_running()) == 10
        query.exception()


def test_kill_9_of_a_client_leaves_server_and_other_clients_alone(home: Path):
    with another_process(home) as client:
        url = first_line(client)
        write_rows(url, 5)
        other = psycopg.connect(url)
        client.kill()
        client.wait()

    assert other.execute("select count(*) from rows").fetchone()[0] == 5
    assert hasty_server(home).ensure_running() == url


def test_a_stale_pid_file_that_names_a_foreign_live_process_is_not_believed(home: Path):
    server = hasty_server(home)
    url = server.ensure_running()
    write_rows(url, 7)
    pid_file = server.status().data_folder / "postmaster.pid"
    left_behind = pid_file.read_text().splitlines()
    kill_server(server)
    with subprocess.Popen(["sleep", "60"]) as foreign:
        try:
            pid_file.write_text("\n".join([str(foreign.pid), *left_behind[1:]]) + "\n")

            assert not server.status().running
            assert server.stop() is False
            assert count_rows(server.ensure_running()) == 7
            assert foreign.poll() is None
        finally:
            foreign.kill()


def test_an_empty_or_broken_pid_file_is_not_believed(home: Path):
    server = hasty_server(home)
    server.ensure_running()
    kill_server(server)
    for content in ("", "駅伝\n", "0\n", "99999999999999\n"):
        (server.status().data_folder / "postmaster.pid").write_text(content)
        assert not server.status().running

    assert server.ensure_running().startswith("postgresql://")


def test_from_another_container_no_second_server_is_started_on_the_same_data(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    server = hasty_server(home)
    write_rows(server.ensure_running(), 3)
    process_id = server.status().process_id
    with monkeypatch.context() as elsewhere:
        # neither its processes nor its port are there
        elsewhere.setattr(postmaster, "_command_line", lambda _: [])
        elsewhere.setattr(embedded, "LEAVING_ATTEMPTS", 2)
        with pytest.raises(DatabaseUnavailable, match="If another container shares this folder"):
            server.ensure_running()

    assert server.status().process_id == process_id
    assert count_rows(server.ensure_running()) == 3


def test_stop_really_stops_and_the_data_is_there_at_the_next_start(home: Path):
    server = hasty_server(home)
    url = server.ensure_running()
    write_rows(url, 3)
    session = psycopg.connect(url)  # an open session does not delay it

    assert server.stop() is True

    assert not server.status().running
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert server.stop() is False
    assert server.ensure_running() == url  # the port is remembered
    assert count_rows(url) == 3
    session.close()


def test_if_its_port_was_taken_meanwhile_it_takes_another(home: Path):
    server = hasty_server(home)
    server.ensure_running()
    port = server.status().port
    server.stop()
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", port))
        somebody.listen()

        url = server.ensure_running()

        assert server.status().port != port
    assert server.ensure_running() == url


def test_an_interrupted_initialisation_is_done_again(server_home: Path):
    with another_process(server_home) as process:
        wait_until(lambda: list(server_home.glob("initialising.*/data/base")))
        process.kill()
    assert not (server_home / "data").exists()

    write_rows(hasty_server(server_home).ensure_running(), 1)


def test_two_homes_run_side_by_side_even_if_one_is_a_copy_of_the_other(home: Path):
    copied_home = home.with_name("copy")
    shutil.copytree(home, copied_home)  # same remembered port, same password
    original, copy = hasty_server(home), hasty_server(copied_home)
    try:
        write_rows(original.ensure_running(), 1)
        write_rows(copy.ensure_running(), 2)

        assert original.status().port != copy.status().port
        assert original.stop() is True
        assert not original.status().running
        assert count_rows(copy.ensure_running()) == 2
        assert count_rows(original.ensure_running()) == 1
    finally:
        copy.stop()


def test_a_home_reached_by_another_name_is_the_same_server(home: Path):
    url = hasty_server(home).ensure_running()
    link = home.with_name("link")
    link.symlink_to(home)

    assert hasty_server(link).ensure_running() == url


def test_a_full_server_is_a_running_one(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "ekiden.database.embedded.server_options",
        lambda port, durable: server_options(port, durable=durable) | {"max_connections": "20"},
    )
    server = hasty_server(home)
    url = server.ensure_running()
    sessions = []
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        while True:
            sessions.append(psycopg.connect(url))

    assert server.ensure_running() == url
    for session in sessions:
        session.close()


def test_a_lost_password_and_a_data_folder_of_another_version_are_explained(home: Path):
    server = hasty_server(home)
    server.ensure_running()
    password = (home / "password").read_text()

    (home / "password").write_text("another")
    with pytest.raises(DatabaseUnavailable, match="does not accept the password in"):
        server.ensure_running()
    (home / "password").unlink()
    with pytest.raises(DatabaseUnavailable, match="password is missing"):
        server.ensure_running()
    (home / "password").write_text(password)
    server.stop()

    version_file = home / "data" / "PG_VERSION"
    version = version_file.read_text()
    version_file.write_text("9\n")
    with pytest.raises(DatabaseUnavailable, match="made by PostgreSQL 9"):
        server.ensure_running()
    version_file.write_text(version)


def test_a_server_that_cannot_start_says_why(home: Path):
    server = hasty_server(home)
    server.ensure_running()
    server.stop()
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write("\nno_such_setting = 1\n")

    with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
        server.ensure_running()
