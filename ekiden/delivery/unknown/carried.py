"""Messages that the provider has, though the ledger has not: somebody called them not sent, and was wrong.

Belongs here: who they are, as a sender asks before it posts, and a person before they let rows go or delete them. Does
not belong here: rows whose sender is still at them, or whose outcome nobody knows (`events.event_outcomes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.schedule.operating.actions import Action
from ekiden.schedule.rows import RowFilter

CARRIED_ALREADY = "not posted: the provider's events show that it has the message from an earlier attempt"

HAVE_ARRIVED = (
    "of these rows have arrived, as the provider's events show; they are not sent again: the next send records them as "
    "sent, unless a stop or an objection ends them first"
)
"""Said, behind their number, to who lets them go."""

ARRIVED_STAY = (
    "of these rows have arrived, as the provider's events show; they are not deleted, since whoever is left without "
    "rows may enter again, and be sent the same"
)
"""Said, behind their number, to who deletes them."""


def said_of_arrived(action: Action) -> str | None:
    """Return what is said, behind their number, of arrived rows to who takes an action; None: it treats them as any."""
    if action.leaves_arrived:
        return ARRIVED_STAY
    return HAVE_ARRIVED if action.lets_go else None


def carried_already(connection: Connection[Any], rows: Sequence[int]) -> dict[UUID, Delivery]:
    """Return what stands for a post of those of these rows whose message the provider has, by message."""
    found = connection.execute(statement(__file__, "carried_already"), {"rows": as_array(rows)})
    return {
        message_id: Delivery(message_id, Outcome.accepted, provider_message_id, CARRIED_ALREADY)
        for message_id, provider_message_id in found
    }


@dataclass(frozen=True)
class CarriedRow:
    """One row that was not sent by the ledger, and whose message the provider has, with what it told, oldest first."""

    scenario_code: str
    customer_id: str
    step_no: int
    due_date: date
    state: str
    reason: str | None
    events: str
    message_id: UUID
    schedule_row_id: int
    rows: int
    """How many such rows there are in all."""


def carried_rows(connection: Connection[Any], row_filter: RowFilter, *, limit: int) -> list[CarriedRow]:
    """Return at most `limit` of the rows that the filter admits and whose message the provider has.

    Whoever lets them go sends nothing again: the next send records them as sent.
    """
    query = statement(__file__, "carried_rows").format(selection=row_filter.selection(), most=limit)
    with connection.cursor(row_factory=class_row(CarriedRow)) as cursor:
        return cursor.execute(query).fetchall()
