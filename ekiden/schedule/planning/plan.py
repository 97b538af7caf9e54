"""Planning: what becomes of a day, or of a range of missed days, in the ledger.

One transaction: stops first, then the sweep for everyone who is due and has no row yet. Belongs here: the order of
these parts. Does not belong here: who is eligible (dbt), or anything sent (`ekiden.delivery`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.scenarios.registry import BrokenScenario, is_built, synchronise
from ekiden.schedule.errors import DaysOutOfReach, NothingBuilt
from ekiden.schedule.held import EligibilityCount, created_counts
from ekiden.schedule.planning.contract import contract_breaches
from ekiden.schedule.planning.decisions import DecisionCount, record_decisions
from ekiden.schedule.planning.entry import Entries, enter
from ekiden.schedule.planning.judging import Planning
from ekiden.schedule.planning.row_creation import creation_of
from ekiden.schedule.planning.stops import NOTHING_STOPPED, stop
from ekiden.schedule.planning.sweeps import forget_swept_changes
from ekiden.schedule.rows import RowCount, created_by
from ekiden.schedule.run_summaries import Failed, PlanSummary
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run, wait_for_plans
from ekiden.schedule.scenario_codes import refuse_unknown, scenario_ids
from ekiden.schedule.unanswered import UnansweredVersion
from ekiden.schedule.zone_data import refuse_other_zone_data
from ekiden.settings import Settings

MOST_DAYS = 3_653
"""Days from the first planned day to the last or to today, ten years with their leap days: no shop was down for longer.

