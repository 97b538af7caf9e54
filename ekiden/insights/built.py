"""The scenario that a question is about, as it was last built. Questions themselves are not asked here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import FAULTS_KEY, OPTIONS, ScenarioDefinition, check
from ekiden.scenarios.registry import is_built
from ekiden.schedule.errors import NothingBuilt, UnknownScenario
from ekiden.schedule.scenario_codes import unknown_scenario


class ScenarioIsBroken(SaysEnough, RuntimeError):
    """A scenario's definition has faults: its table answers no question."""


@dataclass(frozen=True)
class AskedScenario:
    """One scenario as dbt built it last, and what the ledger knows of it."""

    definition: ScenarioDefinition
    written: Mapping[str, Any]
    """The definition as its author wrote it."""
    model_name: str
    relation_name: str
    live_function: str | None
    explain_function: str | None
    """Neither exists where a model's SQL was written by hand."""
    built_at: datetime
    scenario_id: int | None
    version_no: int | None
    """Neither exists before the ledger has taken the scenario in."""
    known_code: str | None = None
    """The code by which the ledger knows it: the former one until a plan takes in a new one (R-012)."""

    @property
    def due_after_days(self) -> int:
        """Days from the anchor's date to step 1."""
        return self.definition.due_after_days(self.definition.steps[0])

    @property
    def restarts(self) -> bool:
        """Whether a new anchor starts a running enrolment anew (C-06)."""
        return self.definition.on_retrigger == "restart" and self.definition.reentry != "never"

    @property
    def is_exclusive(self) -> bool:
        """Whether a customer can be in it only while in no better exclusive scenario (C-07)."""
        return not self.definition.multi_delivery

    @property
    def priority(self) -> int | None:
        """Among exclusive scenarios; 1 is the best, None after all numbers."""
        return self.definition.priority

    def due_date(self, anchor_date: date) -> date:
        """Return the local date on which step 1 is due."""
        return anchor_date + timedelta(days=self.due_after_days)


def asked_scenario(connection: Connection[Any], code: str) -> AskedScenario:
    """Return the scenario of a code; raises `NothingBuilt`, `UnknownScenario` or `ScenarioIsBroken`."""
    if not is_built(connection):
        raise NothingBuilt("no scenario has been built yet: run `ekiden build`")
    rows = connection.execute(statement(__file__, "built_scenarios"), {"code": code}).fetchall()
    if not rows:
        known = [found for (found,) in connection.execute(statement(__file__, "built_codes")).fetchall()]
        raise UnknownScenario(unknown_scenario(code, known))
    written, *rest = rows[0]
    if known := written.get(FAULTS_KEY):
        raise ScenarioIsBroken(f"the scenario {code!r} is left out: {'; '.join(known)}")
    definition, faults, *_ = check(written, options=OPTIONS)
    if definition is None:
        listed = "; ".join(f"{fault.place}: {fault.message}" for fault in faults)
        raise ScenarioIsBroken(f"the scenario {code!r} cannot be asked: {listed}")
    return AskedScenario(definition, written, *rest)
