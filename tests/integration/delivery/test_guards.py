"""Guards: a broken invariant or old data pauses sending, once for each finding, until a person resumes."""

import json
from datetime import timedelta

import pytest
from psycopg import sql

from ekiden.delivery.guards import check_invariant, check_invariants
from ekiden.delivery.pauses import Cause, SendingPaused, open_pauses, resume
from ekiden.schedule.invariants import INVARIANTS, Invariant, Subject
from ekiden.warehouse.dbt import manifest_path
from tests.integration.ledger_fixtures import OPERATOR, SENDER, STEP, Shop

NOON = "2024-03-09 12:00"
CHAIN = [STEP, STEP | {"offset_days": 3}]


@pytest.fixture
def due(shop: Shop) -> Shop:
    """C1 and C2 are due at noon, C3 is held; the clock stands at noon."""
    shop.scenario(steps=CHAIN)
    shop.buyer("C1")
    shop.buyer("C2")
    shop.buyer("C3", "2024-03-01")
    shop.plan()
    shop.at(NOON)
    return shop


def by_force(shop: Shop, statement: str, *values: object) -> None:
    """Change the ledger as nobody can by its own means: its triggers would refuse it."""
    with shop.connection.transaction():
        shop.execute("set local session_replication_role = replica")
        shop.execute(statement, *values)


def release_by_force(shop: Shop, customer: str) -> None:
    statement = "update outreach.schedule_rows set state = 'ready', send_at = %s where customer_id = %s"
    by_force(shop, statement, shop.now, customer)


def look(shop: Shop) -> dict[str, int]:
    checks = check_invariants(shop.connection, now=shop.now, context=SENDER)
    return {check.invariant.name: check.found.total for check in checks if not check.holds}


def go_on(shop: Shop) -> None:
    resume(shop.connection, None, reason="looked into", now=shop.now, context=OPERATOR)


def pauses(shop: Shop) -> list[tuple[Cause, str]]:
    return [(found.cause, found.paused_by) for found in open_pauses(shop.connection)]


def test_a_sound_ledger_pauses_nothing(due: Shop):
    assert look(due) == {}
    assert due.send().counts.sent == 2
    assert look(due) == {}
    assert open_pauses(due.connection) == ()


def test_a_held_row_that_nobody_released_is_noticed_before_it_is_sent(due: Shop):
    release_by_force(due, "C3")
    with pytest.raises(SendingPaused, match="held when it was born, and nobody released it"):
        due.send()
    assert due.channel.messages == []
    assert pauses(due) == [(Cause.INVARIANT, "guard due_rows_may_be_sent")]


def test_a_row_that_should_have_been_held_when_it_was_made_is_noticed(due: Shop):
    """As a planner would make it that does not know what day it is."""
    made_late = "update outreach.schedule_rows set {} where customer_id = 'C1' and step_no = 1"
    by_force(due, made_late.format("due_date = due_date - 2, planned_send_at = planned_send_at - interval '2 days'"))
    with pytest.raises(SendingPaused, match="due before the day on which it was made, and nobody released it"):
        due.send()
    go_on(due)
    # late by its own time, so that T5 would hold it
    by_force(due, made_late.format("state = 'sent', sent_at = send_at"))
    assert look(due)["past_rows_sent_only_after_release"] == 1


def test_what_was_sent_already_is_not_sent_again(due: Shop):
    due.send()
    by_force(due, "update outreach.schedule_rows set state = 'deleted' where customer_id = 'C1' and step_no = 2")
    by_force(
        due,
        "update outreach.schedule_rows set state = 'ready', sent_at = null where customer_id = 'C1' and step_no = 1",
    )
    with pytest.raises(SendingPaused, match="it was sent already"):
        due.send()


def test_a_step_after_one_that_was_not_sent_is_not_sent(due: Shop):
    due.send()
    by_force(
        due,
        "update outreach.schedule_rows set state = 'skipped', sent_at = null where customer_id = 'C1' and step_no = 1",
    )
    due.at("2024-03-11 12:00")
    with pytest.raises(SendingPaused, match="the step before it was not sent"):
        due.send()


def test_a_broken_invariant_pauses_all_sending_and_says_how_to_go_on(due: Shop):
    due.send()
    by_force(due, "delete from outreach.messages where customer_id = 'C1'")
    assert look(due) == {"one_message_per_sent_row": 1}
    (found,) = open_pauses(due.connection)
    assert (found.cause, found.scenario_code) == (Cause.INVARIANT, None)
    assert "one_message_per_sent_row is broken by 1 row" in found.reason
    assert found.resume_command == "ekiden resume --reason WHY"
    due.at("2024-03-11 12:00")
    with pytest.raises(SendingPaused):
        due.send()


