"""What planning decided of everyone it considered, kept for years, and how many each rule decided.

Belongs here: recording those decisions in the planner's transaction, once people have entered and rows are made. Does
not belong here: the decisions themselves (`ekiden.schedule.planning.entry`, dbt), or what the ledger records as
transitions anyhow: the view `outreach.decisions` unites both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import qualified, statement
from ekiden.schedule.planning.judging import EVERYBODY, LOOKED_AT, Planning, blocked_anywhere, judged_at, judging

BATCH_SIZE = 1_000
"""Customers in one row: enough for what a row costs besides (150 bytes) to be nothing, and a few kilobytes to read."""

WHOLE_SCENARIO = ("not_enabled", "definition_broken")
"""Rules by which nobody is looked at who might enter: one row says so, and names no customer."""


@dataclass(frozen=True)
class DecisionCount:
    """How many customers of a scenario one rule decided in one run, kept anew or not.

    A run that plans the same days again decides about those for whom something can have become new, where the sweep
    knows them. A customer counts once for each planned day, who entered once for each enrolment, and nobody where the
    rule is about the whole scenario.
    """

    scenario_code: str
    rule: str
    customers: int


@dataclass(frozen=True)
class ConsideredScenario:
    """What deciding reads of a scenario's current version; `rule` is what decides of everyone in it, where one does."""

    scenario_id: int
    scenario_code: str
    relation_name: str
    past_date_policy: str
    period_from: date | None
    period_to: date | None
    due_after_days: int
    enters_at_anchor: bool
    backfill_as_of: str
    rule: str | None


def record_decisions(
    connection: Connection[Any], planning: Planning, *, broken_models: Sequence[str]
) -> tuple[DecisionCount, ...]:
    """Keep what this plan decided, and return how many each rule decided, by scenario and the order of the rules.

    Needs the temporary tables that `enter` left, and the rows made. A decision that is the same as the last one about
    that customer, scenario and day is not kept again, and about days that the sweep before decided about nobody is
    looked at whom this one did not look at.
    """
    with connection.cursor(row_factory=class_row(ConsideredScenario)) as cursor:
        scenarios = cursor.execute(
            statement(__file__, "considered_scenarios"),
            {"scenario_ids": planning.scenario_ids, "broken_models": list(broken_models)},
        ).fetchall()
    days = {"first_day": planning.first_day, "last_day": planning.last_day}
    has_new = dict(connection.execute(statement(__file__, "days_decided_already"), days).fetchall())
    entered = dict(connection.execute(statement(__file__, "count_entered")).fetchall())
    counts = tuple(
        count
        for scenario in scenarios
        if has_new.get(scenario.scenario_id, True)
        for count in _record(
            connection,
            scenario,
            planning,
            entered=entered.get(scenario.scenario_id, 0),
            among=LOOKED_AT if scenario.scenario_id in has_new else EVERYBODY,
        )
    )
    considered = [scenario.scenario_id for scenario in scenarios]
    # of one whose first step is stopped there was no sweep that the next could go on from
    decided = [scenario.scenario_id for scenario in scenarios if scenario.rule is None]
    connection.execute(statement(__file__, "note_decided_days"), {"considered": considered, "decided": decided, **days})
    return counts


def _record(
    connection: Connection[Any],
    scenario: ConsideredScenario,
    planning: Planning,
    *,
    entered: int,
    among: sql.SQL,
) -> Iterator[DecisionCount]:
    # who enters at the anchor enters on its day
    values = judging(planning, entry_offset=0 if scenario.enters_at_anchor else scenario.due_after_days)
    values["scenario_id"] = scenario.scenario_id
    given_up = statement(__file__, "given_up")
    if scenario.rule in WHOLE_SCENARIO:
        connection.execute(statement(__file__, "record_unconsidered"), values | {"rule": scenario.rule})
        yield DecisionCount(scenario.scenario_code, scenario.rule, 0)
        decided = statement(__file__, "decided_unconsidered").format(given_up=given_up)
    else:
        # one statement per scenario, with its own literals: a join over all of them misjudges large products
        decided = statement(__file__, "decided_customers").format(
            eligibility=qualified(scenario.relation_name),
            among=among,
            judged_at=judged_at(scenario.backfill_as_of),
            blocked_anywhere=blocked_anywhere("anchors.customer_id"),
            given_up=given_up,
        )
    counts = connection.execute(
        statement(__file__, "record_decisions").format(query=decided),
        values
        | {
            "past_date_policy": scenario.past_date_policy,
            "period_from": scenario.period_from,
            "period_to": scenario.period_to,
            "due_after_days": scenario.due_after_days,
            "first_step_is_stopped": scenario.rule == "step_stopped",
            "batch_size": BATCH_SIZE,
        },
    ).fetchall()
    for rule, customers in counts:
        yield DecisionCount(scenario.scenario_code, rule, customers)
    if entered:
        yield DecisionCount(scenario.scenario_code, "entered", entered)
