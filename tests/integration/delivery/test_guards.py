"""Guards: a broken invariant or old data pauses sending, once for each finding, until a person resumes."""

import json
from datetime import timedelta

import pytest
from psycopg import sql

from ekiden.database.connection import connect
from ekiden.delivery.guards import check_invariant, check_invariants
from ekiden.delivery.pauses import Cause, SendingPaused, open_pauses, resume
from ekiden.schedule.invariants import INVARIANTS, Invariant, Subject
from ekiden.warehouse.dbt import manifest_path
from tests.integration.delivery.lists.exporting import CARD, export
from tests.integration.ledger_fixtures import OPERATOR, SENDER, STEP, Shop, by_force

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


def test_a_table_by_hand_that_a_build_gives_other_types_meanwhile_is_asked_as_before(shop: Shop):
    shop.scenario("by_hand", live=False)
    for customer in ("C1", "C2", "C3", "C4"):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", model="by_hand")
    shop.plan()
    shop.at(NOON)
    batches = iter(range(4))

    def build() -> None:
        # by the second batch the statement is prepared
        if next(batches) == 2:
            with connect(shop.settings, autocommit=True) as another:
                another.execute("alter table eligibility.by_hand alter customer_id type varchar(40)")

    shop.channel.before_answering = build
    assert shop.send(batch_size=1).counts.sent == 4
    assert open_pauses(shop.connection) == ()


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
            **{"source_name": "raw", "name": name, "description": ""},
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


@pytest.mark.parametrize(
    "lost",
    [
        "drop function eligibility.follow_up_answers",
        "alter table eligibility.follow_up_live drop column stop_during",
    ],
)
def test_what_cannot_be_asked_whether_to_stop_is_not_sent_and_the_others_are(due: Shop, lost: str):
    due.scenario("other")
    due.eligible("C1", "2024-03-08", model="other")
    due.at("2024-03-09 06:00")
    due.plan()
    due.at(NOON)
    due.execute(lost)
    report = due.send()
    assert [message.scenario_code for message in due.channel.messages] == ["other"]
    (told,) = report.pauses
    assert (told.scenario_code, told.cause, told.paused_by) == (
        "follow_up",
        Cause.INVARIANT,
        "guard stop_conditions",
    )
    assert "`ekiden build` makes what the current definition asks" in told.reason
    assert {row.state for row in due.rows(scenario="follow_up", customer="C1")} == {"ready"}


def test_the_empty_table_of_a_model_that_was_left_out_answers_for_nobody(shop: Shop):
    shop.scenario("by_hand", live=False, anchor={"entered": "vips"})
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="by_hand", kind="entered")
    shop.plan()
    shop.execute("truncate eligibility.by_hand")
    shop.execute("""update eligibility.scenario_registry set definition = definition || '{"$faults": ["broken"]}'""")
    shop.at(NOON)
    (told,) = shop.send().pauses
    assert (told.scenario_code, told.paused_by) == ("by_hand", "guard stop_conditions")
    assert "left its model out for its faults" in told.reason
    assert {row.state for row in shop.rows()} == {"ready"}


def test_it_goes_on_once_it_can_be_asked_and_somebody_resumed_it(due: Shop):
    due.execute("alter function eligibility.follow_up_answers rename to elsewhere")
    due.send()
    # mended by nobody yet
    resume(due.connection, "follow_up", reason="is it well?", now=due.now, context=OPERATOR)
    assert due.send().counts.sent == 0
    assert [each.paused_by for each in open_pauses(due.connection)] == ["guard stop_conditions"]
    due.execute("alter function eligibility.elsewhere rename to follow_up_answers")
    resume(due.connection, "follow_up", reason="built again", now=due.now, context=OPERATOR)
    assert due.send().counts.sent == 2


def test_where_nothing_is_built_any_more_all_sending_is_paused_once(due: Shop):
    due.scenario("other")
    due.eligible("C1", "2024-03-08", model="other")
    due.at("2024-03-09 06:00")
    due.plan()
    due.at(NOON)
    due.execute("alter schema eligibility rename to mislaid")
    try:
        (told,) = due.send().pauses
    finally:
        due.execute("alter schema mislaid rename to eligibility")
    assert (told.scenario_code, due.channel.messages) == (None, [])
    assert "`ekiden build` makes it anew" in told.reason


def test_nobody_is_on_a_list_who_cannot_be_asked_whether_to_stop(shop: Shop):
    for code in ("silent", "sound"):
        shop.scenario(code, steps=[CARD])
    shop.customer("C1")
    for code in ("silent", "sound"):
        shop.eligible("C1", "2024-03-08", model=code)
    shop.plan()
    shop.execute("drop function eligibility.silent_answers")
    with pytest.raises(SendingPaused, match=r"version 1 .* of silent cannot be asked"):
        export(shop, "silent")
    report = export(shop)
    assert (report.exported, report.paused) == (1, 1)
    assert {row.scenario_code: row.state for row in shop.rows()} == {"silent": "ready", "sound": "sent"}
