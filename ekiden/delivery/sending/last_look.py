"""The last look before the claim: the next due rows, locked, and what is said of them.

Within one transaction of the caller's: rows are locked, judged against live facts, and either cancelled (T15), held
(T5) or left to be claimed (T6, `claims`) in the same transaction. Belongs here: whether a row's time is still right and
nothing has stopped it, for messages and lists alike. Does not belong here: whether its customer may be written to, and
where (`compose`, `consent.objections`), what a list locks (`lists.export`), or the stops that a plan looks for
(`ekiden.schedule.planning.stops`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, TypeVar

from psycopg import Connection, sql

from ekiden.database.arrays import as_array
from ekiden.database.rows import by_column
from ekiden.database.statements import qualified, statement
from ekiden.schedule.unanswered import asking, refuse_what_was_left_out
from ekiden.settings import Settings


@dataclass(frozen=True)
class DueRow:
    """A ready row whose time has come, with what is judged: the columns of `judged_columns`."""

    schedule_row_id: int
    enrolment_id: int
    scenario_version_id: int
    customer_id: str
    anchor_kind: str
    anchor_key: str
    due_since: datetime
    was_released: bool
    is_force_stopped: bool
    is_active: bool
    max_lateness: timedelta | None
    """How late it may go, by its scenario; None: as the deployment has it."""
    relation_name: str
    live_function: str | None


Row = TypeVar("Row", bound=DueRow)

NOBODY_LEFT: Mapping[int, datetime | None] = MappingProxyType({})


class Verdict(Enum):
    """What the last look before the claim says of a row."""

    CLAIM = auto()
    FORCE_STOPPED = auto()
    STOPPED = auto()
    LATE = auto()
    LEAVE = auto()


@dataclass(frozen=True)
class Look:
    """One batch: how many rows were looked at, which may go out, and what became of the others."""

    looked_at: int
    rows: tuple[int, ...]
    cancelled: int
    held: int


def judge(row: DueRow, *, stopped: bool, now: datetime, max_lateness: timedelta | None) -> Verdict:
    """Return what to do with a due row; the checks in the glossary's order, a limit reached exactly still passes.

    `max_lateness`: the deployment's, for rows whose scenario has none of its own; None: no row is too late.
    """
    if row.is_force_stopped:
        return Verdict.FORCE_STOPPED
    if not row.is_active:
        return Verdict.LEAVE
    if stopped:
        return Verdict.STOPPED
    if max_lateness is None or row.was_released or now - row.due_since <= (row.max_lateness or max_lateness):
        return Verdict.CLAIM
    return Verdict.LATE


def judged_columns() -> sql.SQL:
    """Return a query for the columns of a `DueRow`: a part of queries that have `rows` and their `scenarios`."""
    return statement(__file__, "judged_columns")


def look_at_due(
    connection: Connection[Any],
    *,
    step_channels: Sequence[str],
    now: datetime,
    settings: Settings,
    batch_size: int | None = None,
    due_date: date | None = None,
    broken_contents: Sequence[str] = (),
) -> Look:
    """Lock the next batch in the caller's transaction, cancel and hold what may not go out; return what became of it.

    It has as many rows as the settings say, and no more than `batch_size` where that is given. Nothing looked at means
    nothing is due, or that it is paused. Rows of `broken_contents` are left alone: nobody is skipped for a slip in a
    template. Raises `Unanswered` where a version cannot be asked whether to stop.
    """
    most = min(settings.claim_batch_size, batch_size or settings.claim_batch_size)
    due = _lock_due(connection, now, step_channels, most, due_date, broken_contents)
    verdicts = judge_and_cancel(connection, due, now=now, max_lateness=settings.max_lateness)
    if late := verdicts[Verdict.LATE]:
        connection.execute(statement(__file__, "hold_late"), {"rows": _ids(late), "now": now})
    return Look(
        looked_at=len(due) - len(verdicts[Verdict.LEAVE]),
        rows=tuple(_ids(verdicts[Verdict.CLAIM])),
        cancelled=len(verdicts[Verdict.FORCE_STOPPED]) + len(verdicts[Verdict.STOPPED]),
        held=len(verdicts[Verdict.LATE]),
    )


def judge_and_cancel(
    connection: Connection[Any], rows: Sequence[Row], *, now: datetime, max_lateness: timedelta | None
) -> Mapping[Verdict, list[Row]]:
    """Cancel what is stopped of locked rows, within the caller's transaction; return all, in their order, by verdict.

    `max_lateness` as `judge` has it. Every verdict is there, if only with no rows. Raises `Unanswered` where a version
    cannot be asked whether to stop.
    """
    stopped = stopped_now(connection, rows, now)
    verdicts: dict[Verdict, list[Row]] = {verdict: [] for verdict in Verdict}
    for row in rows:
        has_stopped = row.schedule_row_id in stopped
        verdicts[judge(row, stopped=has_stopped, now=now, max_lateness=max_lateness)].append(row)
    cancel(connection, verdicts[Verdict.FORCE_STOPPED], "force_stopped", now)
    cancel(connection, verdicts[Verdict.STOPPED], "stop_condition", now, left_at=stopped)
    return verdicts


def _lock_due(
    connection: Connection[Any],
    now: datetime,
    step_channels: Sequence[str],
    batch_size: int,
    due_date: date | None,
    broken_contents: Sequence[str],
) -> list[DueRow]:
    with connection.cursor(row_factory=by_column(DueRow)) as cursor:
        return cursor.execute(
            statement(__file__, "lock_due").format(judged_columns=judged_columns()),
            {
                "now": now,
                "channels": list(step_channels),
                "due_date": due_date,
                "batch_size": batch_size,
                "broken_contents": list(broken_contents),
            },
        ).fetchall()


def stopped_now(connection: Connection[Any], due: Sequence[DueRow], now: datetime) -> dict[int, datetime | None]:
    """Return the rows whose stop condition holds at this moment, each asked of its own scenario version.

    With each stands since when it holds; None where the anchor is gone.

    Raises `Unanswered` for a version that cannot be asked: what is not known to go on is not sent.
    """
    by_version: dict[int, list[DueRow]] = defaultdict(list)
    for row in due:
        by_version[row.scenario_version_id].append(row)
    stopped: dict[int, datetime | None] = {}
    for rows in by_version.values():
        live_function = rows[0].live_function
        # a model written by hand has no function: its table is as fresh as its last build
        eligibility = (
            sql.SQL("{function}(%(customers)s)").format(function=qualified(live_function))
            if live_function
            else qualified(rows[0].relation_name)
        )
        with asking(rows[0].scenario_version_id):
            if not live_function:
                refuse_what_was_left_out(connection, rows[0].scenario_version_id)
            anchors = connection.execute(
                statement(__file__, "stopped_anchors").format(eligibility=eligibility),
                {
                    "customers": as_array(row.customer_id for row in rows),
                    "anchor_kinds": as_array(row.anchor_kind for row in rows),
                    "anchor_keys": as_array(row.anchor_key for row in rows),
                    "now": now,
                },
            ).fetchall()
        for place, is_gone, left_at in anchors:
            row = rows[place - 1]
            if not is_gone or is_stopped_without_anchor(row):
                stopped[row.schedule_row_id] = left_at
    return stopped


def is_stopped_without_anchor(row: DueRow) -> bool:
    """Return whether a row is stopped whose anchor is gone.

    Leaving a segment leaves the anchor standing. Gone, it never was: a fact that reached us late says that the
    customer was not in the segment at all. Of a model written by hand only the plan, which checks its contract, says
    so: a slip in its SQL can hide every anchor.
    """
    return row.anchor_kind == "entered" and row.live_function is not None


def cancel(
    connection: Connection[Any],
    rows: Sequence[DueRow],
    reason: str,
    now: datetime,
    *,
    exit_reason: str | None = None,
    left_at: Mapping[int, datetime | None] = NOBODY_LEFT,
) -> None:
    """Cancel rows and end their enrolments (T15, E3, E4), as `exit_reason` where that is not the rows' reason (E6).

    `left_at`: since when what ends them held, by row.
    """
    if not rows:
        return
    connection.execute(statement(__file__, "cancel"), {"rows": _ids(rows), "reason": reason, "now": now})
    connection.execute(
        statement(__file__, "stop_enrolments"),
        {
            "enrolments": [row.enrolment_id for row in rows],
            "left_at": [left_at.get(row.schedule_row_id) for row in rows],
            "reason": exit_reason or reason,
            "now": now,
        },
    )


def _ids(rows: Iterable[DueRow]) -> list[int]:
    return [row.schedule_row_id for row in rows]
