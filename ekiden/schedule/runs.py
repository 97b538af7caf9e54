"""Runs of the ledger: who acts, as what, when, and how it ended.

Every change of the ledger happens inside `acting`; the database refuses a transition without an actor. Does
not belong here: what a run does, and what is kept of that (`run_summaries`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from ekiden.database.statements import statement
from ekiden.schedule.run_summaries import RunSummary

ActorKind = Literal["materialiser", "dispatcher", "exporter", "operator"]
RunKind = Literal["plan", "send", "export", "operate", "reconcile"]


@dataclass(frozen=True)
class RunContext:
    """On whose behalf something runs: a person or a schedule, and the Dagster run, where there is one."""

    actor: str
    dagster_run_id: str | None = None
    git_revision: str | None = None


def start_run(
    connection: Connection[Any],
    kind: RunKind,
    actor_kind: ActorKind,
    context: RunContext,
    *,
    now: datetime,
    first_day: date | None = None,
    last_day: date | None = None,
) -> UUID:
    """Record that a run begins and return its id, within the caller's transaction; `ValueError` without an actor."""
    if not context.actor.strip():
        raise ValueError("an action on the ledger needs an actor: say who you are")
    run_id = uuid4()
    connection.execute(
        statement(__file__, "begin_run"),
        {
            "run_id": run_id,
            "kind": kind,
            "first_day": first_day,
            "last_day": last_day,
            "actor_kind": actor_kind,
            "actor": context.actor,
            "dagster_run_id": context.dagster_run_id,
            "git_revision": context.git_revision,
            "now": now,
        },
    )
    return run_id


def finish_run(
    connection: Connection[Any], run_id: UUID, *, now: datetime, summary: RunSummary, succeeded: bool = True
) -> None:
    """Record how a run ended, within the caller's transaction."""
    outcome = "succeeded" if succeeded else "failed"
    connection.execute(
        statement(__file__, "finish_run"),
        {"run_id": run_id, "outcome": outcome, "summary": Jsonb(summary.as_json()), "now": now},
    )


@contextmanager
def acting(
    connection: Connection[Any], actor_kind: ActorKind, context: RunContext, run_id: UUID, *, now: datetime
) -> Iterator[None]:
    """Open a transaction in which the ledger's transitions are this actor's, at `now` (an aware datetime).

    It is on disk when it is committed, also where the server does not promise that by itself: a message's claim must
    survive a crash once the message is posted. Inside a transaction of the caller's it joins that one. The connection
    must be in autocommit mode, or the transaction would stay open when the block ends: `ValueError`.
    """
    if not connection.autocommit:
        raise ValueError("the ledger's connections are in autocommit mode: connect(settings, autocommit=True)")
    with connection.transaction():
        connection.execute(
            statement(__file__, "act_as"),
            {"actor_kind": actor_kind, "actor": context.actor, "run_id": str(run_id), "now": now.isoformat()},
        )
        yield


def wait_for_plans(connection: Connection[Any]) -> None:
    """Wait until nobody plans, and keep planners waiting until the caller's transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtext('ekiden.plan'))")
