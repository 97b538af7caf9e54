"""A ledger whose past grows: today's planning, searches, and one customer's history, with twenty times as many rows.

Belongs here: making a past by SQL, and the figures. Does not belong here: what a day costs by itself (`plan`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from time import perf_counter
from typing import Any

import psycopg
from psycopg import sql

from ekiden.delivery.guards import check_before_sending
from ekiden.delivery.sending.due import due_now
from ekiden.insights.status import deployment_status
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.rows import RowFilter, count, search, summary
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import Place, copy_project, scratch
from tests.benchmarks.scenarios import segments_read, twenty

ROWS_PER_CUSTOMER = (1, 20)
"""Of the past: a million rows and twenty million where there are a million customers."""
OF_SMALL_PAST = 1.2
"""What today's work may take with the large past of its time with the small one; the rest is noise."""
RUNS = 5
LIMIT = 100
"""Rows of one search, as the command line asks for."""
BENCHMARK = RunContext("benchmark")

# Nobody would wait for triggers and references at this size, and what they check is right by construction. Three
# years of messages to customers drawn evenly, all sent; every thousandth row still waits for a person.
PAST = """
set session_replication_role = replica;
insert into outreach.runs (
    run_id, kind, partition_from, partition_to, actor_kind, actor, started_at, outcome
)
select
    md5(day::text)::uuid, 'plan', %(today)s::date - day, %(today)s::date - day, 'materialiser', 'benchmark',
    %(today)s::date - day, 'succeeded'
from generate_series(1, 1000) as days (day)
on conflict do nothing;
insert into outreach.enrolments (
    scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date,
    state, entered_at, exited_at, plan_run_id, partition_date
)
select
    scenarios.scenario_id, scenarios.current_version_id, customers.customer_id, 'past:' || past.number, 'past',
    past.number::text, %(today)s::date - past.day, %(today)s::date - past.day,
    case when past.number %% 1000 = 0 then 'active' else 'completed' end, %(today)s::date - past.day,
    case when past.number %% 1000 <> 0 then %(today)s::date - past.day end, md5(past.day::text)::uuid,
    %(today)s::date - past.day
from (
    select number, (number * 1000 / %(rows)s %% 1000 + 1)::integer as day,
        mod(number * 7919, (select count(*) from raw.customers)) + 1 as customer,
        mod(number, (select count(*) from outreach.scenarios)) + 1 as scenario
    -- of bigint: the numbers are multiplied
    from generate_series(%(after)s::bigint + 1, %(rows)s::bigint) as numbers (number)
) as past
inner join (select *, row_number() over (order by scenario_id) as number from outreach.scenarios) as scenarios
    on past.scenario = scenarios.number
inner join (select customer_id, row_number() over (order by customer_id) as number from raw.customers) as customers
    on past.customer = customers.number;
insert into outreach.schedule_rows (
    enrolment_id, scenario_id, scenario_version_id, customer_id, step_no, channel, due_date, planned_send_at, send_at,
    sent_at, state, reason, run_id, partition_date, created_at, state_changed_at
)
select
    enrolment_id, scenario_id, scenario_version_id, customer_id, 1, 'html_email', anchor_date, anchor_at,
    exited_at, exited_at, case when exited_at is null then 'held' else 'sent' end,
    case when exited_at is null then 'operator' end, plan_run_id, anchor_date, anchor_at, anchor_at
from outreach.enrolments
where anchor_kind = 'past' and anchor_key::bigint > %(after)s;
insert into outreach.transitions (
    subject, subject_id, transition, from_state, to_state, actor_kind, actor, run_id, transitioned_at
)
select 'schedule_row', schedule_row_id, steps.transition, steps.from_state, steps.to_state, 'dispatcher', 'benchmark',
    run_id, planned_send_at
from outreach.schedule_rows
inner join outreach.enrolments using (enrolment_id)
cross join lateral (
    values ('T1', '', 'ready'), ('T7', 'sending', 'sent')
) as steps (transition, from_state, to_state)
where anchor_kind = 'past' and anchor_key::bigint > %(after)s;
set session_replication_role = origin;
"""

