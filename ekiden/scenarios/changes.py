"""What changed of a scenario, when, and by whom (R-038).

Belongs here: reading the record. Does not belong here: keeping it, which the ledger's own triggers do with every change
of `outreach.scenarios` and `outreach.scenario_steps`, and what makes a change (`registry`, `versions`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement


@dataclass(frozen=True)
class ScenarioChange:
    """One setting that is another since then.

    `step_no` None: of the whole scenario. A value of None: not set, or no scenario yet. `actor` None: from before this
    was recorded; `run_id` None: no plan found it, but `ekiden build` or somebody in SQL. `build_id` and `git_revision`
    are of the model as it was built last, None where it left the project.
    """

    changed_at: datetime
    scenario_code: str
    setting: str
    step_no: int | None
    value_before: str | None
    value_after: str | None
    actor: str | None
    run_id: UUID | None
    dagster_run_id: str | None
    build_id: str | None
    git_revision: str | None


def changes_of(connection: Connection[Any], code: str) -> list[ScenarioChange]:
    """Return what ever changed of the scenario that has this code now, the oldest first."""
    with connection.cursor(row_factory=class_row(ScenarioChange)) as cursor:
        return cursor.execute(statement(__file__, "scenario_changes"), {"code": code}).fetchall()
