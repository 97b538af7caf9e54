"""All scenarios at a glance (R-201): as the ledger has them, and the files that no plan has taken in yet.

Belongs here: putting the two together, in one order. Does not belong here: what is wrong with a file
(`ekiden.scenarios.validate`), and how sending stands (`ekiden.insights.status`).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.scenarios.report import CheckedScenario, Report
from ekiden.schedule.rows import OPEN_STATES

NOT_PLANNED = "not planned yet"
NOT_PLANNED_FAULTY = "not planned yet, and left out: ekiden validate tells its faults"


@dataclass(frozen=True)
class ListedScenario:
    """One scenario; of a file that no plan has taken in yet there is no version, and what cannot be read is None."""

    scenario_code: str
    scenario_name: str | None
    status: str | None
    multi_delivery: bool | None
    priority: int | None
    version_no: int | None
    customers: int
    """How many are in it."""
    open_rows: int
    model_name: str
    note: str | None = None

    @property
    def contest(self) -> str:
        """By what it competes for its customers (R-019): a priority means something only in the contest."""
        if self.multi_delivery is None:
            return ""
        if self.multi_delivery:
            return "multi_delivery"
        return "no priority" if self.priority is None else f"priority {self.priority}"


def listed_scenarios(connection: Connection[Any], report: Report) -> list[ListedScenario]:
    """Return the ledger's scenarios and those of the report's files that it has not taken in yet.

    The contestants come first, the best priority before the others and none last; then whatever competes with nobody;
    in each of these by code.
    """
    found = connection.execute(statement(__file__, "scenario_list"), {"open_states": list(OPEN_STATES)}).fetchall()
    listed = [ListedScenario(*row) for row in found]
    return sorted([*listed, *_not_planned(report, listed)], key=_place)


def _place(scenario: ListedScenario) -> tuple[bool, float, str]:
    competes = scenario.multi_delivery is False
    priority = scenario.priority if competes and scenario.priority is not None else inf
    return not competes, priority, scenario.scenario_code


def _not_planned(report: Report, known: Collection[ListedScenario]) -> Iterator[ListedScenario]:
    models = {scenario.model_name for scenario in known}
    files = {each.source.model_name for each in report.scenarios}
    # a file that was only renamed: the next plan gives the scenario its new name
    renamed = {scenario.scenario_code for scenario in known if scenario.model_name not in files}
    for each in report.scenarios:
        if each.source.model_name not in models and (listed := _of_file(each)).scenario_code not in renamed:
            yield listed


def _of_file(each: CheckedScenario) -> ListedScenario:
    definition = each.readable
    model = each.source.model_name
    return ListedScenario(
        scenario_code=(definition.code if definition else None) or model,
        scenario_name=definition.name if definition else None,
        status=definition.status if definition else None,
        multi_delivery=definition.multi_delivery if definition else None,
        priority=definition.priority if definition else None,
        version_no=None,
        customers=0,
        open_rows=0,
        model_name=model,
        note=NOT_PLANNED_FAULTY if each.is_broken else NOT_PLANNED,
    )