INDEXES = """
select indexes.indexrelid::regclass::text, pg_get_indexdef(indexes.indexrelid)
from pg_index as indexes
where
    indexes.indrelid in (
        'outreach.enrolments'::regclass, 'outreach.schedule_rows'::regclass, 'outreach.transitions'::regclass
    )
    and not exists (select from pg_constraint where pg_constraint.conindid = indexes.indexrelid)
"""


def run(size: shop.Size, report: Reporter) -> None:
    """Measure the same work with a small past and with a large one."""
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders, and twenty scenarios")
        shop.make_shop(place.folder / "shop", size)
        scenarios = twenty()
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
            place.build(copy_project(place.folder, scenarios, segments=segments_read(scenarios)))
            _plan(connection, place.settings, hour=8)
            taken: list[dict[str, float]] = []
            rows = 0
            for per_customer in ROWS_PER_CUSTOMER:
                after, rows = rows, size.customers * per_customer
                report.note(f"a past of {rows:,} rows")
                _add_past(connection, after, rows)
                taken.append(_measure(connection, place))
    small, large = taken
    report.figure("rows_of_the_large_past", rows, "rows")
    for name, seconds in large.items():
        report.figure(f"{name}_seconds", seconds, "s")
        report.figure(f"{name}_to_small_past", seconds / small[name], "ratio", OF_SMALL_PAST)


def _plan(connection: psycopg.Connection[Any], settings: Settings, *, hour: int = 9) -> None:
    now = datetime.combine(shop.TODAY, time(hour), settings.zone)
    plan(connection, shop.TODAY, shop.TODAY, now=now, settings=settings, context=BENCHMARK)


def _add_past(connection: psycopg.Connection[Any], after: int, rows: int) -> None:
    values = {"today": shop.TODAY, "after": after, "rows": rows}
    with _without_indexes(connection), psycopg.ClientCursor(connection) as cursor:
        cursor.execute(PAST.encode(), values)
    connection.execute("vacuum analyze")


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Leave out the indexes that no constraint needs, and make them anew: entry by entry they take hours."""
    found = connection.execute(INDEXES).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("drop index {}").format(sql.SQL(name)))
    yield
    connection.execute("set maintenance_work_mem = '1GB'")
    for _, definition in found:
        connection.execute(definition)


def _measure(connection: psycopg.Connection[Any], place: Place) -> dict[str, float]:
    row = connection.execute("select min(customer_id), max(scenario_code) from outreach.operator_rows").fetchone()
    assert row is not None
    customer, scenario = row

    def planned_anew(*, whole: bool) -> None:
        with connection.transaction(force_rollback=True):
            if whole:
                connection.execute("delete from outreach.sweeps")
            _plan(connection, place.settings)

    def found(**row_filter: Any) -> Callable[[], object]:
        return lambda: search(connection, RowFilter(**row_filter), limit=LIMIT)

    now = datetime.combine(shop.TODAY, time(9), place.settings.zone)

    def looked_before_sending() -> None:
        with connection.transaction(force_rollback=True):
            check_before_sending(connection, place.settings, now=now, context=BENCHMARK)

    work: dict[str, Callable[[], object]] = {
        "status": lambda: deployment_status(connection, now=now, settings=place.settings),
        "look_before_sending": looked_before_sending,
        "what_is_due": lambda: due_now(connection, now=now, step_channels=MAIL_CHANNELS),
        "plan_of_today": lambda: planned_anew(whole=False),
        "plan_of_today_whole": lambda: planned_anew(whole=True),
        "search_of_a_customer": found(customer=customer),
        "search_of_what_is_held_of_a_scenario": found(scenario=scenario, states=("held",)),
        "search_of_a_scenarios_day": found(scenario=scenario, due_from=shop.TODAY, due_to=shop.TODAY),
        "search_of_anything": found(),
        "count_of_a_day": lambda: count(connection, RowFilter(due_from=shop.TODAY, due_to=shop.TODAY)),
        "summary_of_a_day": lambda: summary(connection, RowFilter(due_from=shop.TODAY, due_to=shop.TODAY)),
    }
    return {name: median([_seconds(one) for _ in range(RUNS)]) for name, one in work.items()}


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began
