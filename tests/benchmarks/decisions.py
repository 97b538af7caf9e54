"""What a decision costs on disk, and how long one person's take to find, after a month and after ten.

Belongs here: filling the ledger with decisions through real plans, and weighing them. Does not belong here: how fast a
plan finds whom to decide about (`day`, `growth`).
"""

from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import psycopg

from ekiden.insights.decisions import DecisionFilter, decisions
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.runs import RunContext
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import BenchmarkFailed, Place, scratch
from tests.benchmarks.shop import TODAY, Size
from tests.integration.ledger_fixtures import ELIGIBILITY, STAGING

SCENARIOS = 10
MONTH = 30
MONTHS = 10
DECIDED_IN_A_MONTH = 3
"""Decisions of an average customer in a month: who buys monthly comes up in a few scenarios."""
LOOKED_UP = 25
"""Customers whose decisions are looked up, one after the other."""

DEFINITION = """
insert into eligibility.scenario_registry
select
    'scenario_' || number,
    'eligibility.scenario_' || number,
    jsonb_build_object(
        'code', 'scenario_' || number, 'name', 'scenario ' || number, 'status', 'enabled', 'anchor', 'ordered',
        'reentry', 'per_anchor',
        'steps', '[{"offset_days": 1, "send_time": "12:00", "content": "sample/step_1"}]'::jsonb
    ),
    null, 'build', null, now()
from generate_series(1, %s) as number
"""

# a customer in a hundred is unconfirmed; of the others nine in ten do not meet the conditions, one is stopped
ANCHORS = """
insert into eligibility.scenario_{number}
select
    'C' || lpad((1 + floor(random() * %(customers)s))::integer::text, 7, '0'),
    'ordered', drawn.number || '-' || planned.day, planned.day, planned.day::date,
    drawn.entry_during, '{{(,)}}'
from generate_series(%(first_day)s::timestamptz, %(last_day)s::timestamptz, interval '1 day') as planned (day)
cross join lateral (
    select
        number,
        case when number %% 10 = 0 then '{{(,)}}'::tstzmultirange else '{{}}'::tstzmultirange end as entry_during
    from generate_series(1, %(a_day)s) as number
) as drawn
"""


def run(size: Size, report: Reporter) -> None:
    """Weigh the decisions of a month, then those of ten, and look people up in both."""
    with scratch() as place, place.connect() as connection:
        report.note(f"{size.customers:,} customers who come up {DECIDED_IN_A_MONTH} times a month")
        _make_shop(connection, size)
        first_day = TODAY - timedelta(days=MONTH * MONTHS - 1)
        seconds = _decide(place, connection, size, first_day, first_day + timedelta(days=MONTH - 1))
        decided = _weigh(connection, report, "month")
        report.figure("plan_seconds_for_100000_decisions", seconds / decided * 100_000, "s")
        for month in range(1, MONTHS):
            begins = first_day + timedelta(days=month * MONTH)
            report.note(f"month {month + 1}")
            _decide(place, connection, size, begins, begins + timedelta(days=MONTH - 1))
        _weigh(connection, report, "ten_months")


def _make_shop(connection: psycopg.Connection[Any], size: Size) -> None:
    connection.execute(STAGING.encode())
    connection.execute("select setseed(%s)", (size.seed / 1_000_000 % 1,))
    connection.execute(
        "insert into raw.customers (customer_id, registered_at, duplicate_status)"
        " select 'C' || lpad(number::text, 7, '0'), '2020-01-01',"
        " case when number %% 100 = 0 then 'unconfirmed' else 'confirmed' end"
        " from generate_series(1, %s) as number",
        (size.customers,),
    )
    for number in range(1, SCENARIOS + 1):
        names = {"table": f"eligibility.scenario_{number}", "live_table": f"eligibility.scenario_{number}_live"}
        connection.execute(ELIGIBILITY.format(**names, function=f"eligibility.scenario_{number}_answers").encode())
        connection.execute(f"create index on eligibility.scenario_{number} (anchor_date)".encode())
    connection.execute(DEFINITION, (SCENARIOS,))
    connection.execute("analyze raw.customers")


def _decide(place: Place, connection: psycopg.Connection[Any], size: Size, first_day: date, last_day: date) -> float:
    """Let customers come up on these days, plan them, plan them again, and return the seconds of the first plan."""
    for number in range(1, SCENARIOS + 1):
        connection.execute(f"truncate eligibility.scenario_{number}".encode())
        connection.execute(
            ANCHORS.format(number=number).encode(),
            {
                "first_day": first_day - timedelta(days=1),
                "last_day": last_day - timedelta(days=1),
                "customers": size.customers,
                "a_day": size.customers * DECIDED_IN_A_MONTH // MONTH // SCENARIOS,
            },
        )
        connection.execute(f"analyze eligibility.scenario_{number}".encode())
    began = perf_counter()
    _plan(place, connection, first_day, last_day)
    seconds = perf_counter() - began
    before = _count(connection)
    _plan(place, connection, first_day, last_day)
    if _count(connection) != before:
        raise BenchmarkFailed("planning again kept the same decisions again")
    return seconds


def _plan(place: Place, connection: psycopg.Connection[Any], first_day: date, last_day: date) -> None:
    moment = datetime.combine(last_day, time(9, 0), place.settings.zone)
    plan(connection, first_day, last_day, now=moment, settings=place.settings, context=RunContext("benchmark"))


def _count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select coalesce(sum(customer_count), 0) from outreach.decision_batches").fetchone()
    return int(row[0]) if row else 0


def _weigh(connection: psycopg.Connection[Any], report: Reporter, name: str) -> int:
    # what autovacuum would do by and by: the index's list of what is not yet in order
    connection.execute("vacuum analyze outreach.decision_batches")
    row = connection.execute(
        "select pg_table_size(batches.oid), pg_relation_size('outreach.decision_batches_by_customer'),"
        " pg_total_relation_size(batches.oid)"
        " from pg_class as batches where batches.oid = 'outreach.decision_batches'::regclass"
    ).fetchone()
    assert row is not None
    table, index, total = row
    decided = _count(connection)
    report.figure(f"{name}_decisions", decided, "decisions")
    report.figure(f"{name}_table_bytes_per_decision", table / decided, "bytes")
    report.figure(f"{name}_index_bytes_per_decision", index / decided, "bytes")
    report.figure(f"{name}_bytes_per_decision", total / decided, "bytes")
    customers = connection.execute(
        "select customers[1] from outreach.decision_batches order by decision_batch_id desc limit %s", (LOOKED_UP,)
    ).fetchall()
    times = []
    for (customer,) in customers:
        began = perf_counter()
        decisions(connection, DecisionFilter(customer=customer), limit=1_000)
        times.append(perf_counter() - began)
    report.figure(f"{name}_one_person_milliseconds", median(times) * 1_000, "ms")
    return decided
