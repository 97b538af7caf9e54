"""Entry: every scenario's candidates, the arbitration between them, and the enrolments that come of it.

Belongs here: the order of those sets in the planner's transaction, and the days a sweep reaches. Does not belong here:
who is eligible (dbt), and the rules themselves, which stand in `arbitrate.sql`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import qualified, statement
from ekiden.schedule.planning.judging import (
    EVERYBODY,
    LOOKED_AT,
    Planning,
    blocked_anywhere,
    judged_at,
    judged_for_good,
    judging,
)
from ekiden.schedule.planning.stops import end_found
from ekiden.schedule.planning.sweeps import SweepPart, SweepStart, begin_sweep, end_sweep, looked_at


@dataclass(frozen=True)
class Entries:
    """What became of one run's candidates: enrolments made, and enrolments ended for them."""

    enrolled: int = 0
    superseded: int = 0


@dataclass(frozen=True)
class EnabledScenario:
    """What planning reads of an enabled scenario's current version."""

    scenario_id: int
    scenario_code: str
    scenario_version_id: int
    relation_name: str
    reentry: str
    on_retrigger: str
    multi_delivery: bool
    priority: int | None
    enrol_at: str
    past_date_policy: str
    backfill_as_of: str
    look_back_days: int | None
    period_from: date | None
    period_to: date | None
    due_after_days: int
    is_selected: bool

    @property
    def is_exclusive(self) -> bool:
        """Whether it competes for its customers (C-07)."""
        return not self.multi_delivery

    @property
    def entry_offset(self) -> int:
        """Days from an anchor's date to the day on which it is judged: who enters at the anchor enters on its day."""
        return 0 if self.enrol_at == "anchor" else self.due_after_days

    @property
    def restarts(self) -> bool:
        """Whether a later anchor starts anew; who enters once and never again cannot (C-06)."""
        return self.on_retrigger == "restart" and self.reentry != "never"


def anchor_dates(
    scenario: EnabledScenario, *, first_day: date, last_day: date, today: date
) -> tuple[date | None, date]:
    """Return the local anchor dates, both included, that a sweep of `first_day` to `last_day` reaches.

    None is since ever. First steps are due `due_after_days` after them, and it is the due date that the period (Q-01),
    the look-back limit (R-087) and the policy for past dates bound.
    """
    earliest = [
        bound
        for bound in (
            scenario.period_from,
            _earlier(first_day, scenario.look_back_days) if scenario.look_back_days is not None else None,
            today if scenario.past_date_policy == "skip" else None,
        )
        if bound is not None
    ]
    latest = [_earlier(scenario.period_to, scenario.due_after_days)] if scenario.period_to else []
    # who enters at the anchor is in before the first step is due
    latest.append(last_day if scenario.enrol_at == "anchor" else _earlier(last_day, scenario.due_after_days))
    return _earlier(max(earliest), scenario.due_after_days) if earliest else None, min(latest)


def enter(connection: Connection[Any], planning: Planning, *, broken_models: Sequence[str]) -> Entries:
    """Let in whom arbitration lets in, and return how many they are and how many enrolments gave way to them.

    Needs the temporary table `stops`. Leaves `candidates`, `contestants` and `arbitration` until the transaction ends,
    for what records why somebody was turned away (`ekiden.schedule.planning.decisions`).
    """
    connection.execute(statement(__file__, "entry_tables"))
    with connection.cursor(row_factory=class_row(EnabledScenario)) as cursor:
        enabled = cursor.execute(
            statement(__file__, "enabled_scenarios"),
            {"scenario_ids": planning.scenario_ids, "broken_models": list(broken_models)},
        ).fetchall()
    competes = any(scenario.is_selected and scenario.is_exclusive for scenario in enabled)
    contestants = [scenario for scenario in enabled if scenario.is_selected or competes]
    _find_all_candidates(connection, contestants, planning, broken_models)
    # the server does not watch temporary tables: without statistics their joins are nested loops
    connection.execute("analyze pg_temp.candidates, pg_temp.contestants")
    if any(scenario.is_exclusive or scenario.restarts for scenario in contestants):
        connection.execute(statement(__file__, "find_rivals"))
        connection.execute("create index on pg_temp.rivals (customer_id)")
        connection.execute("analyze pg_temp.rivals")
    connection.execute(statement(__file__, "forget_who_left_meanwhile"))
    connection.execute(statement(__file__, "arbitrate"))
    connection.execute("analyze pg_temp.arbitration")
    superseded = connection.execute(statement(__file__, "find_superseded")).rowcount
    if superseded:
        end_found(connection, planning.now)
    enrolled = connection.execute(statement(__file__, "enrol"), vars(planning)).rowcount
    connection.execute("analyze pg_temp.entered")
    left = statement(__file__, "candidates_turned_away")
    end_sweep(
        connection,
        SweepPart.ENTRIES,
        now=planning.now,
        selected=planning.scenario_ids,
        left=left,
        blocks_everywhere=planning.blocks_everywhere,
        batch_time=planning.batch_time,
    )
    return Entries(enrolled, superseded)


