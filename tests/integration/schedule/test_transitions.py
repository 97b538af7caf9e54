"""The ledger refuses every transition that is not listed, whoever tries, and records every listed one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from tests.integration.ledger_fixtures import Shop

NOW = datetime(2024, 3, 9, 3, 0, tzinfo=UTC)
ACTORS = ("materialiser", "dispatcher", "exporter", "operator")
ROW_STATES = ("ready", "held", "sending", "failed", "sent", "completed", "blocked", "skipped", "cancelled", "deleted")
ENROLMENT_STATES = ("active", "completed", "stopped", "removed")
REASONS = ("stop_condition", "force_stopped", "blocked", "manual_complete", "step_not_sent", "superseded")

# the glossary's sections 2 and 3, as (number, from, to, who)
ROW_TRANSITIONS = [
    ("T1", "", "ready", "materialiser dispatcher exporter"),
    ("T2", "", "held", "materialiser dispatcher exporter"),
    ("T3", "held", "ready", "operator"),
    ("T4", "ready", "held", "operator"),
    ("T5", "ready", "held", "dispatcher"),
    ("T6", "ready", "sending", "dispatcher"),
    ("T7", "sending", "sent", "dispatcher"),
    ("T8", "sending", "skipped", "dispatcher"),
    ("T9", "sending", "failed", "dispatcher"),
    ("T10", "failed", "ready", "dispatcher operator"),
    ("T11", "ready", "sent", "exporter"),
    ("T12", "ready held", "completed", "operator"),
    ("T13", "ready held failed", "blocked", "operator"),
    ("T14", "blocked", "held", "operator"),
    ("T15", "ready held", "cancelled", "materialiser dispatcher"),
    ("T15", "ready", "cancelled", "exporter"),
    ("T16", "ready held completed blocked skipped cancelled failed", "deleted", "operator"),
]
# (number, from, to, exit reason, who); E4 by the exporter too: whoever is about to make the next row finds the stop
ENROLMENT_TRANSITIONS = [
    ("E1", "", "active", "", "materialiser"),
    ("E2", "active", "completed", "", "dispatcher exporter"),
    ("E3", "active", "stopped", "stop_condition", "materialiser dispatcher exporter"),
    ("E4", "active", "stopped", "force_stopped", "materialiser dispatcher exporter"),
    ("E5", "active", "stopped", "blocked", "operator"),
    ("E5", "active", "stopped", "manual_complete", "operator"),
    ("E6", "active", "stopped", "step_not_sent", "materialiser dispatcher exporter"),
    ("E7", "active", "stopped", "superseded", "materialiser"),
    ("E9", "active stopped completed", "removed", "", "operator"),
    ("E10", "stopped", "active", "", "operator"),
]
LISTED_FOR_ROWS = {
    (before, after, actor): number
    for number, froms, after, actors in ROW_TRANSITIONS
    for before in froms.split() or [""]
    for actor in actors.split()
}
LISTED_FOR_ENROLMENTS = {
    (before, after, reason, actor): number
    for number, froms, after, reason, actors in ENROLMENT_TRANSITIONS
    for before in froms.split() or [""]
    for actor in actors.split()
}

INSERT_ROW = """
insert into outreach.schedule_rows (
    enrolment_id, scenario_id, scenario_version_id, customer_id, step_no, channel, due_date, planned_send_at,
    send_at, sent_at, state, claimed_by, run_id, partition_date, created_at, state_changed_at
)
select enrolment_id, scenario_id, scenario_version_id, customer_id, 1, 'html_email', '2024-03-09', %(now)s,
    case when %(state)s <> 'held' then %(now)s::timestamptz end,
    case when %(state)s = 'sent' then %(now)s::timestamptz end,
    %(state)s, case when %(state)s = 'sending' then 1 end, %(run)s, '2024-03-09', %(now)s, %(now)s
from outreach.enrolments
returning schedule_row_id
"""
UPDATE_ROW = """
update outreach.schedule_rows
set state = %(state)s, reason = 'because', state_changed_at = %(now)s,
    send_at = case when %(state)s <> 'held' then %(now)s::timestamptz end,
    sent_at = case when %(state)s = 'sent' then %(now)s::timestamptz end,
    claimed_by = case when %(state)s = 'sending' then 1 end
