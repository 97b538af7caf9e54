"""What a command works with: the settings, a migrated database and the person at the terminal."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

import psycopg
import typer

from ekiden.database.connection import connect
from ekiden.database.migrations import migrate
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.warehouse.revision import git_revision

ActorOption = Annotated[
    str | None, typer.Option(help="Who acts; kept with every change. Default: EKIDEN_ACTOR or your user name.")
]


def day(given: datetime | None) -> date | None:
    """Return an option's date; typer reads dates as datetimes."""
    return given.date() if given else None


@contextmanager
def ledger(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to the migrated database."""
    migrate(settings)
    with connect(settings, autocommit=True) as connection:
        yield connection


def acting_as(actor: str | None) -> RunContext:
    """Return on whose behalf a command runs."""
    name = (actor or who_is_here()).strip()
    if not name:
        raise typer.BadParameter("say who acts: --actor NAME, or EKIDEN_ACTOR")
    return RunContext(name, git_revision=git_revision())


def who_is_here() -> str:
    """Return who is at the terminal, by EKIDEN_ACTOR or the user's name; empty where nobody knows."""
    return (os.environ.get("EKIDEN_ACTOR") or _user_name()).strip()


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""
