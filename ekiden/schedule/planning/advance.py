"""What follows a step: the next row, or the end of the enrolment.

Runs in the transaction that records the step, so that neither exists without the other (R-112, invariant 2). Does not
belong here: first rows (`plan`), when a row is due (`row_creation`), and what a step's own outcome is
(`ekiden.delivery.sending.record`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.schedule.planning.row_creation import creation_of
from ekiden.settings import Settings


def advance(
    connection: Connection[Any], rows: Sequence[int], *, now: datetime, settings: Settings, run_id: UUID
) -> None:
    """Go on from the given schedule rows, within the caller's transaction."""
    if not rows:
        return
    parameters = {
        "rows": as_array(rows),
        "now": now,
        "today": settings.local_date(now),
        "time_zone": settings.time_zone,
        "run_id": run_id,
        # only a sweep has days to keep to
        "first_day": None,
        "last_day": None,
    }
    creation = creation_of(statement(__file__, "wanted_next_steps"))
    connection.execute(statement(__file__, "advance").format(create_rows=creation), parameters)