where schedule_row_id = %(row)s
"""
UPDATE_ENROLMENT = "update outreach.enrolments set state = %(state)s, exit_reason = %(reason)s"


@pytest.fixture
def run(shop: Shop) -> UUID:
    """A run that is under way, and one enrolment without rows."""
    shop.scenario(enrol_at="anchor", steps=[{"offset_days": 5, "content": "sample/step_1"}])
    shop.buyer("C1")
    return shop.plan().run_id


@contextmanager
def undone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def act(connection: psycopg.Connection[Any], kind: str, run: UUID) -> None:
    connection.execute(
        "select set_config('ekiden.actor_kind', %s, true), set_config('ekiden.actor', 'somebody', true),"
        " set_config('ekiden.run_id', %s, true), set_config('ekiden.now', %s, true)",
        (kind, str(run), NOW.isoformat()),
    )


@contextmanager
def unguarded(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Set up a state without the triggers, as no client of the ledger can."""
    connection.execute("set local session_replication_role = replica")
    yield
    connection.execute("set local session_replication_role = origin")


def accepts(connection: psycopg.Connection[Any], statement: str, values: dict[str, Any]) -> bool:
    """Return whether the ledger accepts a statement; whatever else goes wrong is raised."""
    try:
        with connection.transaction():
            connection.execute(statement.encode(), values)
    except errors.CheckViolation as refusal:
        assert refusal.diag.constraint_name is None, refusal
        return False
    return True


def last_transition(connection: psycopg.Connection[Any], subject: str) -> tuple[Any, ...]:
    return connection.execute(
        "select transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at"
        " from outreach.transitions where subject = %s order by transition_id desc limit 1",
        (subject,),
    ).fetchone()


def test_the_listed_transitions_are_the_glossarys(shop: Shop):
    rows = shop.execute(
        "select from_state, to_state, actor_kind, transition from outreach.listed_transitions"
        " where subject = 'schedule_row'"
    )
    enrolments = shop.execute(
        "select from_state, to_state, exit_reason, actor_kind, transition from outreach.listed_transitions"
        " where subject = 'enrolment'"
    )
    assert {row[:-1]: row[-1] for row in rows} == LISTED_FOR_ROWS
    assert {row[:-1]: row[-1] for row in enrolments} == LISTED_FOR_ENROLMENTS


def test_the_states_are_the_glossarys(shop: Shop):
    assert {state for (state,) in shop.execute("select state from outreach.schedule_row_states")} == set(ROW_STATES)
    assert {state for (state,) in shop.execute("select state from outreach.enrolment_states")} == set(ENROLMENT_STATES)
    assert shop.execute("select label_ja from outreach.schedule_row_states where state = 'held'") == [("実施保留",)]


def test_a_row_is_born_only_as_listed(shop: Shop, run: UUID):
    for state, actor in product(ROW_STATES, ACTORS):
        with undone(shop.connection):
            act(shop.connection, actor, run)
            accepted = accepts(shop.connection, INSERT_ROW, {"state": state, "run": run, "now": NOW})
            number = LISTED_FOR_ROWS.get(("", state, actor))
            assert accepted == (number is not None), (state, actor)
            if accepted:
                expected = (number, "", state, actor, "somebody", None, run, NOW)
                assert last_transition(shop.connection, "schedule_row") == expected


def test_a_row_is_born_of_an_enrolment_that_is_there(shop: Shop, run: UUID):
    act(shop.connection, "materialiser", run)
    of_nobody = INSERT_ROW.replace("select enrolment_id,", "select enrolment_id + 1,")
    with pytest.raises(errors.ForeignKeyViolation, match="born of an enrolment"):
        shop.connection.execute(of_nobody, {"state": "ready", "run": run, "now": NOW})


@pytest.mark.parametrize("before", ROW_STATES)
def test_a_row_changes_its_state_only_as_listed(shop: Shop, run: UUID, before: str):
    for after, actor in product(ROW_STATES, ACTORS):
        if after == before:
            continue
        with undone(shop.connection):
            with unguarded(shop.connection):
                values = {"state": before, "run": run, "now": NOW}
                (row,) = shop.connection.execute(INSERT_ROW.encode(), values).fetchone()
            act(shop.connection, actor, run)
            accepted = accepts(shop.connection, UPDATE_ROW, {"row": row, "state": after, "now": NOW})
            number = LISTED_FOR_ROWS.get((before, after, actor))
            assert accepted == (number is not None), (before, after, actor)
            if accepted:
                expected = (number, before, after, actor, "somebody", "because", run, NOW)
                assert last_transition(shop.connection, "schedule_row") == expected


