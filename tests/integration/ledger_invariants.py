"""The invariants of the ledger (docs/ledger.md), as queries that find what breaks them."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from tests.integration.ledger_fixtures import Shop

BROKEN = {
    "1a: at most one row per enrolment and step that is not deleted": """
        select enrolment_id, step_no from outreach.schedule_rows where state <> 'deleted'
        group by enrolment_id, step_no having count(*) > 1
    """,
    "1b: at most one open row per enrolment": """
        select enrolment_id from outreach.schedule_rows where state in ('ready', 'held', 'sending', 'failed')
        group by enrolment_id having count(*) > 1
    """,
    "2: row N+1 exists only if row N is sent (or skipped, where the scenario goes on)": """
        select rows.schedule_row_id from outreach.schedule_rows as rows
        where rows.step_no > 1 and rows.state <> 'deleted' and not exists (
            select from outreach.schedule_rows as previous
            inner join outreach.scenario_versions as versions using (scenario_version_id)
            where previous.enrolment_id = rows.enrolment_id and previous.step_no = rows.step_no - 1
            and (previous.state = 'sent' or previous.state = 'skipped' and versions.on_skip = 'continue')
        )
    """,
    "3: every sent row has exactly one message, and only sent rows have one": """
        select rows.schedule_row_id from outreach.schedule_rows as rows
        left join outreach.messages using (schedule_row_id)
        group by rows.schedule_row_id
        having count(messages.message_id) <> case when rows.state = 'sent' then 1 else 0 end
    """,
    "4: a row born past due is never sent without a release": """
        select rows.schedule_row_id from outreach.schedule_rows as rows
        inner join outreach.scenario_versions as versions using (scenario_version_id)
        where rows.state = 'sent' and rows.released_at is null and versions.past_date_policy = 'hold'
        and rows.due_date < (rows.created_at at time zone %(time_zone)s)::date
    """,
    "6: no transition out of sent": """
        select transition_id from outreach.transitions where subject = 'schedule_row' and from_state = 'sent'
    """,
    "the transitions of a row lead from its birth to its state without a gap": """
        with chained as (
            select subject_id, from_state, to_state,
                lag(to_state, 1, '') over by_time as before, lead(to_state) over by_time as after
            from outreach.transitions where subject = 'schedule_row'
            window by_time as (partition by subject_id order by transition_id)
        )
        select rows.schedule_row_id from outreach.schedule_rows as rows
        left join chained on rows.schedule_row_id = chained.subject_id
        where chained.subject_id is null or chained.from_state <> chained.before
        or chained.after is null and chained.to_state <> rows.state
    """,
    "whatever has an open row is active": """
        select rows.schedule_row_id from outreach.schedule_rows as rows
        inner join outreach.enrolments using (enrolment_id)
        where rows.state in ('ready', 'held', 'sending', 'failed') and enrolments.state <> 'active'
    """,
    "nobody is in two exclusive scenarios": """
        select customer_id from outreach.exclusive_enrolments where state = 'active'
        group by customer_id having count(distinct scenario_id) > 1
    """,
    "who is superseded has nothing that waits": """
        select rows.schedule_row_id from outreach.schedule_rows as rows
        inner join outreach.enrolments using (enrolment_id)
        where enrolments.exit_reason = 'superseded' and rows.state in ('ready', 'held', 'sending', 'failed')
    """,
    "what is not on its way has no attempt under way": """
        select attempts.schedule_row_id from outreach.attempts
        inner join outreach.schedule_rows as rows using (schedule_row_id)
        where attempts.finished_at is null and rows.state <> 'sending'
    """,
}


def broken_invariants(connection: Connection[Any], time_zone: str = "Asia/Tokyo") -> dict[str, list[tuple[Any, ...]]]:
    """Return what breaks each invariant, empty if the ledger is sound."""
    found = {
        name: connection.execute(query.encode(), {"time_zone": time_zone}).fetchall() for name, query in BROKEN.items()
    }
    return {name: rows for name, rows in found.items() if rows}


def snapshot(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return what two runs of the same planning must agree on: every row, by customer, without ids and run times."""
    return connection.execute(
        """
        select scenario_code, customer_id, step_no, due_date, state, reason, send_at, planned_send_at, anchor_kind,
            anchor_key, enrolment_state, exit_reason, scenario_version
        from outreach.operator_rows order by scenario_code, customer_id, anchor_key, step_no
        """
    ).fetchall()


@pytest.fixture
def sound_ledger(shop: Shop) -> Iterator[None]:
    """Whatever the test did, no invariant is broken afterwards."""
    yield
    assert broken_invariants(shop.connection, shop.settings.time_zone) == {}