A mistyped year would otherwise write a decision a day for each disabled scenario, and every day since would be missed.
"""

MANY_ROWS = 500
"""New rows from which the ledger's statistics are made anew, in half a second: below it every join is fast. What
follows joins these rows, and where the statistics are those of an empty ledger, or of a dry run, compares each with
each."""


@dataclass(frozen=True)
class PlanReport:
    """What one planning run did.

    `cancelled` counts the rows that stops cancelled, `expired` the held rows that nobody waits for any more,
    `superseded` the enrolments that ended for a better one or a later anchor, `created` the rows that were made, by
    scenario, step and state, and `decisions` the customers that each rule decided about, by scenario and rule.
    `left_out` are the scenarios that were left out for their definition or their table, and of `unanswered` versions
    nothing was stopped, as nobody knows whether it should be. `meaning` says of the created rows how their people stand
    now; it is there for days before today and for a dry run.
    """

    run_id: UUID
    first_day: date
    last_day: date
    enrolled: int
    cancelled: int
    created: tuple[RowCount, ...]
    left_out: tuple[BrokenScenario, ...] = ()
    superseded: int = 0
    decisions: tuple[DecisionCount, ...] = ()
    expired: int = 0
    meaning: tuple[EligibilityCount, ...] | None = None
    is_dry_run: bool = False
    unanswered: tuple[UnansweredVersion, ...] = ()

    @property
    def broken(self) -> tuple[BrokenScenario, ...]:
        """What somebody has to mend, whatever of it was planned."""
        return (*self.left_out, *(version.as_broken for version in self.unanswered))

    @property
    def turned_away(self) -> tuple[DecisionCount, ...]:
        """The decisions that let nobody in."""
        return tuple(decision for decision in self.decisions if decision.rule != "entered")

    @property
    def held(self) -> int:
        return sum(count.rows for count in self.created if count.state == "held")

    @property
    def ready(self) -> int:
        return sum(count.rows for count in self.created if count.state == "ready")


def plan(
    connection: Connection[Any],
    first_day: date,
    last_day: date,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    scenarios: Sequence[str] | None = None,
    dry_run: bool = False,
) -> PlanReport:
    """Plan local days `first_day` to `last_day`, and return what came of it; `scenarios` narrows it to these codes.

    A dry run does all of it and takes it back: the same report, and nothing in the ledger, no run either.

    Whatever is due before the real today is held, whichever day is planned (R-116), unless the scenario's
    `past_date_policy` says otherwise; days after today are left for their own planning. Planning again changes nothing.

    Raises `UnknownScenario` for a code that nobody knows, `DaysOutOfReach` for days that begin more than ten years
    before the last or before today, `NothingBuilt` before the first build, `ZoneDataDiffers` while the database has
    another local time than this process, and `ValueError` where the last day is before the first.
    """
    _check_days(first_day, last_day, today=settings.local_date(now))
    # before there is a run: what is refused planned no day, and is no plan that failed
    if not is_built(connection):
        raise NothingBuilt("no scenario has been built yet: run `ekiden build`, or the job plan_day")
    refuse_unknown(connection, *(scenarios or ()))
    refuse_other_zone_data(connection, now=now, settings=settings)
    if dry_run:

        def try_out() -> PlanReport:
            with connection.transaction(force_rollback=True):
                return _run(connection, first_day, last_day, now, settings, context, scenarios, dry_run=True)

        return replace(again(connection, try_out), is_dry_run=True)
    return _run(connection, first_day, last_day, now, settings, context, scenarios, dry_run=False)


def _run(
    connection: Connection[Any],
    first_day: date,
    last_day: date,
    now: datetime,
    settings: Settings,
    context: RunContext,
    scenarios: Sequence[str] | None,
    *,
    dry_run: bool,
) -> PlanReport:
    """Plan within a run of the ledger, which also says how much of its days it covered (`planning.missed`)."""
    with connection.transaction():
        run_id = start_run(connection, "plan", "materialiser", context, now=now, first_day=first_day, last_day=last_day)

    def attempt() -> PlanReport:
        with acting(connection, "materialiser", context, run_id, now=now):
            report = _plan(connection, run_id, first_day, last_day, now, settings, scenarios)
            if dry_run or first_day < settings.local_date(now):
                meaning = created_counts(connection, run_id, now=now, settings=settings)
                report = replace(report, meaning=meaning)
            finish_run(
                connection,
                run_id,
                now=now,
                summary=PlanSummary(
                    enrolled=report.enrolled,
                    cancelled=report.cancelled,
                    expired=report.expired,
                    held=report.held,
                    ready=report.ready,
                    superseded=report.superseded,
                    decisions=report.decisions,
                    left_out=tuple(scenario.model_name for scenario in report.left_out),
                    scenarios=tuple(sorted(set(scenarios))) if scenarios else None,
                ),
            )
        return report

    try:
        return again(connection, attempt)
    except BaseException as error:
        if not connection.closed:
            with connection.transaction():
                finish_run(connection, run_id, now=now, summary=Failed(str(error)), succeeded=False)
        raise


def _plan(
    connection: Connection[Any],
    run_id: UUID,
    first_day: date,
    last_day: date,
    now: datetime,
    settings: Settings,
    scenarios: Sequence[str] | None,
) -> PlanReport:
    # planners go one after the other: two that see the same candidates would only undo each other's work
    wait_for_plans(connection)
    # a build that would change a table under the plan waits for it, and the plan for one that has begun to
    connection.execute("lock table eligibility.scenario_registry in share mode")
    broken = synchronise(connection, now=now, options=settings.options)
    selected = _selected_ids(connection, scenarios)
    broken += contract_breaches(connection, selected=selected, known=broken)
    today = settings.local_date(now)
    planning = Planning(
        now=now,
        today=today,
        first_day=first_day,
        last_day=min(last_day, today),
        time_zone=settings.time_zone,
        batch_time=settings.batch_time,
        blocks_everywhere=settings.blocks_everywhere,
        run_id=run_id,
        scenario_ids=selected,
    )
    stopped, expired = NOTHING_STOPPED, 0
    entries = Entries()
    decisions: tuple[DecisionCount, ...] = ()
    if first_day <= today:
        broken_models = [scenario.model_name for scenario in broken]
        stopped = stop(connection, now=now, selected=selected, broken_models=broken_models)
        expired = connection.execute(statement(__file__, "expire_holds"), vars(planning)).rowcount
        entries = enter(connection, planning, broken_models=broken_models)
        creation = creation_of(statement(__file__, "wanted_first_steps"))
        if connection.execute(creation, vars(planning)).rowcount >= MANY_ROWS:
            connection.execute("analyze outreach.enrolments, outreach.schedule_rows")
        connection.execute(statement(__file__, "await_first_rows"), vars(planning))
        forget_swept_changes(connection, blocks_everywhere=settings.blocks_everywhere)
        decisions = record_decisions(connection, planning, broken_models=broken_models)
        # only now: what was decided of these customers is told from their waiting
        connection.execute(statement(__file__, "give_up_first_rows"), vars(planning))
    return PlanReport(
        run_id=run_id,
        first_day=first_day,
        last_day=last_day,
        enrolled=entries.enrolled,
        cancelled=stopped.cancelled,
        created=created_by(connection, run_id),
        left_out=broken,
        superseded=entries.superseded,
        decisions=decisions,
        expired=expired,
        unanswered=stopped.unanswered,
    )


def _check_days(first_day: date, last_day: date, *, today: date) -> None:
    if last_day < first_day:
        raise ValueError(f"the last day {last_day} is before the first day {first_day}")
    end = max(last_day, today)
    if (end - first_day).days > MOST_DAYS:
        raise DaysOutOfReach(
            f"{first_day} to {last_day} cannot be planned: the first day lies more than ten years before {end}; is the"
            " year right? A later first day takes in whoever was due before it as well"
        )


def _selected_ids(connection: Connection[Any], codes: Sequence[str] | None) -> list[int] | None:
    if not codes:
        return None
    known = scenario_ids(connection)
    # what only the build has is broken since it was first built: it is left out, and its faults are told
    return [known[code] for code in codes if code in known]
