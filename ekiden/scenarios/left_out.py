"""Scenarios that a build could not get done: marked in dbt's registry, so that the plan leaves them out.

The mark goes with the next build that gets the model done. Belongs here: the mark. Does not belong here: how one knows
(`ekiden.warehouse.unbuilt`), and what leaving out means (`ekiden.scenarios.registry`, `ekiden.schedule.planning.plan`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from ekiden.database.statements import statement
from ekiden.scenarios.definition import FAULTS_KEY


@dataclass(frozen=True)
class UnbuiltScenario:
    """A model that the last build did not get done; its table, if there is one, is an earlier build's."""

    model_name: str
    relation_name: str
    code: str | None
    """As its file has it; None where it has none."""
    reason: str

    def __str__(self) -> str:
        return f"{self.model_name}: {self.reason}"


def leave_out(connection: Connection[Any], scenarios: Sequence[UnbuiltScenario]) -> None:
    """Let the plan leave these scenarios out until they are built; their tables and functions stay as they were."""
    with connection.transaction():
        for scenario in scenarios:
            connection.execute(
                statement(__file__, "leave_out"),
                {
                    "model_name": scenario.model_name,
                    "relation_name": scenario.relation_name,
                    "definition": Jsonb({"code": scenario.code} if scenario.code else {}),
                    "faults": Jsonb({FAULTS_KEY: [scenario.reason]}),
                },
            )
