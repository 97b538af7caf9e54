"""The ledger's invariants: what may never be true of schedule and deliveries, each a query that returns the offenders.

The database and the code prevent them; whoever asks here would notice if they did not. Does not belong here: what
follows from an offender (`ekiden.delivery.guards`), or anything that repairs.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection, sql

from ekiden.database.statements import statement
from ekiden.scenarios.definition import EXPORTED_CHANNELS, SENT_CHANNELS


class Subject(StrEnum):
    """What an invariant is about."""

    SCHEDULE = "schedule"
    DELIVERIES = "deliveries"


@dataclass(frozen=True)
class Invariant:
    """One thing that always holds; `name` is also the name of its query in `sql/invariants`."""

    name: str
    subject: Subject
    description: str
    lists_of: date | None = None
    """Of due rows: those that an export of this local day would take; None: those that a send run would claim."""

    @property
    def query(self) -> sql.SQL:
        return statement(__file__, f"invariants/{self.name}")


INVARIANTS = (
    Invariant(
        "one_row_per_step",
        Subject.SCHEDULE,
        "At most one row per enrolment and step that is not deleted, and at most one open row per enrolment.",
    ),
    Invariant(
        "next_step_only_after_sent",
        Subject.SCHEDULE,
        "A later step has a row only if the step before it was sent, or skipped where the scenario goes on after that.",
    ),
    Invariant(
        "planning_changes_no_row",
        Subject.SCHEDULE,
        "Planning creates rows and stops them; it never changes one otherwise.",
    ),
    Invariant(
        "one_message_per_sent_row",
        Subject.DELIVERIES,
        "Every sent row has exactly one message with its lineage.",
    ),
    Invariant(
        "past_rows_sent_only_after_release",
        Subject.DELIVERIES,
        "A row that was born held, or should have been, was sent only if a person released it.",
    ),
    Invariant("sent_is_final", Subject.DELIVERIES, "No row ever leaves the state sent."),
)

DUE_ROWS_MAY_BE_SENT = Invariant(
    "due_rows_may_be_sent",
    Subject.DELIVERIES,
    "What a send run or an export is about to take is single, was not sent before, follows a sent step and was "
    "released if held.",
)
"""The invariants asked of the due rows alone: each send run looks at it first, so it must not read all history."""


def due_lists_may_be_exported(today: date) -> Invariant:
    """Return the same of the rows that an export of this local day would take."""
    return replace(DUE_ROWS_MAY_BE_SENT, lists_of=today)


@dataclass(frozen=True)
class Offenders:
    """What violates an invariant: how many rows, and the first of them under the query's `columns`."""

    total: int
    columns: tuple[str, ...]
    first: tuple[tuple[Any, ...], ...]


def offenders(connection: Connection[Any], invariant: Invariant, *, now: datetime, most: int = 20) -> Offenders:
    """Return what violates an invariant at `now`, the rows cut at `most`; a total of 0: it holds."""
    query = sql.SQL("select offender.*, count(*) over () from ({query}) as offender limit {most}")
    cursor = connection.execute(query.format(query=invariant.query, most=most), parameters(invariant, now))
    columns = tuple(column.name for column in cursor.description or ())[:-1]
    rows = cursor.fetchall()
    return Offenders(rows[0][-1] if rows else 0, columns, tuple(row[:-1] for row in rows))


def parameters(invariant: Invariant, now: datetime) -> dict[str, object]:
    """Return the values of an invariant's query."""
    channels = EXPORTED_CHANNELS if invariant.lists_of else SENT_CHANNELS
    return {"now": now, "channels": list(channels), "lists_of": invariant.lists_of}
