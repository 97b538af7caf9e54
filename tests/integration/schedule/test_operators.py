"""What operators do: each action with its guard, its effects and its record."""

from dataclasses import replace

import pytest
from psycopg.errors import DeadlockDetected

from ekiden.delivery.channels.base import Outcome
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.operating import operators
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import TooManyRows, due_later, operate
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import RunContext, start_run
from tests.integration.delivery.lists.exporting import export
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(("released", "sent_at"), [("11:59", "12:00"), ("12:00", "12:00"), ("15:30", "15:30")])
def test_a_released_row_goes_at_todays_step_time_or_at_once(ledger: Shop, released: str, sent_at: str):
    ledger.at(f"2024-03-09 {released}")
    report = ledger.operate("release", customer="C2")
    row = ledger.row(customer="C2")
    assert (report.matched, report.changed) == (1, 1)
    assert (row.state, row.reason, row.send_at) == ("ready", None, ledger.local(f"2024-03-09 {sent_at}"))
    assert (row.released_at, row.released_by, row.due_date.day) == (ledger.now, OPERATOR.actor, 2)


def test_a_release_tells_which_rows_go_before_their_day(ledger: Shop):
    ledger.at("2024-03-09 12:00")
    ledger.send()
    later = ledger.row(customer="C1", step_no=2)
    ledger.operate("hold", customer="C1")
    held, today = RowFilter(states=("held",)), ledger.settings.local_date(ledger.now)
    assert later.due_date > today
    assert due_later(ledger.connection, ACTIONS["release"], held, today=today) == 1
    # of the one due first, which is past, none
    assert due_later(ledger.connection, ACTIONS["release"], replace(held, first=1), today=today) == 0
    assert due_later(ledger.connection, ACTIONS["complete"], held, today=today) == 0
    assert ledger.operate("release", due_to=today).due_later == 0
    report = ledger.operate("release", customer="C1")
    assert (report.changed, report.due_later) == (1, 1)
    # T3 to the letter: today, whatever the due date
    row = ledger.row(customer="C1", step_no=2)
    assert (row.due_date, row.send_at) == (later.due_date, ledger.local("2024-03-09 12:00"))
    # what is ready already is not told again
    assert ledger.operate("release", customer="C1").due_later == 0


def test_a_released_list_row_waits_for_its_day(one_card: Shop):
    export(one_card)
    assert one_card.row(step_no=2).due_date > one_card.now.date()
    one_card.operate("hold", step_no=2)
    today = one_card.settings.local_date(one_card.now)
    assert due_later(one_card.connection, ACTIONS["release"], RowFilter(states=("held",)), today=today) == 0
    report = one_card.operate("release", step_no=2)
    assert (report.changed, report.due_later, export(one_card).exported) == (1, 0, 0)


def test_a_row_planned_on_the_night_that_sets_the_clocks_is_released_at_its_steps_time(shop: Shop):
    shop.settings = shop.settings.model_copy(update={"time_zone": "America/New_York"})
    shop.scenario(send_window=None, steps=[STEP | {"send_time": "02:30"}])
    shop.buyer("C1", "2024-03-09")
    shop.at("2024-03-10 00:30")
    shop.plan()
    shop.operate("hold")
    shop.at("2024-03-11 00:30")
    shop.operate("release")
    assert shop.row().send_at == shop.local("2024-03-11 02:30")


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
    with pytest.raises(ReasonMissing):
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
        operate(
            ledger.connection,
            ACTIONS["hold"],
            RowFilter(),
            now=ledger.now,
            settings=ledger.settings,
            context=OPERATOR,
            limit=1,
        )
    assert (refusal.value.matched, refusal.value.limit) == (2, 1)
    assert ledger.states() == {("C1", 1): "ready", ("C2", 1): "held"}


def test_an_action_without_an_actor_is_refused(ledger: Shop):
    with pytest.raises(ValueError, match="actor"):
        operate(
            ledger.connection,
            ACTIONS["hold"],
            RowFilter(),
            now=ledger.now,
            settings=ledger.settings,
            context=RunContext(" "),
            limit=9,
        )


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
        operate(
            ledger.connection,
            ACTIONS["release"],
            RowFilter(states=("held",)),
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
