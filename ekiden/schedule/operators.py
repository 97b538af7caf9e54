"""What operators do to rows: release, hold, complete, block, retry, reopen, delete (R-240a to R-241e).

Single or by filter, the same code for the command line and for Dagster's jobs. Every action needs an actor, happens in
one transaction and is refused whole where it would touch more rows than its limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from ekiden.database.statements import statement
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.settings import Settings

DEFAULT_LIMIT = 1000
"""Rows an action may touch unless its limit is raised knowingly: a slip of the filter must not empty a ledger."""


@dataclass(frozen=True)
class OperatorReport:
    """How many rows matched and how many changed; the rest were not in a state the action applies to."""

    run_id: UUID
    matched: int
    changed: int


class TooManyRows(ValueError):
    """More rows match than the limit allows; nothing was changed."""

    def __init__(self, matched: int, limit: int) -> None:
        super().__init__(f"{matched} rows match, more than the limit of {limit}; narrow the filter or raise the limit")
        self.matched = matched
        self.limit = limit


class ReasonRequired(ValueError):
    """The action cannot be done without saying why."""


def release(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T3: held rows become ready, at today's step time if that is still ahead, else now (R-241a, R-241b)."""
    return _act(connection, "release", row_filter, **options)


def hold(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T4: ready rows wait for a person."""
    return _act(connection, "hold", row_filter, **options)


def complete(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T12: rows are ended by hand; no next row is born and the enrolment stops (R-114)."""
    return _act(connection, "complete", row_filter, exit_reason="manual_complete", **options)


def block(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T13: do not deliver; the customer never enters this scenario again (R-053, R-240e)."""
    return _act(connection, "block", row_filter, exit_reason="blocked", **options)


def retry(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T10: failed rows become ready at once; a row fails only where it is certain that nothing was sent."""
    return _act(connection, "retry", row_filter, **options)


def reopen(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T14: blocked rows go back under release control; a reason is required (Q-14)."""
    if not options.get("reason"):
        raise ReasonRequired("a blocked row is reopened only with a reason")
    return _act(connection, "reopen", row_filter, after=_reactivate, **options)


def delete(connection: Connection[Any], row_filter: RowFilter, **options: Any) -> OperatorReport:
    """T16: rows are deleted softly; an enrolment left without rows may be entered again (R-119)."""
    return _act(connection, "delete", row_filter, after=_remove_empty_enrolments, **options)


def _act(
    connection: Connection[Any],
    action: str,
    row_filter: RowFilter,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    limit: int = DEFAULT_LIMIT,
    reason: str | None = None,
    exit_reason: str | None = None,
    after: Callable[[Connection[Any], list[int], datetime], None] | None = None,
) -> OperatorReport:
    with connection.transaction():
        run_id = start_run(connection, "operate", "operator", context, now=now)
        with acting(connection, "operator", context, run_id, now=now):
            matched = _matching(connection, row_filter, limit)
            changed = connection.execute(
                statement(__file__, action),
                {
                    "rows": matched,
                    "now": now,
                    "actor": context.actor,
                    "reason": reason,
                    "time_zone": settings.time_zone,
                },
            ).fetchall()
            enrolments = [enrolment_id for (enrolment_id,) in changed]
            if exit_reason:
                connection.execute(
                    statement(__file__, "end_enrolments"),
                    {"enrolments": enrolments, "exit_reason": exit_reason, "now": now},
                )
            if after:
                after(connection, enrolments, now)
            summary = {"action": action, "matched": len(matched), "changed": len(changed), "reason": reason}
            finish_run(connection, run_id, now=now, summary=dict(summary))
    return OperatorReport(run_id, len(matched), len(changed))


def _matching(connection: Connection[Any], row_filter: RowFilter, limit: int) -> list[int]:
    query = sql.SQL("select schedule_row_id from outreach.operator_rows where {condition} limit {limit}")
    rows = connection.execute(query.format(condition=row_filter.condition(), limit=limit + 1)).fetchall()
    if len(rows) > limit:
        counted = sql.SQL("select count(*) from outreach.operator_rows where {condition}")
        total = connection.execute(counted.format(condition=row_filter.condition())).fetchone()
        raise TooManyRows(total[0] if total else len(rows), limit)
    return [row_id for (row_id,) in rows]


def _reactivate(connection: Connection[Any], enrolments: list[int], now: datetime) -> None:
    connection.execute(statement(__file__, "reactivate_enrolments"), {"enrolments": enrolments, "now": now})


def _remove_empty_enrolments(connection: Connection[Any], enrolments: list[int], now: datetime) -> None:
    connection.execute(statement(__file__, "remove_empty_enrolments"), {"enrolments": enrolments, "now": now})