@pytest.mark.parametrize("before", ENROLMENT_STATES)
def test_an_enrolment_changes_its_state_only_as_listed(shop: Shop, run: UUID, before: str):
    for after, actor in product(ENROLMENT_STATES, ACTORS):
        if after == before:
            continue
        for reason in REASONS if after == "stopped" else ("",):
            with undone(shop.connection):
                with unguarded(shop.connection):
                    values = {"state": before, "reason": "blocked" if before == "stopped" else None}
                    shop.connection.execute(UPDATE_ENROLMENT.encode(), values)
                act(shop.connection, actor, run)
                accepted = accepts(shop.connection, UPDATE_ENROLMENT, {"state": after, "reason": reason or None})
                number = LISTED_FOR_ENROLMENTS.get((before, after, reason, actor))
                assert accepted == (number is not None), (before, after, reason, actor)
                if accepted:
                    expected = (number, before, after, actor, "somebody", reason or None, run, NOW)
                    assert last_transition(shop.connection, "enrolment") == expected


def test_one_refused_row_refuses_the_whole_statement(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    run = shop.plan().run_id
    with undone(shop.connection):
        act(shop.connection, "dispatcher", run)
        # ready to cancelled and held to cancelled are listed, held to held is none; then to sending only from ready
        statement = "update outreach.schedule_rows set state = 'sending', claimed_by = 1, send_at = now()"
        assert not accepts(shop.connection, statement, {})
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "held"}


def test_without_an_actor_nothing_changes_its_state(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    for statement in (
        "update outreach.schedule_rows set state = 'cancelled'",
        "update outreach.enrolments set state = 'completed'",
        "insert into outreach.enrolments select * from outreach.enrolments",
    ):
        with pytest.raises((errors.RaiseException, errors.GeneratedAlways)):
            shop.execute(statement)
    assert shop.states() == {("C1", 1): "ready"}


@pytest.mark.parametrize(
    "statement",
    [
        "update outreach.schedule_rows set send_at = send_at - interval '1 day'",
        "update outreach.schedule_rows set released_at = now(), released_by = 'nobody'",
        "update outreach.schedule_rows set reason = 'another'",
        "update outreach.schedule_rows set attempts = attempts + 1",
        "update outreach.enrolments set exited_at = now()",
        "insert into outreach.transitions (subject, subject_id, transition, from_state, to_state, actor_kind, actor,"
        " transitioned_at) select subject, subject_id, 'T3', 'held', 'ready', 'operator', 'nobody', now()"
        " from outreach.transitions limit 1",
    ],
)
def test_nothing_changes_without_a_recorded_transition_whoever_asks(shop: Shop, statement: str):
    shop.scenario()
    shop.buyer("C1")
    run = shop.plan().run_id
    with undone(shop.connection):
        act(shop.connection, "operator", run)
        assert not accepts(shop.connection, statement, {})


@pytest.mark.parametrize("table", ["enrolments", "schedule_rows", "transitions", "messages", "scenario_versions"])
def test_nothing_is_deleted_from_the_ledger(shop: Shop, table: str):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    with pytest.raises(errors.CheckViolation, match="append-only"):
        shop.execute(f"delete from outreach.{table}")  # noqa: S608 - a name of our own


@pytest.mark.parametrize(
    "statement",
    [
        "update outreach.messages set to_address = 'x@y.example'",
        "update outreach.transitions set actor = 'nobody'",
        "update outreach.scenario_versions set definition = '{}'",
        "update outreach.scenario_version_steps set offset_days = 9",
    ],
)
def test_what_happened_is_not_rewritten(shop: Shop, statement: str):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    with pytest.raises(errors.CheckViolation, match="append-only"):
        shop.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "schedule_rows set customer_id = 'C2'",
        "schedule_rows set due_date = due_date + 1",
        "schedule_rows set planned_send_at = now()",
        "schedule_rows set step_no = 2",
        "schedule_rows set channel = 'dm'",
        "schedule_rows set message_id = gen_random_uuid()",
        "schedule_rows set created_at = now()",
        "enrolments set customer_id = 'C2'",
        "enrolments set anchor_key = 'O9'",
        "enrolments set anchor_date = anchor_date + 1",
        "enrolments set entry_key = 'x'",
        "enrolments set entered_at = now()",
    ],
)
def test_what_was_planned_is_not_rewritten_even_by_an_actor(shop: Shop, change: str):
    shop.scenario()
    shop.buyer("C1")
    run = shop.plan().run_id
    with undone(shop.connection):
        act(shop.connection, "operator", run)
        with pytest.raises(errors.CheckViolation, match="never rewritten"):
            shop.execute(f"update outreach.{change}")
