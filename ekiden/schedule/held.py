"""Held rows: for how long, why, and whether their customers would still be eligible now.

Belongs here: asking the scenarios' conditions about rows that exist, as sets; nothing here changes a row. Does not
belong here: what holds a row (T2 in `planning.row_creation`, T5 in `ekiden.delivery.sending.last_look`, T4 in
`operating.actions`), what the conditions mean (dbt), and expiry, which is the planner's (`planning.plan`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import qualified, statement
from ekiden.scenarios.definition import FAULTS_KEY
from ekiden.scenarios.registry import is_built
from ekiden.schedule.rows import RowFilter, RowState, created_by_run, hold_reason, rows_where, search
from ekiden.schedule.unanswered import Unanswered, asking
from ekiden.settings import Settings


class Because(StrEnum):
    """How the anchor that a row counts from stands at an instant.

    Only a stop ends what waits. That entry conditions hold no more ends nothing by itself (C-08): it is for the person
    who decides over a held row.
    """

    ENTRY_HOLDS = "entry_holds"
    ENTRY_NO_LONGER_HOLDS = "entry_no_longer_holds"
    STOP_HOLDS = "stop_holds"
    ANCHOR_GONE = "anchor_gone"
    """The order (list entry, tag, ...) is no anchor of this scenario any more, a cancelled order for one."""
    NOT_KNOWN = "not_known"
    """There is nothing to ask: the model was written by hand, and it is broken or left the project; or what the
    version's conditions read is gone."""


@dataclass(frozen=True)
class HeldRow:
    """One held row; `days_held` are local days since it was held, `still_eligible` is None where it is not known.

    `hold_reason` is one of `HoldReason`, `reason` what stands in the row: who reopened it said why in other words.
    """

    scenario_code: str
    customer_id: str
    step_no: int
    due_date: date
    days_held: int
    hold_reason: str | None
    reason: str | None
    still_eligible: bool | None
    because: Because
    held_since: datetime
    channel: str
    anchor_kind: str
    anchor_key: str
    enrolment_id: int
    schedule_row_id: int


@dataclass(frozen=True)
class EligibilityCount:
    """The rows of one scenario, step, state and hold reason: how many, of how many people, and how those stand now.

    A person with several rows, by several anchors, may stand in several ways and is counted in each.
    `longest_days` are the local days since the first of them came into this state.
    """

    scenario_code: str
    step_no: int
    state: str
    hold_reason: str | None
    rows: int
    people: int
    still_eligible: int
    entry_no_longer_holds: int
    stop_holds: int
    anchor_gone: int
    not_known: int
    longest_days: int

    @property
    def no_longer_eligible(self) -> int:
        return self.entry_no_longer_holds + self.stop_holds + self.anchor_gone


def held_rows(
    connection: Connection[Any], row_filter: RowFilter, *, now: datetime, settings: Settings, limit: int
) -> list[HeldRow]:
    """Return at most `limit` held rows that the filter admits, in the order of `search`, asked over the facts of now.

    The filter's states are ignored. For a page of rows: each scenario version is asked about its customers alone.
    """
    found = search(connection, replace(row_filter, states=(RowState.HELD,)), limit=limit)
    chosen = sql.SQL("schedule_row_id = any({rows})").format(rows=[row.schedule_row_id for row in found])
    with _asked(connection, rows_where(chosen), now=now, live=True):
        answers = {
            row_id: (since, held_for, Because(because or Because.NOT_KNOWN))
            for row_id, since, held_for, because in connection.execute(statement(__file__, "eligibility_answers"))
        }
    today = settings.local_date(now)
    rows = []
    for row in found:
        # a row that was deleted since it was found has no answer
        if row.schedule_row_id not in answers:
            continue
        since, held_for, because = answers[row.schedule_row_id]
        rows.append(
            HeldRow(
                scenario_code=row.scenario_code,
                customer_id=row.customer_id,
                step_no=row.step_no,
                due_date=row.due_date,
                # a clock that was set back must not make a hold younger than today's
                days_held=max((today - settings.local_date(since)).days, 0),
                hold_reason=held_for,
                reason=row.reason,
                still_eligible=None if because is Because.NOT_KNOWN else because is Because.ENTRY_HOLDS,
                because=because,
                held_since=since,
                channel=row.channel,
                anchor_kind=row.anchor_kind,
                anchor_key=row.anchor_key,
                enrolment_id=row.enrolment_id,
                schedule_row_id=row.schedule_row_id,
            )
        )
    return rows


def held_counts(
    connection: Connection[Any], row_filter: RowFilter, *, now: datetime, settings: Settings
) -> tuple[EligibilityCount, ...]:
    """Return all held rows that the filter admits, counted; the filter's states are ignored.

    For any number of rows: each scenario version is asked once, by its built table where that still speaks for it.
    """
    selection = replace(row_filter, states=(RowState.HELD,)).selection()
    return _counted(connection, selection, now=now, settings=settings)


def created_counts(
    connection: Connection[Any], run_id: UUID, *, now: datetime, settings: Settings
) -> tuple[EligibilityCount, ...]:
    """Return the rows that one run created, counted, whatever their state is now."""
    return _counted(connection, created_by_run(run_id), now=now, settings=settings)


def _counted(
    connection: Connection[Any], selection: sql.Composed, *, now: datetime, settings: Settings
) -> tuple[EligibilityCount, ...]:
    with (
        _asked(connection, selection, now=now, live=False),
        connection.cursor(row_factory=class_row(EligibilityCount)) as cursor,
    ):
        parameters = {"today": settings.local_date(now), "time_zone": settings.time_zone}
        return tuple(cursor.execute(statement(__file__, "eligibility_counts"), parameters).fetchall())


@contextmanager
def _asked(connection: Connection[Any], selection: sql.Composed, *, now: datetime, live: bool) -> Iterator[None]:
    """Leave the temporary tables `asked_rows` and `answers` (schedule_row_id, because) while the block lasts.

    `live`: ask over the facts of now, not as of the last build; for few customers.
    """
    with connection.transaction():
        connection.execute(statement(__file__, "asked_rows").format(selection=selection, hold_reason=hold_reason()))
        connection.execute(
            "create temporary table answers (schedule_row_id bigint primary key, because text not null) on commit drop"
        )
        connection.execute("analyze pg_temp.asked_rows")
        if is_built(connection):
            _answer(connection, now, live)
        yield
        # the transaction may be part of a longer one, which may ask again
        connection.execute("drop table pg_temp.asked_rows, pg_temp.answers")


def _answer(connection: Connection[Any], now: datetime, live: bool) -> None:
    versions = connection.execute(statement(__file__, "asked_versions"), {"faults_key": FAULTS_KEY}).fetchall()
    for version_id, relation_name, live_function, customers in versions:
        if live_function and (live or not relation_name):
            eligibility: sql.Composable = sql.SQL("{function}({customers})").format(
                function=qualified(live_function), customers=customers
            )
        elif relation_name:
            eligibility = qualified(relation_name)
        else:
            continue
        # a savepoint, after which the other versions are asked all the same; of this one nothing is known
        with suppress(Unanswered), connection.transaction(), asking(version_id):
            connection.execute(
                statement(__file__, "answer_eligibility").format(eligibility=eligibility),
                {"scenario_version_id": version_id, "now": now},
            )
