"""What the demo asks of the ledger before it acts: which held rows to release, and what waits."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement

OPERATOR = "demo operator"

ENOUGH_TO_RELEASE = 25
"""A part, small enough to look at."""


@dataclass(frozen=True)
class HeldPart:
    """The held rows of one scenario and due date."""

    scenario: str
    due_date: date
    rows: int


@dataclass(frozen=True)
class Waiting:
    """Ready rows of one scenario that go out at one time."""

    scenario: str
    send_at: datetime
    rows: int


def part_to_release(connection: Connection[Any]) -> HeldPart | None:
    """Return the largest part of at most `ENOUGH_TO_RELEASE` rows, else the smallest; None if one was released."""
    with connection.cursor(row_factory=class_row(HeldPart)) as cursor:
        parameters = {"operator": OPERATOR, "enough": ENOUGH_TO_RELEASE}
        return cursor.execute(statement(__file__, "part_to_release"), parameters).fetchone()


def waiting(connection: Connection[Any]) -> list[Waiting]:
    """Return the ready rows whose time is still ahead, by scenario and time."""
    with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(statement(__file__, "waiting")).fetchall()
