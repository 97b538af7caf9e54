"""What is due, counted and dated: for whoever asks for a run, waits for one, or wonders how many senders it needs.

Due is a ready row of an enabled scenario that nobody paused, whose time has come. Belongs here: looking, which locks
nothing and changes nothing. Does not belong here: taking what is due (`last_look`, for lists `lists.export`), which
contents it needs (`contents`), and what becomes of rows that vanished senders left (`unknown.reconcile`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement


@dataclass(frozen=True)
class DueSlot:
    """A due date with rows to send now, since when the oldest of them waits, and the newest."""

    due_date: date
    rows: int
    oldest_send_at: datetime
    newest_send_at: datetime


@dataclass(frozen=True)
class LostClaims:
    """How many rows vanished senders have left, and the number of the newest of these senders."""

    rows: int
    newest_sender: int | None


def due_now(connection: Connection[Any], *, now: datetime, step_channels: Sequence[str]) -> list[DueSlot]:
    """Return what is due by due date, of these step channels."""
    with connection.cursor(row_factory=class_row(DueSlot)) as cursor:
        return cursor.execute(
            statement(__file__, "due_slots"), {"now": now, "channels": list(step_channels)}
        ).fetchall()


def is_much_due(
    connection: Connection[Any], many: int, *, now: datetime, step_channels: Sequence[str], due_date: date | None
) -> bool:
    """Return whether at least so many rows are due, of these step channels and this due date (None: of all)."""
    row = connection.execute(
        statement(__file__, "is_much_due"),
        {"now": now, "channels": list(step_channels), "due_date": due_date, "many": many},
    ).fetchone()
    assert row is not None  # an aggregate gives one row
    return bool(row[0])


def next_due(
    connection: Connection[Any],
    *,
    step_channels: Sequence[str],
    due_dates: Sequence[date | None],
    after: datetime,
    until: datetime,
) -> datetime | None:
    """Return when the next row of these due dates (None among them: of all) and step channels may be sent.

    That is after one instant and not past the other, or None: what is due by then already and was left is nobody's
    reason to wait.
    """
    row = connection.execute(
        statement(__file__, "next_due"),
        {
            "after": after,
            "until": until,
            "channels": list(step_channels),
            "due_dates": None if None in due_dates else list(due_dates),
        },
    ).fetchone()
    assert row is not None  # an aggregate gives one row
    found: datetime | None = row[0]
    return found


def count_lost_claims(connection: Connection[Any]) -> LostClaims:
    """Return what is on its way without a living sender and without a known outcome."""
    with connection.cursor(row_factory=class_row(LostClaims)) as cursor:
        found = cursor.execute(statement(__file__, "count_lost_claims")).fetchone()
    assert found is not None  # an aggregate gives one row
    return found
