"""What the statements that look for candidates and those that say what was decided judge alike.

Belongs here: what one plan is about, among whom they look, at which instant entry is judged, as SQL and its parameters,
and how long that stands; whether a block elsewhere counts. Does not belong here: what is judged (dbt), or who is looked
at (`sweeps`).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from ekiden.database.statements import statement

EVERYBODY = sql.SQL("true")
LOOKED_AT = sql.SQL(
    "customer_id in (select looked_at.customer_id from pg_temp.looked_at where looked_at.scenario_id = %(scenario_id)s)"
)
"""Those for whom something can be new since the scenario's last sweep."""


@dataclass(frozen=True)
class Planning:
    """What one plan is about; its statements read these by name (`vars`).

    `first_day` to `last_day` are the local days it sweeps, none after `today`; `scenario_ids` None is all scenarios.
    """

    now: datetime
    today: date
    first_day: date
    last_day: date
    time_zone: str
    batch_time: time
    blocks_everywhere: bool
    run_id: UUID
    scenario_ids: list[int] | None


def judged_at(backfill_as_of: str) -> sql.SQL:
    """Return the expression over an eligibility table's `anchor_date` for a scenario's setting (Q-13)."""
    return statement(__file__, "judged_on_due_date" if backfill_as_of == "due_date" else "judged_now")


def blocked_anywhere(customer_id: LiteralString) -> sql.Composed:
    """Return a query for the blocks that keep a customer out of every scenario (T13); reads `blocks_everywhere`.

    `customer_id` is an expression of the query around it.
    """
    return statement(__file__, "blocked_anywhere").format(customer_id=sql.SQL(customer_id))


def judging(planning: Planning, *, entry_offset: int) -> dict[str, Any]:
    """Return what a statement that judges entry reads: the plan, and the days from an anchor to its entry."""
    return vars(planning) | {"entry_offset": entry_offset}


def judged_for_good(backfill_as_of: str, swept_to: date, *, swept_on: date, today: date, entry_offset: int) -> date:
    """Return the last anchor date up to `swept_to` whose instant is still that of the sweep of local day `swept_on`.

    By the due date the instant of a day moves once, backwards: on the day itself it is now, afterwards that of the
    day's planning, or of the anchor where that came later, and no turning point lies between the two that a sweep from
    then on would look at. Then it stays, and what it says of entry and of stops with it; only a stop that holds now can
    still end, and that is a turning point.
    """
    if backfill_as_of != "due_date" or today <= swept_on:
        return swept_to
    return min(swept_to, swept_on - timedelta(days=entry_offset + 1))