def test_a_finding_that_a_person_knows_pauses_no_more_and_a_new_one_does(due: Shop):
    due.send()
    by_force(due, "delete from outreach.messages where customer_id = 'C1'")
    look(due)
    look(due)
    assert len(open_pauses(due.connection)) == 1
    go_on(due)
    # it is still broken, and said so, but sending goes on
    assert look(due) == {"one_message_per_sent_row": 1}
    assert open_pauses(due.connection) == ()
    due.at("2024-03-11 12:00")
    assert due.send().counts.sent == 2
    by_force(due, "delete from outreach.messages where customer_id = 'C2' and step_no = 1")
    assert look(due) == {"one_message_per_sent_row": 2}
    (found,) = open_pauses(due.connection)
    assert "is broken by 1 row" in found.reason


def test_what_is_found_during_a_pause_is_known_with_it(due: Shop):
    due.send()
    by_force(due, "delete from outreach.messages where customer_id = 'C1'")
    look(due)
    by_force(due, "delete from outreach.messages where customer_id = 'C2'")
    look(due)
    assert len(open_pauses(due.connection)) == 2
    go_on(due)
    look(due)
    assert open_pauses(due.connection) == ()


def test_every_invariant_has_a_query_that_can_be_asked(due: Shop):
    checks = check_invariants(due.connection, now=due.now, context=SENDER)
    assert [check.invariant for check in checks] == list(INVARIANTS)
    assert all(check.found.columns for check in checks)


class WhetherPausesAreLocked(Invariant):
    """An invariant that is always broken, and whose finding is whether nobody could pause while its query ran."""

    @property
    def query(self) -> sql.SQL:
        return sql.SQL(
            "select exists (select from pg_locks where pid = pg_backend_pid() and mode = 'ShareRowExclusiveLock'"
            " and relation = 'outreach.sending_pauses'::regclass) as nobody_could_pause"
        )


def test_an_emergency_stop_does_not_wait_for_a_guards_query(due: Shop):
    slow = WhetherPausesAreLocked("slow", Subject.SCHEDULE, "It reads the whole ledger.")
    with due.connection.transaction():
        first = check_invariant(due.connection, slow, now=due.now, context=SENDER)
    assert first.pause
    assert due.execute("select finding::jsonb from outreach.guard_findings") == [({"nobody_could_pause": False},)]


def test_several_broken_invariants_can_be_looked_at_in_one_transaction(due: Shop):
    due.send()
    by_force(due, "update outreach.schedule_rows set state = 'cancelled', sent_at = null where step_no = 1")
    with due.connection.transaction():
        assert len(look(due)) > 1


# --- old data


@pytest.fixture
def aged(due: Shop) -> Shop:
    """Orders may be two days old; the newest is of yesterday noon."""
    policy(due, error_after={"count": 2, "period": "day"})
    due.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at, loaded_at) values ('O1', 'C1', %s, %s)",
        due.now,
        due.now - timedelta(days=1),
    )
    return due


def policy(shop: Shop, **freshness: object) -> None:
    """Write a manifest as dbt makes one, with a policy for raw.orders and none for raw.customers."""
    nothing = {"warn_after": {"count": None, "period": None}, "error_after": {"count": None, "period": None}}
    sources = {
        f"source.ekiden.raw.{name}": {
            "unique_id": f"source.ekiden.raw.{name}",
            "schema": "raw",
            "identifier": name,
            "loaded_at_field": "loaded_at",
            "freshness": nothing | given,
        }
        for name, given in (("orders", freshness), ("customers", {}))
    }
    path = manifest_path(shop.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sources": sources}), encoding="utf-8")


@pytest.mark.parametrize(("days", "is_paused"), [(1, False), (1.0001, True)])
def test_data_older_than_its_policy_pauses_sending_and_of_just_that_age_does_not(aged: Shop, days, is_paused):
    aged.now += timedelta(days=days)
    if is_paused:
        with pytest.raises(SendingPaused, match=r"raw\.orders has nothing newer than .*, and may be 2 days old"):
            aged.send()
        assert pauses(aged) == [(Cause.FRESHNESS, "guard freshness")]
    else:
        aged.send()
        assert open_pauses(aged.connection) == ()


def test_old_data_that_a_person_knows_pauses_no_more_until_newer_data_has_grown_old(aged: Shop):
    aged.now += timedelta(days=2)
    with pytest.raises(SendingPaused):
        aged.send()
    go_on(aged)
    aged.send()
    aged.execute("update raw.orders set loaded_at = %s", aged.now)
    aged.send()
    aged.now += timedelta(days=3)
    with pytest.raises(SendingPaused):
        aged.send()


def test_a_table_that_should_be_fresh_and_is_empty_pauses_sending(aged: Shop):
    aged.execute("delete from raw.orders")
    with pytest.raises(SendingPaused, match=r"raw\.orders is empty"):
        aged.send()


def test_without_a_policy_data_may_be_as_old_as_it_likes(aged: Shop):
    policy(aged)
    aged.execute("update raw.orders set loaded_at = 'epoch'")
    assert aged.send().counts.sent == 2


def test_a_policy_may_bound_what_is_read(aged: Shop):
    policy(aged, error_after={"count": 1, "period": "hour"}, filter="loaded_at > '2024-03-09'")
    with pytest.raises(SendingPaused, match="is empty"):
        aged.send()
