"""What operators do: each action with its guard, its effects and its record."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import DeadlockDetected

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Outcome
from ekiden.schedule import operators
from ekiden.schedule.actions import ACTIONS
from ekiden.schedule.operators import (
    OperatorReport,
    ReasonRequired,
    TooManyRows,
    WrongState,
    applicable,
    hold,
    preview,
    release,
)
from ekiden.schedule.rows import NoHoldReason, NoRowId, RowFilter
from ekiden.schedule.runs import RunContext, start_run
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants


@pytest.fixture(autouse=True)
def _the_ledger_is_sound_afterwards(shop: Shop):
    yield
    assert broken_invariants(shop.connection) == {}


@pytest.fixture
def ledger(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 is held."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    return shop


@pytest.mark.parametrize(("released", "sent_at"), [("11:59", "12:00"), ("12:00", "12:00"), ("15:30", "15:30")])
def test_a_released_row_goes_at_todays_step_time_or_at_once(ledger: Shop, released: str, sent_at: str):
    ledger.at(f"2024-03-09 {released}")
    report = ledger.operate("release", customer="C2")
    row = ledger.row(customer="C2")
    assert (report.matched, report.changed) == (1, 1)
    assert (row.state, row.reason, row.send_at) == ("ready", None, ledger.local(f"2024-03-09 {sent_at}"))
    assert (row.released_at, row.released_by, row.due_date.day) == (ledger.now, OPERATOR.actor, 2)


def test_a_released_row_is_not_held_for_being_late(ledger: Shop):
    ledger.operate("release", customer="C2")
    ledger.at("2024-03-12 12:00")
    ledger.send()
    assert ledger.states() == {("C1", 1): "held", ("C2", 1): "sent", ("C2", 2): "held"}
    assert ledger.row(customer="C1").reason == "missed_send"
    # by its anchor the second step was due on the 4th: past, and held again
    assert ledger.row(customer="C2", step_no=2).reason == "past_due"


def test_a_held_row_of_a_step_that_is_stopped_by_force_is_not_released(ledger: Shop):
    ledger.scenario(steps=[STEP | {"state": "force_stopped"}, STEP | {"offset_days": 3}])
    ledger.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    assert ledger.operate("release", customer="C2").changed == 0
    assert ledger.row(customer="C2").state == "held"


def test_a_ready_row_can_be_held_and_released(ledger: Shop):
    ledger.operate("hold", customer="C1")
    row = ledger.row(customer="C1")
    assert (row.state, row.reason, row.send_at) == ("held", "operator", None)
    ledger.operate("release", customer="C1")
    assert ledger.transitions("C1") == ["T1", "T4", "T3"]


def test_a_row_completed_by_hand_ends_the_enrolment_and_has_no_successor(ledger: Shop):
    ledger.operate("complete", reason="by telephone")
    assert ledger.states() == {("C1", 1): "completed", ("C2", 1): "completed"}
    assert set(ledger.enrolments().values()) == {("stopped", "manual_complete")}
    assert {row.sent_at for row in ledger.rows()} == {None}
    ledger.at("2024-03-20 06:00")
    ledger.plan()
    ledger.send()
    assert len(ledger.rows()) == 2


def test_a_blocked_row_is_reopened_only_with_a_reason_and_only_into_holding(ledger: Shop):
    ledger.operate("block", customer="C1", reason="asked to stop")
    assert ledger.enrolments()["C1"] == ("stopped", "blocked")
    with pytest.raises(ReasonRequired):
        ledger.operate("reopen", customer="C1")
    ledger.operate("reopen", customer="C1", reason="a mistake")
    row = ledger.row(customer="C1")
    assert (row.state, row.reason, row.send_at) == ("held", "a mistake", None)
    assert ledger.enrolments()["C1"] == ("active", None)
    ledger.operate("release", customer="C1")
    assert ledger.transitions("C1") == ["T1", "T13", "T14", "T3"]


def test_what_was_sent_is_out_of_every_operators_reach(ledger: Shop):
    ledger.at("2024-03-09 12:00")
    ledger.send()
    for action in ("release", "hold", "complete", "block", "retry", "delete"):
        ledger.operate(action, customer="C1", step_no=1)
    ledger.operate("reopen", customer="C1", step_no=1, reason="why not")
    assert ledger.row(customer="C1", step_no=1).state == "sent"


def test_deleting_a_later_row_neither_ends_the_enrolment_nor_brings_anybody_back(ledger: Shop):
    ledger.at("2024-03-09 12:00")
    ledger.send()
    ledger.operate("delete", customer="C1", step_no=2)
    assert ledger.states(customer="C1") == {("C1", 1): "sent"}
    assert ledger.enrolments()["C1"] == ("active", None)
    ledger.at("2024-03-12 06:00")
    ledger.plan()
    assert ledger.states(customer="C1") == {("C1", 1): "sent"}


def test_deleting_an_ended_row_leaves_the_enrolment_to_what_still_waits(shop: Shop):
    shop.scenario(on_skip="continue", steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", newsletter_status="none")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "ready"}
    shop.operate("delete", step_no=1)
    assert shop.enrolments()["C1"] == ("active", None)
    # and whose every row is deleted may come in again
    shop.operate("delete", step_no=2)
    assert shop.enrolments()["C1"] == ("removed", None)


@pytest.mark.parametrize("ended_by", ["complete", "block"])
def test_whose_row_was_ended_and_then_deleted_may_enter_again(ledger: Shop, ended_by: str):
    ledger.operate(ended_by, customer="C1")
    ledger.operate("delete", customer="C1")
    assert ledger.enrolments()["C1"] == ("removed", None)
    ledger.plan()
    assert ledger.states(customer="C1") == {("C1", 1): "ready"}


def test_a_failed_row_is_sent_again_when_a_person_says_so(ledger: Shop):
    ledger.channel.answers["c1@shop.example"] = Outcome.refused
    ledger.at("2024-03-09 12:00")
    assert ledger.send().counts.failed == 1
    assert ledger.row(customer="C1").state == "failed"
    ledger.at("2024-03-09 18:00")
    ledger.send()
    assert len(ledger.channel.messages) == 1
    ledger.channel.answers.clear()
    assert ledger.operate("retry", customer="C1").changed == 1
    ledger.send()
    assert ledger.row(customer="C1", step_no=1).state == "sent"
    assert ledger.transitions("C1")[:6] == ["T1", "T6", "T9", "T10", "T6", "T7"]


def test_more_rows_than_the_limit_are_refused_whole(ledger: Shop):
    with pytest.raises(TooManyRows, match="2 rows match, more than the limit of 1") as refusal:
        hold(ledger.connection, RowFilter(), now=ledger.now, settings=ledger.settings, context=OPERATOR, limit=1)
    assert (refusal.value.matched, refusal.value.limit) == (2, 1)
    assert ledger.states() == {("C1", 1): "ready", ("C2", 1): "held"}


def test_an_action_without_an_actor_is_refused(ledger: Shop):
    with pytest.raises(ValueError, match="actor"):
        hold(ledger.connection, RowFilter(), now=ledger.now, settings=ledger.settings, context=RunContext(" "), limit=9)


def test_what_an_action_does_not_apply_to_is_left_and_counted(ledger: Shop):
    report = ledger.operate("release")
    assert (report.matched, report.changed) == (2, 1)
    assert ledger.states() == {("C1", 1): "ready", ("C2", 1): "ready"}


def test_an_action_says_who_did_what_and_why(ledger: Shop):
    report = ledger.operate("complete", reason="by telephone", customer="C1")
    assert ledger.execute(
        "select actor_kind, actor, reason from outreach.transitions where run_id = %s order by subject", report.run_id
    ) == [("operator", OPERATOR.actor, "manual_complete"), ("operator", OPERATOR.actor, "by telephone")]
    ((summary,),) = ledger.execute("select summary from outreach.runs where run_id = %s", report.run_id)
    assert summary == {"action": "complete", "matched": 1, "changed": 1, "reason": "by telephone"}


def test_a_filter_narrows_by_every_field_that_is_given(ledger: Shop):
    assert {row.customer_id for row in ledger.rows(state="held")} == {"C2"}
    assert {row.customer_id for row in ledger.rows(reason="past_due", scenario="follow_up", step_no=1)} == {"C2"}
    assert ledger.rows(scenario="follow_up", state="held", customer="C1") == []
    day = ledger.row(customer="C1").due_date
    assert {row.customer_id for row in ledger.rows(due_from=day)} == {"C1"}
    assert {row.customer_id for row in ledger.rows(due_to=day)} == {"C1", "C2"}


def test_what_was_left_is_told_by_count_and_reason(ledger: Shop):
    ledger.buyer("C3", "2024-03-02")
    ledger.plan()
    ledger.scenario(steps=[STEP | {"state": "force_stopped"}, STEP | {"offset_days": 3}])
    ledger.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    report = ledger.operate("release")
    assert (report.matched, report.changed) == (3, 0)
    assert list(map(str, report.not_changed)) == [
        "2 left: the step is stopped by force",
        "1 left: in a state that release does not apply to (ready)",
    ]
    ((summary,),) = ledger.execute("select summary from outreach.runs where run_id = %s", report.run_id)
    assert [why["rows"] for why in summary["not_changed"]] == [2, 1]


def test_a_failed_row_of_an_ended_enrolment_is_not_retried_and_it_says_so(ledger: Shop):
    ledger.channel.answers["c1@shop.example"] = Outcome.refused
    ledger.at("2024-03-09 12:00")
    ledger.send()
    ledger.execute("set session_replication_role = replica")
    ledger.execute(
        "update outreach.enrolments set state = 'stopped', exit_reason = 'superseded' where customer_id = 'C1'"
    )
    ledger.execute("set session_replication_role = origin")
    try:
        assert list(map(str, ledger.operate("retry", customer="C1", state="failed").not_changed)) == [
            "1 left: the enrolment has ended (superseded)"
        ]
    finally:
        ledger.execute("set session_replication_role = replica")
        ledger.execute("update outreach.enrolments set state = 'active', exit_reason = null where customer_id = 'C1'")
        ledger.execute("set session_replication_role = origin")


def test_a_customer_whom_another_exclusive_scenario_has_is_not_reopened_and_it_says_so(shop: Shop):
    for code in ("one", "two"):
        shop.scenario(code, multi_delivery=False)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="one")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08", model="two")
    shop.plan()
    report = shop.operate("reopen", scenario="one", reason="a mistake")
    assert list(map(str, report.not_changed)) == ["1 left: another exclusive scenario has the customer"]


def test_the_first_so_many_are_those_due_first(ledger: Shop):
    for customer, anchored in (("C3", "2024-02-28"), ("C4", "2024-03-03"), ("C5", "2024-02-20")):
        ledger.buyer(customer, anchored)
    ledger.plan()
    # of those it can be done to: C1, which is ready, is not counted
    assert ledger.operate("release", first=3).changed == 3
    assert {row.customer_id for row in ledger.rows(state="ready")} == {"C1", "C2", "C3", "C5"}
    assert [row.customer_id for row in ledger.rows(state="held")] == ["C4"]


def test_a_row_is_named_by_its_number_or_by_its_messages_id(ledger: Shop):
    first, second = ledger.row(customer="C1"), ledger.row(customer="C2")
    assert ledger.operate("complete", rows=(str(first.schedule_row_id),)).changed == 1
    assert ledger.operate("complete", rows=(str(second.message_id),)).changed == 1


@pytest.mark.parametrize("name", ["C1", "", "1; drop table x", "-1", "9" * 20])
def test_what_is_no_row_is_refused(name: str):
    with pytest.raises(NoRowId, match="names no row"):
        RowFilter(rows=(name,))


def test_a_state_that_an_action_does_not_apply_to_is_refused():
    with pytest.raises(WrongState, match="state sent: hold applies to rows that are ready"):
        applicable(ACTIONS["hold"], RowFilter(states=("ready", "sent")))


def test_many_rows_are_released_by_one_filter(ledger: Shop):
    customers = 300
    ledger.execute(
        """
        insert into eligibility.follow_up
        select 'M' || n, 'ordered', 'O' || n, '2024-03-01 10:00+09', '2024-03-01', '{(,)}', '{}'
        from generate_series(1, %s) as n
        """,
        customers,
    )
    ledger.plan()
    with pytest.raises(TooManyRows, match="301 rows match, more than the limit of 300"):
        release(
            ledger.connection,
            RowFilter(state="held"),
            now=ledger.now,
            settings=ledger.settings,
            context=OPERATOR,
            limit=300,
        )
    assert ledger.operate("release", state="held").changed == 301


def test_an_action_that_ran_into_a_planner_is_tried_again(ledger: Shop, monkeypatch):
    tried = []

    def once_in_each_others_way(*arguments, now):
        tried.append(arguments)
        if len(tried) == 1:
            raise DeadlockDetected("deadlock detected")
        return start_run(*arguments, now=now)

    monkeypatch.setattr(operators, "start_run", once_in_each_others_way)
    assert ledger.operate("release", customer="C2").changed == 1
    assert len(tried) == 2


# --- rows that others change meanwhile


def meanwhile(ledger: Shop, theirs: Callable[[Shop], object], action: str, **row_filter: object) -> OperatorReport:
    """Let an action wait for a row that another person's transaction is just changing; return what became of it."""
    with connect(ledger.settings, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        # it ends before the pool does, whatever happens in it, and lets the action go on
        with other.transaction():
            theirs(Shop(ledger.settings, other, ledger.now))
            doing = pool.submit(ledger.operate, action, **row_filter)
            _wait_until_it_waits(other, ledger.connection.info.backend_pid)
        return doing.result(timeout=30)


def _wait_until_it_waits(connection, pid: int) -> None:
    waits = "select cardinality(pg_blocking_pids(%s)) > 0"
    give_up = time.monotonic() + 30  # seconds; it is a matter of milliseconds
    while not connection.execute(waits, [pid]).fetchone()[0]:
        assert time.monotonic() < give_up, "the action does not wait for the row"
        time.sleep(0.01)


def test_a_row_that_the_filter_admits_no_more_once_it_is_locked_is_left(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("release", customer="C2"), "delete", state="held")
    assert (report.matched, report.changed) == (1, 0)
    assert list(map(str, report.not_changed)) == ["1 left: changed meanwhile"]
    assert ledger.row(customer="C2").state == "ready"
    ((summary,),) = ledger.execute("select summary from outreach.runs where run_id = %s", report.run_id)
    assert summary["not_changed"] == [{"rows": 1, "why": "changed meanwhile"}]


def test_a_row_that_was_changed_meanwhile_and_that_the_filter_still_admits_is_changed(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("release", customer="C2"), "delete", customer="C2")
    assert (report.matched, report.changed, report.not_changed) == (1, 1, ())


def test_a_row_that_was_deleted_meanwhile_is_told(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("delete", customer="C2"), "release")
    assert (report.matched, report.changed) == (2, 0)
    assert list(map(str, report.not_changed)) == [
        "1 left: in a state that release does not apply to (ready)",
        "1 left: changed meanwhile",
    ]


# --- why a row is held


@pytest.fixture
def held_for_all_reasons(ledger: Shop) -> Shop:
    """C1 was found too late, C2 was due before, C3 a person held, C4 one reopened in words that look like a reason."""
    ledger.buyer("C3")
    ledger.buyer("C4", "2024-03-01")
    ledger.plan()
    ledger.operate("hold", customer="C3")
    ledger.operate("block", customer="C4")
    ledger.operate("reopen", customer="C4", reason="past_due")
    ledger.at("2024-03-09 19:00")
    ledger.send()
    return ledger


def test_only_what_is_held_for_a_reason_is_released(held_for_all_reasons: Shop):
    ledger = held_for_all_reasons
    assert ledger.operate("release", hold_reasons=("missed_send",)).changed == 1
    assert ledger.operate("release", hold_reasons=("past_due", "past_time")).changed == 1
    assert ledger.states() == {("C1", 1): "ready", ("C2", 1): "ready", ("C3", 1): "held", ("C4", 1): "held"}
    assert ledger.operate("complete", hold_reasons=("operator",)).changed == 2


def test_a_preview_counts_held_rows_by_why_they_are_held(held_for_all_reasons: Shop):
    ledger = held_for_all_reasons
    ledger.operate("release", customer="C2")
    found = preview(ledger.connection, RowFilter(), sample=1)
    assert [(count.state, count.hold_reason, count.rows) for count in found.counts] == [
        ("held", "missed_send", 1),
        ("held", "operator", 2),
        ("ready", None, 1),
    ]
    assert (found.matched, len(found.sample)) == (4, 1)


def test_a_row_that_is_held_for_another_reason_by_the_time_it_is_locked_is_left(held_for_all_reasons: Shop):
    def again_by_hand(other: Shop) -> None:
        other.operate("release", customer="C2")
        other.operate("hold", customer="C2")

    report = meanwhile(held_for_all_reasons, again_by_hand, "release", hold_reasons=("past_due",))
    assert list(map(str, report.not_changed)) == ["1 left: changed meanwhile"]
    assert held_for_all_reasons.row(customer="C2").reason == "operator"


def test_a_hold_reason_that_there_is_not_is_refused():
    with pytest.raises(NoHoldReason, match="hold reason late: there are past_due, past_time, missed_send, operator"):
        RowFilter(hold_reasons=("late",))


def test_a_hold_reason_is_refused_by_what_does_not_apply_to_held_rows():
    with pytest.raises(WrongState, match="hold reason: retry applies to rows that are failed, not held"):
        applicable(ACTIONS["retry"], RowFilter(hold_reasons=("past_due",)))
