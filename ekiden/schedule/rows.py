"""Looking at schedule rows: search, counts and summaries. Nothing here changes a row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import all_hold, columns_of, statement
from ekiden.database.streams import streamed
from ekiden.errors import SaysEnough

LARGEST_ROW_ID = 2**63 - 1
"""PostgreSQL's bigint ends there."""


_UNCUT = sql.SQL("")


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


OPEN_STATES = (RowState.READY, RowState.HELD, RowState.SENDING, RowState.FAILED)
"""Of an enrolment at most one row is in one of these (invariant 1)."""


class HoldReason(StrEnum):
    """Why a row is held (T2, T4, T5, T14)."""

    PAST_DUE = "past_due"
    PAST_TIME = "past_time"
    MISSED_SEND = "missed_send"
    OPERATOR = "operator"
    """A person held it, or reopened it, in whatever words."""


class NoHoldReason(ValueError):
    """What should say why a row is held is none of the reasons."""


class NoRowId(SaysEnough, ValueError):
    """What should name a row is neither a row's number nor a message's id."""


@dataclass(frozen=True)
class RowFilter:
    """Which rows; every given field narrows. Dates are local due dates, both ends included.

    Of `states` one is enough, `rows` are numbers of rows or ids of messages, and `first` leaves only so many of all
    that, the oldest due first. `reason` is to the letter what stands in the row; `hold_reasons` admit held rows
    only. Raises `NoRowId` and `NoHoldReason`.
    """

    scenario: str | None = None
    customer: str | None = None
    step_no: int | None = None
    reason: str | None = None
    due_from: date | None = None
    due_to: date | None = None
    states: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    first: int | None = None
    hold_reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        row_ids(self.rows)
        if wrong := set(self.hold_reasons) - set(HoldReason):
            raise NoHoldReason(f"hold reason {', '.join(sorted(wrong))}: there are {', '.join(HoldReason)}")

    @property
    def is_for_all(self) -> bool:
        """Whether nothing is given but what rows may be like, so that an action would be for all of them."""
        return self == RowFilter(states=self.states, hold_reasons=self.hold_reasons, reason=self.reason)

    def condition(self) -> sql.Composed:
        """Return the filter as an SQL condition over `outreach.operator_rows`."""
        tests = [
            all_hold(
                (
                    ("scenario_code = {value}", self.scenario),
                    ("customer_id = {value}", self.customer),
                    ("step_no = {value}", self.step_no),
                    ("reason = {value}", self.reason),
                    ("due_date >= {value}", self.due_from),
                    ("due_date <= {value}", self.due_to),
                    ("state = any({value})", list(self.states) or None),
                )
            )
        ]
        if self.hold_reasons:
            held = sql.SQL("state = 'held' and ({hold_reason}) = any({hold_reasons})")
            tests.append(held.format(hold_reason=hold_reason(), hold_reasons=list(map(str, self.hold_reasons))))
        if self.rows:
            numbers, messages = row_ids(self.rows)
            # no index knows a message's id, so where none is given it is not asked for
            ids = sql.SQL(
                "(schedule_row_id = any({numbers}::bigint[]) or message_id = any({messages}::uuid[]))"
                if messages
                else "schedule_row_id = any({numbers}::bigint[])"
            )
            tests.append(ids.format(numbers=numbers, messages=messages))
        return sql.SQL(" and ").join(tests)

    def selection(self) -> sql.Composed:
        """Return the rows meant, as an item of a `from` clause with the columns of `outreach.operator_rows`."""
        cut: sql.Composable = _UNCUT
        if self.first is not None:
            cut = sql.SQL("order by {due_date}, schedule_row_id limit {first}").format(
                due_date=self.sorted_due_date(), first=self.first
            )
        return rows_where(self.condition(), cut)

    def sorted_due_date(self) -> sql.SQL:
        """Return the due date as something to sort by.

        Open rows are the last ones of the index of due dates: whoever walks it for the first few of them reads all of
        the past. No index is in the order of a sum, which leaves the indexes of open rows to find them.
        """
        is_open = bool(self.hold_reasons) or (bool(self.states) and set(self.states) <= set(OPEN_STATES))
        return sql.SQL("due_date + 0") if is_open else sql.SQL("due_date")


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


