"""Planning: a day with many due rows, again with nothing new, a missed month in one run or day by day, and a release.

Belongs here: the order of the measurements and the figures. Does not belong here: what the past costs (`ledger`).
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from time import perf_counter
from typing import Any, TypeVar

import psycopg

from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.planning.plan import PlanReport, plan
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import BenchmarkFailed, copy_project, scratch
from tests.benchmarks.scenarios import segments_read, twenty

LOOK_BACK_DAYS = 4
"""With which a tenth as many first steps are due in the twenty scenarios as there are customers."""
MISSED_DAYS = 30
OF_FIRST = 0.05
"""What a sweep with nothing new may take of the first sweep's time."""
RUNS = 3
BENCHMARK = RunContext("benchmark")
Result = TypeVar("Result")
EMPTY = """
truncate outreach.runs, outreach.scenarios, outreach.scenario_versions, outreach.enrolments, outreach.transitions,
    outreach.enrolment_changes cascade
"""


def run(size: shop.Size, report: Reporter) -> None:
    """Plan, plan again, and backfill in two ways, which must come to the same rows."""
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders, and twenty scenarios")
        shop.make_shop(place.folder / "shop", size)
        scenarios = {name: given | {"look_back_days": LOOK_BACK_DAYS} for name, given in twenty().items()}
        project = copy_project(place.folder, scenarios, segments=segments_read(scenarios))
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
            place.build(project)
            connection.execute("vacuum analyze")
            planner = _Planner(connection, place.settings)
            _measure_sweeps(planner, report)
            report.note(f"{size.new_orders:,} new orders, and their day")
            shop.make_new_orders(place.folder / "morning", size)
            shop.load_postgres(connection, place.folder / "morning")
            place.build(project)
            seconds, planned = _timed(lambda: planner.plan(days_later=2))
            report.figure("a_morning_with_new_orders_seconds", seconds, "s")
            report.figure("a_morning_with_new_orders_rows", _created(planned), "rows")
            _measure_backfill(planner, report)
            _measure_release(planner, report)


class _Planner:
    """Plans the shop's days with a clock that is turned, on nine o'clock local time."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        self.connection = connection
        self.settings = settings

    def now(self, days_later: int = 0, hours_later: int = 0) -> datetime:
        morning = datetime.combine(shop.TODAY, time(9), self.settings.zone)
        return morning + timedelta(days=days_later, hours=hours_later)

    def plan(self, *, days_later: int = 0, hours_later: int = 0) -> PlanReport:
        now = self.now(days_later, hours_later)
        return plan(self.connection, now.date(), now.date(), now=now, settings=self.settings, context=BENCHMARK)

    def backfill(self, first: int, last: int) -> PlanReport:
        """Plan the days so many days before the shop's own, both included, on that day."""
        days = [shop.TODAY - timedelta(days=before) for before in (first, last)]
        return plan(self.connection, *days, now=self.now(), settings=self.settings, context=BENCHMARK)

    def empty(self) -> None:
        self.connection.execute(EMPTY)

    def rows(self) -> tuple[Any, ...]:
        """Return how many rows there are, and what tells them from others."""
        row = self.connection.execute(
            "select count(*), sum(hashtextextended(concat_ws('|', scenario_code, customer_id, anchor_key, step_no,"
            " due_date, state), 0)) from outreach.operator_rows"
        ).fetchone()
        assert row is not None
        return row


def _measure_sweeps(planner: _Planner, report: Reporter) -> None:
    report.note("the first sweep, and then with nothing new")
    first, planned = _timed(planner.plan)
    report.figure("due_rows", _created(planned), "rows")
    report.figure("first_sweep_seconds", first, "s")
    again = median([_timed(lambda hour=hour: planner.plan(hours_later=hour))[0] for hour in range(1, RUNS + 1)])
    report.figure("nothing_new_seconds", again, "s")
    report.figure("nothing_new_to_first_sweep", again / first, "ratio", OF_FIRST)
    seconds, planned = _timed(lambda: planner.plan(days_later=1))
    report.figure("next_day_seconds", seconds, "s")
    report.figure("next_day_rows", _created(planned), "rows")
    planner.connection.execute("delete from outreach.sweeps")
    seconds, _ = _timed(lambda: planner.plan(days_later=1, hours_later=1))
    report.figure("whole_sweep_with_nothing_new_seconds", seconds, "s")


def _measure_backfill(planner: _Planner, report: Reporter) -> None:
    report.note(f"{MISSED_DAYS} missed days, in one run and one by one")
    planner.empty()
    single, _ = _timed(lambda: [planner.backfill(day, day) for day in range(MISSED_DAYS, 0, -1)])
    of_single_days = planner.rows()
    planner.empty()
    at_once, planned = _timed(lambda: planner.backfill(MISSED_DAYS, 1))
    if planner.rows() != of_single_days:
        raise BenchmarkFailed(f"single days come to other rows than one run: {of_single_days}, {planner.rows()}")
    report.figure("backfilled_rows", _created(planned), "rows")
    report.figure("backfill_at_once_seconds", at_once, "s")
    report.figure("backfill_of_single_days_seconds", single, "s")
    report.figure("backfill_at_once_to_single_days", at_once / single, "ratio")


def _measure_release(planner: _Planner, report: Reporter) -> None:
    report.note("release of what is held")
    seconds, released = _timed(
        lambda: operate(
            planner.connection,
            ACTIONS["release"],
            RowFilter(states=("held",)),
            now=planner.now(),
            settings=planner.settings,
            context=BENCHMARK,
            limit=10**9,
        )
    )
    report.figure("released_rows", released.changed, "rows")
    report.figure("release_seconds", seconds, "s")


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    began = perf_counter()
    result = work()
    return perf_counter() - began, result


def _created(planned: PlanReport) -> int:
    return sum(count.rows for count in planned.created)
