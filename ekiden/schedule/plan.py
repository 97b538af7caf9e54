"""Planning: what becomes of a day, or of a range of missed days, in the ledger.

One transaction: stops first, then the sweep for everyone who is due and has no row yet. Belongs here: the order of
these parts. Does not belong here: who is eligible (dbt), or anything sent (`ekiden.delivery`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.scenarios.registry import BrokenScenario, is_built, synchronise
from ekiden.schedule.entry import Entries, TurnedAway, enter
from ekiden.schedule.rows import RowCount, created_by
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.schedule.stops import stop
from ekiden.settings import Settings

MANY_ENROLMENTS = 500
"""Enrolments in one run from which on the tables' statistics are refreshed at once: below it every join is fast."""


@dataclass(frozen=True)
class PlanReport:
    """What one planning run did.

    `cancelled` counts the rows that stops cancelled, `superseded` the enrolments that ended for a better one or a later
    anchor, `created` the rows that were made, by scenario, step and state, and `turned_away` the candidates that
    arbitration kept out, by scenario and rule.
    """

    run_id: UUID
    first_day: date
    last_day: date
    enrolled: int
    cancelled: int
    created: tuple[RowCount, ...]
    broken: tuple[BrokenScenario, ...] = ()
    superseded: int = 0
    turned_away: tuple[TurnedAway, ...] = ()

    @property
    def held(self) -> int:
        return sum(count.rows for count in self.created if count.state == "held")

    @property
    def ready(self) -> int:
        return sum(count.rows for count in self.created if count.state == "ready")


class UnknownScenario(ValueError):
    """A selection names a scenario that the ledger does not know."""


class NothingBuilt(RuntimeError):
    """There is no eligibility table yet."""


def plan(
    connection: Connection[Any],
    first_day: date,
    last_day: date,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    scenarios: Sequence[str] | None = None,
) -> PlanReport:
    """Plan local days `first_day` to `last_day`; `scenarios` narrows it to these codes.

    Whatever is due before the real today is held, whichever day is planned (R-116); days after today are left for
    their own planning. Planning again changes nothing. Raises `UnknownScenario` for a code the ledger does not have.
    """
    if last_day < first_day:
        raise ValueError(f"the last day {last_day} is before the first day {first_day}")
    with connection.transaction():
        run_id = start_run(connection, "plan", "materialiser", context, now=now, first_day=first_day, last_day=last_day)
    try:
        with acting(connection, "materialiser", context, run_id, now=now):
            report = _plan(connection, run_id, first_day, last_day, now, settings, scenarios)
            finish_run(
                connection,
                run_id,
                now=now,
                summary={
                    "enrolled": report.enrolled,
                    "cancelled": report.cancelled,
                    "held": report.held,
                    "ready": report.ready,
                    "superseded": report.superseded,
                    "turned_away": [asdict(turned_away) for turned_away in report.turned_away],
                },
            )
    except BaseException as error:
        if not connection.closed:
            with connection.transaction():
                finish_run(connection, run_id, now=now, summary={"error": str(error)}, succeeded=False)
        raise
    if report.enrolled >= MANY_ENROLMENTS:
        # statistics of a nearly empty table make nested loops of the next run's joins: seconds at 3,000 rows
        connection.execute("analyze outreach.enrolments, outreach.schedule_rows")
    return report


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
    connection.execute("select pg_advisory_xact_lock(hashtext('ekiden.plan'))")
    if not is_built(connection):
        raise NothingBuilt("no scenario has been built yet: run `ekiden build`, or the job plan_day")
    # a build that would change a table under the plan waits for it, and the plan for one that has begun to
    connection.execute("lock table eligibility.scenario_registry in share mode")
    broken = synchronise(connection, now=now, options=settings.options)
    selected = _selected_ids(connection, scenarios)
    today = settings.local_date(now)
    swept_to = min(last_day, today)
    parameters = {
        "now": now,
        "today": today,
        "first_day": first_day,
        "last_day": swept_to,
        "time_zone": settings.time_zone,
        "run_id": run_id,
        "scenario_ids": selected,
    }
    cancelled = 0
    entries = Entries()
    if first_day <= today:
        broken_models = [scenario.model_name for scenario in broken]
        cancelled = stop(connection, now=now, selected=selected, broken_models=broken_models)
        entries = enter(connection, parameters, selected=selected, broken_models=broken_models)
        births = statement(__file__, "births").format(wanted=statement(__file__, "wanted_first_steps"))
        connection.execute(births, parameters)
    return PlanReport(
        run_id,
        first_day,
        last_day,
        entries.enrolled,
        cancelled,
        created_by(connection, run_id),
        broken,
        entries.superseded,
        entries.turned_away,
    )


def _selected_ids(connection: Connection[Any], codes: Sequence[str] | None) -> list[int] | None:
    if not codes:
        return None
    known = dict(connection.execute("select scenario_code, scenario_id from outreach.scenarios").fetchall())
    unknown = sorted(set(codes) - set(known))
    if unknown:
        raise UnknownScenario(f"no scenario {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'none yet'}")
    return [known[code] for code in codes]