def rows_where(condition: sql.Composable, cut: sql.Composable = _UNCUT) -> sql.Composed:
    """Return rows as an item of a `from` clause with the columns of `outreach.operator_rows`; `cut` ends the query."""
    selection = sql.SQL("(select * from outreach.operator_rows where {condition} {cut}) as operator_rows")
    return selection.format(condition=condition, cut=cut)


def hold_reason() -> sql.SQL:
    """Return the query of why one held row of `operator_rows` is held, to be put in parentheses."""
    return statement(__file__, "hold_reason")


_COLUMNS = columns_of(ScheduleRow)


def search(connection: Connection[Any], row_filter: RowFilter, *, limit: int | None) -> list[ScheduleRow]:
    """Return at most `limit` rows that the filter admits, by due date, scenario, customer and step; None: all."""
    with connection.cursor(row_factory=class_row(ScheduleRow)) as cursor:
        return cursor.execute(_search(row_filter, limit)).fetchall()


@contextmanager
def found_rows(
    connection: Connection[Any], row_filter: RowFilter, *, limit: int | None
) -> Iterator[Iterator[ScheduleRow]]:
    """Yield what `search` returns as a stream, so that a ledger of years never stands in memory."""
    with streamed(connection, ScheduleRow, _search(row_filter, limit)) as found:
        yield found


def _search(row_filter: RowFilter, limit: int | None) -> sql.Composed:
    query = sql.SQL(
        "select {columns} from {selection} order by {due_date}, scenario_code, customer_id, step_no, schedule_row_id"
        " limit {limit}"
    )
    return query.format(
        columns=_COLUMNS, selection=row_filter.selection(), due_date=row_filter.sorted_due_date(), limit=limit
    )


def count(connection: Connection[Any], row_filter: RowFilter, *, most: int | None = None) -> int:
    """Return how many rows the filter admits; `most` is where to stop counting, None counts all."""
    query = sql.SQL("select count(*) from (select from {selection} limit {most}) as counted")
    row = connection.execute(query.format(selection=row_filter.selection(), most=most)).fetchone()
    assert row is not None
    return int(row[0])


def summary(connection: Connection[Any], row_filter: RowFilter | None = None) -> tuple[RowCount, ...]:
    """Return the rows that the filter admits, counted by scenario, step and state (R-220)."""
    return _counted(connection, (row_filter or RowFilter()).selection())


def created_by(connection: Connection[Any], run_id: UUID) -> tuple[RowCount, ...]:
    """Return what one run created, counted by scenario, step and the state the rows have now."""
    return _counted(connection, created_by_run(run_id))


def created_by_run(run_id: UUID) -> sql.Composed:
    """Return the rows that one run created, as `rows_where` does."""
    return rows_where(sql.SQL("run_id = {run_id}").format(run_id=run_id))


def _counted(connection: Connection[Any], selection: sql.Composed) -> tuple[RowCount, ...]:
    query = sql.SQL(
        "select scenario_code, step_no, state, count(*) as rows from {selection}"
        " group by scenario_code, step_no, state order by scenario_code, step_no, state"
    ).format(selection=selection)
    with connection.cursor(row_factory=class_row(RowCount)) as cursor:
        return tuple(cursor.execute(query).fetchall())


def row_ids(given: Sequence[str]) -> tuple[list[int], list[UUID]]:
    """Return the numbers of rows and the ids of messages among what names rows; raises `NoRowId`."""
    numbers: list[int] = []
    messages: list[UUID] = []
    for text in given:
        try:
            # Python reads no number of thousands of digits
            if text.strip().isdecimal() and int(text) <= LARGEST_ROW_ID:
                numbers.append(int(text))
            else:
                messages.append(UUID(text.strip()))
        except ValueError:
            raise NoRowId(
                f"{text!r} names no row; give its schedule_row_id or message_id, as `ekiden rows --format json` shows"
            ) from None
    return numbers, messages
