"""Looking at schedule rows: search, counts and summaries. Nothing here changes a row."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row


class RowState(StrEnum):
    """The states a row can be found in; deleted rows are not found."""

    READY = "ready"
    HELD = "held"
    SENDING = "sending"
    FAILED = "failed"
    SENT = "sent"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RowFilter:
    """Which rows; every given field narrows. Dates are local due dates, both ends included."""

    scenario: str | None = None
    customer: str | None = None
    step_no: int | None = None
    state: str | None = None
    reason: str | None = None
    due_from: date | None = None
    due_to: date | None = None

    def condition(self) -> sql.Composed:
        """Return the filter as an SQL condition over `outreach.operator_rows`."""
        tests = [
            sql.SQL("{column} {operator} {value}").format(
                column=sql.Identifier(column), operator=sql.SQL(operator), value=value
            )
            for column, operator, value in (
                ("scenario_code", "=", self.scenario),
                ("customer_id", "=", self.customer),
                ("step_no", "=", self.step_no),
                ("state", "=", self.state),
                ("reason", "=", self.reason),
                ("due_date", ">=", self.due_from),
                ("due_date", "<=", self.due_to),
            )
            if value is not None
        ]
        return sql.SQL(" and ").join([sql.SQL("true"), *tests])


@dataclass(frozen=True)
class ScheduleRow:
    """One schedule row as an operator sees it (`outreach.operator_rows`); instants are aware, in UTC."""

    scenario_code: str
    customer_id: str
    step_no: int
    due_date: date
    state: str
    state_ja: str
    reason: str | None
    send_at: datetime | None
    sent_at: datetime | None
    planned_send_at: datetime
    channel: str
    released_at: datetime | None
    released_by: str | None
    anchor_kind: str
    anchor_key: str
    anchor_date: date
    enrolment_state: str
    exit_reason: str | None
    scenario_version: int
    partition_date: date
    message_id: UUID
    schedule_row_id: int
    enrolment_id: int


@dataclass(frozen=True)
class RowCount:
    """How many rows one step of a scenario has in one state."""

    scenario_code: str
    step_no: int
    state: str
    rows: int


_COLUMNS = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(ScheduleRow))


def search(connection: Connection[Any], row_filter: RowFilter, *, limit: int) -> list[ScheduleRow]:
    """Return at most `limit` rows that the filter admits, by due date, scenario, customer and step."""
    query = sql.SQL(
        "select {columns} from outreach.operator_rows where {condition}"
        " order by due_date, scenario_code, customer_id, step_no limit {limit}"
    ).format(columns=_COLUMNS, condition=row_filter.condition(), limit=limit)
    with connection.cursor(row_factory=class_row(ScheduleRow)) as cursor:
        return cursor.execute(query).fetchall()


def count(connection: Connection[Any], row_filter: RowFilter) -> int:
    """Return how many rows the filter admits."""
    query = sql.SQL("select count(*) from outreach.operator_rows where {condition}")
    row = connection.execute(query.format(condition=row_filter.condition())).fetchone()
    assert row is not None
    return int(row[0])


def summary(connection: Connection[Any], row_filter: RowFilter | None = None) -> tuple[RowCount, ...]:
    """Return the rows that the filter admits, counted by scenario, step and state (R-220)."""
    return _counted(connection, (row_filter or RowFilter()).condition())


def created_by(connection: Connection[Any], run_id: UUID) -> tuple[RowCount, ...]:
    """Return what one run created, counted by scenario, step and the state the rows have now."""
    condition = sql.SQL(
        "schedule_row_id in (select schedule_row_id from outreach.schedule_rows where run_id = {run_id})"
    )
    return _counted(connection, condition.format(run_id=run_id))


def _counted(connection: Connection[Any], condition: sql.Composed) -> tuple[RowCount, ...]:
    query = sql.SQL(
        "select scenario_code, step_no, state, count(*) as rows from outreach.operator_rows where {condition}"
        " group by scenario_code, step_no, state order by scenario_code, step_no, state"
    ).format(condition=condition)
    with connection.cursor(row_factory=class_row(RowCount)) as cursor:
        return tuple(cursor.execute(query).fetchall())
