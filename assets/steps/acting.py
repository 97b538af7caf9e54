"""On whose behalf a Dagster run changes the ledger.

Belongs here: the run's tags read as an actor, and a connection for one step. Does not belong here: the ledger.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster import AssetExecutionContext, OpExecutionContext
from psycopg import Connection

from assets.steps.termination import ends_at_once
from ekiden.database.connection import connect
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.warehouse.revision import git_revision

STARTERS = {
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    "dagster/backfill": "backfill",
}
"""The tags by which Dagster says who started a run; none of them: a person, in the UI or a terminal."""


PARENT_TAG = "dagster/parent_run_id"
"""Of a run that is done again, with all tags of the first; a person does so, as `dagster.yaml` asks for no retries."""

ACTOR_TAG = "ekiden/actor"
"""The tag by which whoever starts a run may say who they are."""


@contextmanager
def ledger(settings: Settings) -> Iterator[Connection[Any]]:
    """Yield a step's connection in autocommit mode; raises `DatabaseUnavailable`.

    A run that is terminated meanwhile ends as cancelled, its statement with it: else the server would go on with that
    and keep its locks, and the connection be of no use to whoever records how the run ended.
    """
    with ends_at_once(), connect(settings, autocommit=True) as connection:
        yield connection


def run_context(context: AssetExecutionContext | OpExecutionContext, *, actor: str | None = None) -> RunContext:
    """Return who acts in this run: `actor` where a person said so, None where what started the run acts.

    Raises `ValueError` for an actor that is blank: a field that asks for a name was left empty.
    """
    if actor is not None and not actor.strip():
        raise ValueError("actor: say who you are; it is kept with what you do")
    return RunContext(
        actor=starter(context.run.tags) if actor is None else actor,
        dagster_run_id=context.run_id,
        git_revision=git_revision(),
    )


def starter(tags: Mapping[str, str]) -> str:
    """Return who or what started a run with these tags, like "schedule plan_day"."""
    if ACTOR_TAG in tags:
        return tags[ACTOR_TAG]
    tag = starting_tag(tags)
    return f"{STARTERS[tag]} {tags[tag]}" if tag else "dagster user"


def starting_tag(tags: Mapping[str, str]) -> str | None:
    """Return which of `STARTERS` says what started a run with these tags, None where a person did, or did it again."""
    return None if PARENT_TAG in tags else next((tag for tag in STARTERS if tag in tags), None)
