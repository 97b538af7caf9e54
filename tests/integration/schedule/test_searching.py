"""Searching the ledger for what waits: the past, however long, is not read for it."""

import pytest
from psycopg import sql

from ekiden.database import streams
from ekiden.database.connection import connect
from ekiden.database.statements import UnfindableText
from ekiden.schedule.rows import RowFilter, count, found_rows, search
from tests.integration.ledger_fixtures import Shop

PAST_ROWS = 20_000
"""Enough for a walk through them to look cheap when only the first few of what is found are wanted; and more than what
joining the sixty rows that wait leaves out, whichever way the server takes by the statistics of the moment."""

PAST = f"""
set session_replication_role = replica;
insert into outreach.enrolments (
    scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date, state,
    entered_at, exited_at, plan_run_id, partition_date
)
select
    scenario_id, scenario_version_id, customer_id, 'past ' || number, anchor_kind, anchor_key, anchor_at,
    anchor_date - 30, 'completed', entered_at, entered_at, plan_run_id, partition_date - 30
from outreach.enrolments cross join generate_series(1, {PAST_ROWS}) as past (number)
where customer_id = 'C0';
insert into outreach.schedule_rows (
    enrolment_id, scenario_id, scenario_version_id, customer_id, step_no, channel, due_date, planned_send_at, send_at,
    sent_at, state, run_id, partition_date, created_at, state_changed_at
)
select
    enrolment_id, scenario_id, scenario_version_id, customer_id, 1, 'html_email', anchor_date, entered_at, entered_at,
    entered_at, 'sent', plan_run_id, partition_date, entered_at, entered_at
from outreach.enrolments
where entry_key like 'past %';
reset session_replication_role;
analyze outreach.enrolments, outreach.schedule_rows;
"""  # noqa: S608


def test_what_waits_is_found_without_reading_the_past(shop: Shop):
    shop.scenario()
    for number in range(60):
        shop.buyer(f"C{number}", "2024-03-05")
    shop.plan()
    shop.connection.execute(PAST)
    for row_filter in (
        RowFilter(states=("held",)),
        RowFilter(states=("ready", "held")),
        RowFilter(states=("held",), first=10),
        RowFilter(hold_reasons=("past_due",)),
    ):
        assert [row.state for row in search(shop.connection, row_filter, limit=10)] == ["held"] * 10
        query = sql.SQL("explain (analyze, timing off, format json) select * from {rows} order by {due_date} limit 10")
        explained = query.format(rows=row_filter.selection(), due_date=row_filter.sorted_due_date())
        ((plan,),) = shop.connection.execute(explained).fetchall()
        assert sum(_left_out(plan[0]["Plan"])) < PAST_ROWS


def test_rows_that_are_read_slowly_keep_nobody_waiting(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "FETCHED_ROWS", 1)
    shop.scenario()
    for number in range(9):
        shop.buyer(f"C{number}")
    shop.plan()
    for limit in (None, 5):
        with found_rows(shop.connection, RowFilter(), limit=limit) as found:
            first = next(found)
            with connect(shop.settings) as another:
                another.execute("lock table outreach.schedule_rows in access exclusive mode nowait")
                another.rollback()
            assert [first, *found] == search(shop.connection, RowFilter(), limit=limit)


def test_a_row_that_is_named_is_found_without_reading_others(shop: Shop):
    shop.scenario()
    for number in range(60):
        shop.buyer(f"C{number}")
    shop.plan()
    shop.connection.execute(PAST)
    row = shop.row(customer="C7")
    number, message = str(row.schedule_row_id), str(row.message_id)
    query = sql.SQL("explain (analyze, timing off, format json) select * from {rows}")
    explained = query.format(rows=RowFilter(rows=(number,)).selection())
    ((plan,),) = shop.connection.execute(explained).fetchall()
    assert sum(_left_out(plan[0]["Plan"])) == 0
    for named in ((number,), (message,), (number, message)):
        assert [found.customer_id for found in shop.rows(rows=named)] == ["C7"]


def _left_out(node):
    yield node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
    for child in node.get("Plans", ()):
        yield from _left_out(child)


def test_a_text_that_no_database_can_hold_is_refused_by_its_field(shop: Shop):
    for look in (lambda asked: search(shop.connection, asked, limit=1), lambda asked: count(shop.connection, asked)):
        with pytest.raises(UnfindableText, match=r"customer_id = 'C\\x001': no text .* holds a NUL character"):
            look(RowFilter(customer="C\x001"))