def _find_all_candidates(
    connection: Connection[Any],
    contestants: Sequence[EnabledScenario],
    planning: Planning,
    broken_models: Sequence[str],
) -> None:
    """Fill `contestants`, and `candidates` with everybody who may enter now."""
    connection.cursor().executemany(
        statement(__file__, "add_contestant"),
        [
            {
                "scenario_id": scenario.scenario_id,
                "scenario_code": scenario.scenario_code,
                "is_exclusive": scenario.is_exclusive,
                "restarts": scenario.restarts,
                "priority": scenario.priority,
                "is_selected": scenario.is_selected,
            }
            for scenario in contestants
        ],
    )
    starts = begin_sweep(
        connection,
        SweepPart.ENTRIES,
        [scenario.scenario_id for scenario in contestants],
        now=planning.now,
        broken_models=broken_models,
        blocks_everywhere=planning.blocks_everywhere,
        batch_time=planning.batch_time,
    )
    reached = _reach(connection, contestants, planning)
    for scenario in contestants:
        start = starts[scenario.scenario_id]
        if start.whole_because is None:
            _look_at_reached(connection, scenario, start, reached[scenario.scenario_id], planning)
    have_new = looked_at(connection)
    for scenario in contestants:
        is_whole = starts[scenario.scenario_id].whole_because is not None
        if is_whole or scenario.scenario_id in have_new:
            _find_candidates(connection, scenario, reached[scenario.scenario_id], planning, is_whole=is_whole)


def _reach(
    connection: Connection[Any], scenarios: Sequence[EnabledScenario], planning: Planning
) -> dict[int, tuple[date | None, date]]:
    """Return by scenario the anchor dates that this sweep reaches, and note them as the next one's last."""
    reached = {
        scenario.scenario_id: anchor_dates(
            scenario, first_day=planning.first_day, last_day=planning.last_day, today=planning.today
        )
        for scenario in scenarios
    }
    connection.cursor().executemany(
        statement(__file__, "note_reached_dates"),
        [
            {"scenario_id": scenario_id, "anchored_from": first, "anchored_to": last}
            for scenario_id, (first, last) in reached.items()
        ],
    )
    return reached


def _look_at_reached(
    connection: Connection[Any],
    scenario: EnabledScenario,
    start: SweepStart,
    reached: tuple[date | None, date],
    planning: Planning,
) -> None:
    """Look also at who has an anchor that the last sweep did not reach, or judged by an instant that is another now."""
    earliest, latest = reached
    assert start.swept_to is not None and start.swept_at is not None
    swept_to = judged_for_good(
        scenario.backfill_as_of,
        start.swept_to,
        swept_on=start.swept_at.astimezone(ZoneInfo(planning.time_zone)).date(),
        today=planning.today,
        entry_offset=scenario.entry_offset,
    )
    was_reached = start.swept_from is None or (earliest is not None and earliest >= start.swept_from)
    if was_reached and latest <= swept_to:
        return
    connection.execute(
        statement(__file__, "look_at_reached").format(
            eligibility=qualified(scenario.relation_name), judged_at=judged_at(scenario.backfill_as_of)
        ),
        {
            **judging(planning, entry_offset=scenario.entry_offset),
            "scenario_id": scenario.scenario_id,
            "anchored_from": earliest,
            "anchored_to": latest,
            "swept_from": start.swept_from,
            "swept_to": swept_to,
        },
    )


def _find_candidates(
    connection: Connection[Any],
    scenario: EnabledScenario,
    reached: tuple[date | None, date],
    planning: Planning,
    *,
    is_whole: bool,
) -> None:
    # one statement per scenario, with its own literals: a join over all of them misjudges large products
    connection.execute(
        statement(__file__, "find_candidates").format(
            eligibility=qualified(scenario.relation_name),
            among=EVERYBODY if is_whole else LOOKED_AT,
            judged_at=judged_at(scenario.backfill_as_of),
            blocked_anywhere=blocked_anywhere("eligible.customer_id"),
        ),
        {
            **judging(planning, entry_offset=scenario.entry_offset),
            "scenario_id": scenario.scenario_id,
            "scenario_version_id": scenario.scenario_version_id,
            "reentry": scenario.reentry,
            "restarts": scenario.restarts,
            "anchored_from": reached[0],
            "anchored_to": reached[1],
        },
    )


def _earlier(day: date, days: int) -> date:
    # the calendar has a first day, and a period may begin on it
    return date.fromordinal(max(day.toordinal() - days, 1))
