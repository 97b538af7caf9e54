"""At which instant entry is judged, for the statements that look for candidates and those that say what was decided.

Belongs here: that instant, as SQL and its parameters. Does not belong here: what is judged (dbt), or who is looked at.
"""

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from ekiden.database.statements import statement


def judged_at(backfill_as_of: str) -> sql.SQL:
    """Return the expression over an eligibility table's `anchor_date` for a scenario's setting (Q-13)."""
    return statement(__file__, "judged_on_due_date" if backfill_as_of == "due_date" else "judged_now")


def judging(parameters: Mapping[str, Any], *, entry_offset: int) -> dict[str, Any]:
    """Return what the expression reads: of the plan's `parameters`, and the days from an anchor to its entry."""
    names = ("now", "today", "batch_time", "time_zone")
    return {name: parameters[name] for name in names} | {"entry_offset": entry_offset}
