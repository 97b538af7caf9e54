"""One day planned by Ekiden and undone again, with the seconds that each part took.

Belongs here: measuring `ekiden.schedule.planning.plan`. Run as a program it plans once from a standing start, as a
morning's process does. Does not belong here: what it is compared with (`day`, `growth`).
"""

from dataclasses import dataclass, field
from datetime import datetime, time
from time import perf_counter
from typing import Any

import psycopg

from ekiden.database.connection import database_url
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.benchmarks.shop import TODAY

NOW_LOCAL = time(9, 0)
CANDIDATES = "insert into pg_temp.candidates"


@dataclass(frozen=True)
class PlannedDay:
    """Seconds of the candidate statements alone and of the whole plan, and who came in, by scenario."""

    engine: float
    whole: float
    due: dict[str, list[str]]


@dataclass
class _Stopwatch:
    seconds: float = 0.0
    statements: list[str] = field(default_factory=list)


class _TimedConnection(psycopg.Connection[Any]):
    """Adds up the seconds of the statements that find candidates."""

    watch: _Stopwatch

    def execute(self, query: Any, *args: Any, **settings: Any) -> Any:
        began = perf_counter()
        cursor = super().execute(query, *args, **settings)
        text = query.as_string(self) if hasattr(query, "as_string") else str(query)
        if CANDIDATES in text:
            self.watch.seconds += perf_counter() - began
            self.watch.statements.append(text)
        return cursor


def plan_today(settings: Settings) -> PlannedDay:
    """Plan the shop's day and roll it back."""
    moment = datetime.combine(TODAY, NOW_LOCAL, settings.zone)
    watch = _Stopwatch()
    with _TimedConnection.connect(database_url(settings), autocommit=True) as connection:
        connection.watch = watch
        connection.execute("set time zone 'UTC'")
        with connection.transaction(force_rollback=True):
            began = perf_counter()
            plan(connection, TODAY, TODAY, now=moment, settings=settings, context=RunContext("benchmark"))
            whole = perf_counter() - began
            entered = connection.execute(
                "select scenario_code, array_agg(customer_id order by customer_id) from outreach.enrolments"
                " inner join outreach.scenarios using (scenario_id) group by scenario_code"
            ).fetchall()
    if not watch.statements:
        raise RuntimeError(f"no statement of the plan contains {CANDIDATES!r}: look for its new name")
    return PlannedDay(watch.seconds, whole, {code: sorted(customers) for code, customers in entered})


if __name__ == "__main__":
    plan_today(Settings())
