"""What the demo asks of the ledger before it acts: which held rows to release, and what waits."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

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
        return cursor.execute(
            """
            select scenario_code as scenario, due_date, count(*) as rows
            from outreach.operator_rows
            where
                state = 'held'
                and not exists (select from outreach.schedule_rows where released_by = %(operator)s)
            group by scenario_code, due_date, anchor_kind
            order by
                -- what counts from an order has an order line to show
                anchor_kind <> 'ordered',
                count(*) > %(enough)s,
                case when count(*) <= %(enough)s then -count(*) else count(*) end,
                due_date desc
            limit 1
            """,
            {"operator": OPERATOR, "enough": ENOUGH_TO_RELEASE},
        ).fetchone()


def waiting(connection: Connection[Any]) -> list[Waiting]:
    """Return the ready rows whose time is still ahead, by scenario and time."""
    with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(
            """
            select scenario_code as scenario, send_at, count(*) as rows
            from outreach.operator_rows
            where state = 'ready' and send_at > now()
            group by scenario_code, send_at
            order by send_at, scenario_code
            """
        ).fetchall()
