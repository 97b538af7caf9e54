"""Fixtures every test may use: a real PostgreSQL, and settings that point at a fresh migrated database of it.

Belongs here: only what several folders of tests share.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import psycopg
import pytest
from pydantic import SecretStr

from ekiden.database.connection import DAGSTER_SUFFIX, connect
from ekiden.database.embedded import EmbeddedServer
from ekiden.database.migrations import migrate
from ekiden.settings import Settings
from ekiden.warehouse import dbt
from tests import dbt_server
from tests.sharing_out import BySharedBuild, longest_first

# before any other module takes the name
dbt.dbt_executable = dbt_server.executable

# what a test's own settings leave open: the same examples in every run, so that a red run is the change's own doing,
# and no limit of time, which a busy machine would exceed
hypothesis.settings.register_profile(
    "same everywhere",
    deadline=None,
    derandomize="EKIDEN_PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same everywhere")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedBuild | None:
    """Share the tests out by file or folder where files are asked for."""
    return BySharedBuild(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.fixture
def server_home() -> Iterator[Path]:
    """A folder, awkwardly named, for an embedded server of the test's own, which is stopped at its end."""
    with open_folder() as folder:
        home = folder / "駅伝 home's"
        yield home
        EmbeddedServer(home).stop()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The session's server: that of `EKIDEN_TEST_DATABASE_URL`, or an embedded one stopped at the end."""
    if given := os.environ.get("EKIDEN_TEST_DATABASE_URL"):
        yield given
        return
    with open_folder() as folder:
        # nothing here outlives the session, so nothing needs to survive a power failure
        server = EmbeddedServer(folder / "postgres", durable=False)
        try:
            yield server.ensure_running()
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """The name of a migrated database that tests' databases are copied from."""
    name = f"ekiden_template_{secrets.token_hex(4)}"
    url = database_in(server_url, name)
    migrate(Settings(home=Path(tempfile.gettempdir()), database_url=SecretStr(url)))
    yield name
    drop_database(server_url, name)


@pytest.fixture
def settings(
    server_url: str, template_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings with a home and a migrated database of this test's own, untouched by the environment's."""
    for variable in os.environ:
        if variable.startswith("EKIDEN_"):
            monkeypatch.delenv(variable)
    name = f"ekiden_test_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        # half the work of the usual way, whose log nobody reads here
        connection.execute(f'create database "{name}" template "{template_database}" strategy file_copy')
    yield Settings(home=tmp_path / "home", database_url=SecretStr(database_in(server_url, name)))
    drop_database(server_url, name)
    drop_database(server_url, name + DAGSTER_SUFFIX)


@pytest.fixture
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    """An open connection to the test's database."""
    with connect(settings) as connection:
        yield connection


def database_in(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        # by force: a failed test may leave sessions
        connection.execute(f'drop database if exists "{name}" with (force)')


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account may pass through, removed at the end.

    `tmp_path` is none: pytest closes it to the account that runs PostgreSQL for root.
    """
    path = Path(tempfile.mkdtemp(prefix="ekiden-tests-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
