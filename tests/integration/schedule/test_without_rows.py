"""What operators do to who is in a scenario and has no row yet: with `enrol_at: anchor` that may be for years."""

from dataclasses import replace

import psycopg
import pytest

from ekiden.database.connection import connect
from ekiden.insights.moments import moment
from ekiden.insights.timeline import timeline
from ekiden.insights.why import why
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import TooManyRows, operate, preview
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import wait_for_plans
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

ELSEWHERE = "win_back"
LATER = {"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]}


@pytest.fixture
def waiting(shop: Shop) -> Shop:
    """C1 and C2 are in since the 9th, and step 1 is due on the 12th."""
    shop.scenario(**LATER)
    for customer in ("C1", "C2"):
        shop.buyer(customer, "2024-03-09")
    shop.plan()
    return shop


def awaited(shop: Shop) -> int:
    return shop.execute("select count(*) from outreach.first_rows_awaited")[0][0]


def enrolment_transitions(shop: Shop) -> list[tuple[str, str, str, str | None]]:
    return shop.execute(
        "select transition, actor_kind, actor, reason from outreach.transitions"
        " where subject = 'enrolment' and transition <> 'E1' order by transition_id"
    )


@pytest.mark.parametrize(("action", "ended"), [("block", "blocked"), ("complete", "manual_complete")])
def test_who_waits_for_step_1_is_taken_out_and_gets_no_row(waiting: Shop, action: str, ended: str):
    report = waiting.operate(action, customer="C1", reason="お客様より")
    assert (report.matched, report.without_rows, report.without_rows_changed) == (0, 1, 1)
    assert waiting.enrolments() == {"C1": ("stopped", ended), "C2": ("active", None)}
    assert enrolment_transitions(waiting) == [("E5", "operator", OPERATOR.actor, ended)]
    assert awaited(waiting) == 1
    # twice is once
    assert waiting.operate(action, customer="C1").without_rows == 0
    waiting.at("2024-03-12 06:00")
    waiting.plan()
    assert waiting.states() == {("C2", 1): "ready"}


def test_the_run_keeps_what_was_done_to_whom_without_a_row(waiting: Shop):
    run = waiting.operate("block", customer="C1", reason="お客様より").run_id
    (told,) = waiting.execute("select summary from outreach.runs where run_id = %s", run)[0]
    assert (told["without_rows"], told["without_rows_changed"], told["reason"]) == (1, 1, "お客様より")


def test_the_words_of_whom_blocked_somebody_without_a_row_are_in_the_timeline(waiting: Shop):
    waiting.operate("block", customer="C1", reason="お客様より")
    found = timeline(waiting.connection, "C1", zone=waiting.settings.zone, limit=50)
    assert any("お客様より" in (entry.why or "") for entry in found.entries)


@pytest.mark.parametrize("action", ["release", "hold", "retry"])
def test_what_ends_no_enrolment_means_rows_alone(waiting: Shop, action: str):
    assert waiting.operate(action, customer="C1").without_rows == 0


@pytest.mark.parametrize(
    "row_filter",
    [
        {"rows": ("1",)},
        {"first": 5},
        {"step_no": 2},
        {"states": ("ready",)},
        {"hold_reasons": ("past_due",)},
        {"due_to": "2024-03-11"},
        {"due_from": "2024-03-13"},
        {"scenario": "follow_up", "customer": "C3"},
    ],
)
def test_a_filter_for_what_only_rows_have_means_nobody_without_one(waiting: Shop, row_filter: dict):
    assert waiting.operate("block", **row_filter).without_rows == 0


@pytest.mark.parametrize(
    "row_filter", [{}, {"scenario": "follow_up"}, {"step_no": 1}, {"due_from": "2024-03-12", "due_to": "2024-03-12"}]
)
def test_other_filters_mean_who_waits_as_well(waiting: Shop, row_filter: dict):
    assert waiting.operate("block", **row_filter).without_rows_changed == 2


def test_a_block_counts_for_another_entry_and_elsewhere_where_it_is_to(shop: Shop):
    shop.scenario(**LATER, reentry="per_anchor")
    shop.scenario(ELSEWHERE)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.settings = shop.settings.model_copy(update={"blocked_from": "every_scenario"})
    shop.eligible("C1", "2024-03-08", model=ELSEWHERE)
    shop.eligible("C1", "2024-03-09", key="O2")
    report = shop.plan()
    assert report.enrolled == 0
    assert [(count.scenario_code, count.rule) for count in report.decisions] == [(ELSEWHERE, "blocked_before")]
    shop.settings = shop.settings.model_copy(update={"blocked_from": "scenario"})
    assert shop.plan().enrolled == 1
    assert [row.scenario_code for row in shop.rows()] == [ELSEWHERE]


@pytest.mark.parametrize("asked", ["follow_up", ELSEWHERE])
def test_why_tells_the_way_back_of_a_block_without_a_row(shop: Shop, asked: str):
    shop.scenario(**LATER)
    shop.scenario(ELSEWHERE)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.settings = shop.settings.model_copy(update={"blocked_from": "every_scenario"})
    shop.eligible("C1", "2024-03-08", model=ELSEWHERE)
    about = moment(None, now=shop.now, zone=shop.settings.zone)
    assert "ekiden reopen" in str(why(shop.connection, asked, "C1", about, settings=shop.settings).next)


def test_whose_block_is_taken_back_waits_for_step_1_again(waiting: Shop):
    waiting.operate("block", customer="C1")
    report = waiting.operate("reopen", customer="C1", reason="お客様より")
    assert report.without_rows_changed == 1
    assert waiting.enrolments()["C1"] == ("active", None)
    assert awaited(waiting) == 2
    waiting.at("2024-03-12 06:00")
    waiting.plan()
    assert waiting.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    assert [transition for transition, *_ in enrolment_transitions(waiting)] == ["E5", "E10"]


def test_a_block_that_is_taken_back_after_the_due_date_leaves_the_row_to_a_release(waiting: Shop):
    waiting.operate("block", customer="C1")
    waiting.at("2024-03-20 06:00")
    waiting.operate("reopen", customer="C1", reason="お客様より")
    waiting.plan("2024-03-12", "2024-03-20")
    assert waiting.row(customer="C1").reason == "past_due"


def test_a_stop_that_came_while_somebody_was_blocked_ends_them_once_they_are_back(waiting: Shop):
    waiting.operate("block", customer="C1")
    waiting.stop("C1", since=waiting.now)
    waiting.at("2024-03-10 06:00")
    waiting.plan()
    waiting.operate("reopen", customer="C1", reason="お客様より")
    waiting.at("2024-03-12 06:00")
    waiting.plan()
    assert waiting.enrolments()["C1"] == ("stopped", "stop_condition")
    assert awaited(waiting) == 0


def test_nobody_comes_back_into_an_exclusive_scenario_while_another_one_has_them(shop: Shop):
    shop.scenario(**LATER, multi_delivery=False)
    shop.scenario(ELSEWHERE, multi_delivery=False)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08", model=ELSEWHERE)
    shop.plan()
    report = shop.operate("reopen", scenario="follow_up", reason="お客様より")
    assert (report.without_rows, report.without_rows_changed) == (1, 0)
    assert [str(why) for why in report.not_changed] == ["1 left: another exclusive scenario has the customer"]
    assert awaited(shop) == 0


@pytest.mark.parametrize("before", [None, "block", "complete"])
def test_who_is_deleted_without_a_row_may_enter_again(waiting: Shop, before: str | None):
    if before:
        waiting.operate(before, customer="C1")
    report = waiting.operate("delete", customer="C1")
    assert report.without_rows_changed == 1
    assert waiting.enrolments()["C1"] == ("removed", None)
    assert awaited(waiting) == 1
    assert waiting.plan().enrolled == 1
    assert awaited(waiting) == 2


def test_who_was_completed_without_a_row_is_not_reopened(waiting: Shop):
    waiting.operate("complete", customer="C1")
    assert waiting.operate("reopen", customer="C1", reason="お客様より").without_rows == 0


def test_a_plan_that_is_under_way_and_may_give_rows_is_waited_for_where_somebody_has_none(waiting: Shop):
    with connect(waiting.settings, autocommit=True) as planner, planner.transaction():
        wait_for_plans(planner)
        waiting.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.operate("block", customer="C1")
        assert waiting.operate("block", customer="nobody").without_rows == 0
        waiting.execute("reset lock_timeout")
    assert waiting.operate("block", customer="C1").without_rows_changed == 1


def test_the_limit_counts_who_has_no_row(waiting: Shop):
    with pytest.raises(TooManyRows, match="2 enrolments without a row match, more than the limit of 1"):
        operate(
            waiting.connection,
            ACTIONS["block"],
            RowFilter(),
            now=waiting.now,
            settings=waiting.settings,
            context=OPERATOR,
            limit=1,
        )
    assert awaited(waiting) == 2


def test_a_preview_tells_who_waits_and_until_when(waiting: Shop):
    found = preview(waiting.connection, ACTIONS["block"], RowFilter(), sample=1)
    assert [str(count) for count in found.without_rows] == ["follow_up, step 1, no row yet, due 2024-03-12: 2"]
    # of those due on one day any may come first
    assert [each.customer_id for each in found.first_without_rows] in (["C1"], ["C2"])
    assert (found.matched, found.matched_without_rows, found.touched) == (0, 2, 2)
    waiting.operate("block", customer="C1")
    (count,) = preview(waiting.connection, ACTIONS["reopen"], RowFilter(), sample=1).without_rows
    assert str(count) == "follow_up, step 1, blocked before there was a row, due 2024-03-12: 1"
    assert str(replace(count, first_due=None)) == "follow_up, step 1, blocked before there was a row: 1"
