"""How long messages took from their due time to the provider's acceptance.

Belongs here: the figures of a run or of a time. Does not belong here: what a message's due time is (it stands in
`outreach.messages.due_at`, written with the message).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement


@dataclass(frozen=True)
class Latency:
    """Over a number of messages: half of them took `p50` or less, 95 of 100 `p95` or less, none longer than `longest`.

    A released row counts from its release, a retried one from its first time; an unknown one until it was known.
    """

    messages: int
    p50: timedelta
    p95: timedelta
    longest: timedelta

    def __str__(self) -> str:
        return (
            f"p50 {_seconds(self.p50)}, p95 {_seconds(self.p95)}, at most {_seconds(self.longest)}"
            f" ({self.messages:,} messages)"
        )


def latency_since(connection: Connection[Any], since: datetime) -> Latency | None:
    """Return the latency of the messages sent since an instant, None if there are none; exported lists do not count."""
    return _read(connection, since=since, run_ids=None)


def latency_of(connection: Connection[Any], run_ids: Sequence[UUID]) -> Latency | None:
    """Return the latency of the messages that these ledger runs sent, None if they sent none."""
    began = connection.execute(statement(__file__, "runs_began"), {"run_ids": list(run_ids)}).fetchone()
    if began is None or began[0] is None:
        return None
    # messages are found by their time, and a run sends nothing before it starts
    return _read(connection, since=began[0], run_ids=list(run_ids))


def _read(connection: Connection[Any], *, since: datetime, run_ids: list[UUID] | None) -> Latency | None:
    with connection.cursor(row_factory=class_row(Latency)) as cursor:
        return cursor.execute(statement(__file__, "latency"), {"since": since, "run_ids": run_ids}).fetchone()


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s"
