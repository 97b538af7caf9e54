"""Who decided what of whom: of all that speaks against somebody, the first rule decides."""

from datetime import date
from pathlib import Path

import pytest

from ekiden.database.connection import connect
from ekiden.insights.decisions import DecisionFilter, count_by_rule, decisions
from ekiden.schedule.planning.decisions import DecisionCount
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.schedule.deciding import ALL, TODAY, counts, kept_out, of, turned_away

TWO_STEPS = [STEP, STEP | {"offset_days": 5}]


def test_who_enters_has_one_decision_for_entering_and_one_for_the_row_and_nothing_beside_them(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    report = shop.plan()
    assert report.decisions == (DecisionCount("follow_up", "entered", 1),)
    assert [(found.decision, found.rule, found.step_no, str(found.day)) for found in of(shop, "C1")] == [
        ("entered", "entered", 1, TODAY), ("ready", "due", 1, TODAY),
    ]  # fmt: skip
    assert turned_away(shop) == []
    assert (report.turned_away, of(shop, "C1")[0].actor) == ((), "schedule")


@pytest.mark.parametrize(
    "rule",
    [
        "step_stopped", "outside_period", "past_date_skipped", "duplicate_unconfirmed", "conditions_not_met",
        "stop_condition_held",
    ],
)  # fmt: skip
def test_the_first_rule_that_is_against_it_decides(shop: Shop, rule: str):
    kept_out(shop, rule)
    day = "2024-03-08" if rule == "past_date_skipped" else TODAY
    report = shop.plan(day)
    (found,) = of(shop, "C1")
    assert (found.rule, found.decision, found.step_no, str(found.day)) == (rule, "turned_away", 1, day)
    assert found.decided_at == shop.now
    assert found.run_id == report.run_id
    assert found.rule_in_words != rule
    assert report.decisions == report.turned_away == (DecisionCount("follow_up", rule, 1),)
    # and again: the same is not kept twice, whether the sweep knows that nothing is new or looks at everybody
    shop.at(f"{TODAY} 07:00")
    shop.plan(day)
    shop.execute("delete from outreach.sweeps")
    assert shop.plan(day).decisions == report.decisions
    assert turned_away(shop) == [(day, "C1", rule)]


def test_an_earlier_enrolment_keeps_out_while_it_runs_after_it_ended_and_once_it_was_blocked(shop: Shop):
    shop.scenario(steps=TWO_STEPS)
    for customer in ("running", "ended", "blocked"):
        shop.buyer(customer, anchored="2024-03-06")
    shop.at("2024-03-07 06:00")
    shop.plan()
    shop.operate("complete", customer="ended", reason="called")
    shop.operate("block", customer="blocked", reason="complained")
    shop.at(f"{TODAY} 06:00")
    for customer in ("running", "ended", "blocked"):
        shop.eligible(customer, "2024-03-08", key=f"second-{customer}")
    report = shop.plan()
    assert {customer: rule for day, customer, rule in turned_away(shop) if day == TODAY} == {
        "running": "already_enrolled", "ended": "entered_before", "blocked": "blocked_before",
    }  # fmt: skip
    assert counts(report.decisions) == {"blocked_before": 1, "already_enrolled": 1, "entered_before": 1}


def test_who_loses_to_another_scenario_is_kept_with_the_one_that_won(shop: Shop):
    shop.scenario("best", multi_delivery=False, priority=1, steps=TWO_STEPS)
    shop.scenario("second", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="best")
    shop.eligible("C1", "2024-03-08", model="second")
    shop.plan()
    (lost,) = of(shop, "C1", scenario="second")
    assert (lost.rule, lost.other_scenario_code) == ("outranked", "best")
    # next time the winner is there already: another decision about the same day, the later of which holds
    shop.at(f"{TODAY} 07:00")
    shop.plan()
    assert [(found.rule, found.other_scenario_code) for found in of(shop, "C1", scenario="second")] == [
        ("outranked", "best"), ("active_elsewhere", "best"),
    ]  # fmt: skip
    shop.plan()
    assert len(of(shop, "C1", scenario="second")) == 2


def test_who_would_supersede_a_message_on_its_way_waits_and_that_is_kept(shop: Shop):
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.scenario("better", multi_delivery=False, priority=1)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="worse")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="better")
    with connect(shop.settings, autocommit=True) as other, other.transaction():
        other.execute("select from outreach.schedule_rows for update")
        shop.plan()
    assert [found.rule for found in of(shop, "C1", scenario="better")] == ["on_its_way"]


def test_what_is_overdue_and_turned_away_counts_for_the_planned_day_and_anew_on_the_next(shop: Shop):
    shop.scenario("best", multi_delivery=False, priority=1, steps=[STEP | {"offset_days": 1}, STEP])
    shop.scenario("second", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-02-20", model="best")
    shop.eligible("C1", "2024-02-20", model="second")
    shop.plan()
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert turned_away(shop) == [(TODAY, "C1", "outranked"), ("2024-03-10", "C1", "active_elsewhere")]


def test_a_customer_who_enters_by_one_anchor_is_not_turned_away_by_another_of_that_day(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.eligible("C1", "2024-03-08", key="another")
    shop.eligible("C1", "2024-03-08", key="a third", entry="{}")
    report = shop.plan()
    assert counts(report.decisions) == {"entered": 1}
    shop.plan()
    assert turned_away(shop) == []


def test_of_several_anchors_of_a_day_the_one_that_came_furthest_counts(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="a", entry="{}")
    shop.eligible("C1", "2024-03-08", key="b", stop="{(,)}")
    shop.plan()
    assert turned_away(shop) == [(TODAY, "C1", "stop_condition_held")]


@pytest.mark.parametrize("column", ["entry_during", "stop_during"])
def test_a_null_in_a_table_written_by_hand_is_a_condition_that_is_not_met(shop: Shop, column: str):
    shop.scenario()
    shop.buyer("C1")
    shop.execute(f"update eligibility.follow_up set {column} = null")  # noqa: S608
    shop.plan()
    assert turned_away(shop) == [(TODAY, "C1", "conditions_not_met")]


def test_who_enters_at_the_anchor_is_decided_on_on_the_anchors_day(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 7}])
    for customer, entry in (("in", "{(,)}"), ("out", "{}")):
        shop.customer(customer)
        shop.eligible(customer, TODAY, entry=entry)
    shop.plan()
    assert turned_away(shop) == [(TODAY, "out", "conditions_not_met")]
    assert [(str(found.day), found.rule) for found in of(shop, "in")] == [(TODAY, "entered")]
    shop.at("2024-03-16 06:00")
    shop.plan()
    assert sorted((str(found.day), found.rule) for found in of(shop, "in")) == [
        (TODAY, "entered"), ("2024-03-16", "due"),
    ]  # fmt: skip
    assert len(turned_away(shop)) == 1


def test_who_is_in_and_gets_no_row_is_told_why(shop: Shop):
    shop.scenario(enrol_at="anchor", past_date_policy="skip", steps=[STEP | {"offset_days": 2}])
    shop.buyer("C1")
    shop.plan("2024-03-08")
    shop.at("2024-03-11 06:00")
    shop.plan("2024-03-10")
    assert turned_away(shop) == [("2024-03-10", "C1", "row_past_date")]
    assert [found.decision for found in of(shop, "C1")] == ["entered", "no_row", "enrolment_stopped"]


@pytest.mark.parametrize(
    ("changes", "rule"), [({"status": "disabled"}, "not_enabled"), ({"steps": []}, "definition_broken")]
)
def test_a_scenario_in_which_nobody_is_considered_is_one_row_a_day(shop: Shop, changes: dict, rule: str):
    shop.scenario()
    shop.buyer("C1", anchored="2024-01-01", duplicate_status="unconfirmed")
    shop.plan()
    shop.scenario(**changes)
    report = shop.plan("2024-03-07", TODAY)
    assert turned_away(shop) == [(day, None, rule) for day in ("2024-03-07", "2024-03-08", TODAY)]
    assert report.decisions == (DecisionCount("follow_up", rule, 0),)
    shop.plan()
    assert len(turned_away(shop)) == 3
    (found, *_) = decisions(shop.connection, DecisionFilter(first_day=date(2024, 3, 7), rule=rule), limit=ALL)
    assert (found.customer_id, found.decision, found.rule) == (None, "not_considered", rule)


def test_one_persons_decisions_tell_the_whole_way_through_a_scenario(shop: Shop):
    shop.scenario(steps=TWO_STEPS)
    shop.buyer("C1")
    shop.plan()
    shop.at(f"{TODAY} 12:00")
    shop.send()
    shop.operate("hold", customer="C1")
    shop.operate("block", customer="C1", reason="お客様のご要望")
    found = of(shop, "C1")
    assert {(each.step_no, each.decision, each.rule) for each in found} == {
        (1, "entered", "entered"), (1, "ready", "due"), (1, "sent", "accepted"), (2, "ready", "due"),
        (2, "held", "operator"), (2, "blocked", "blocked"), (None, "enrolment_stopped", "blocked"),
    }  # fmt: skip
    (block,) = (each for each in found if each.decision == "blocked")
    assert (block.reason, block.actor, block.rule_ja) == ("お客様のご要望", "hanako@shop.example", "配信不可")
    view = shop.execute("select decision, rule from outreach.decisions where customer_id = 'C1' order by 1, 2")
    assert view == sorted((each.decision, each.rule) for each in found)
    summary = count_by_rule(shop.connection, DecisionFilter(customer="C1"))
    assert sum(count.decisions for count in summary) == len(found)
    assert [count for count in summary if count.decision != "ready"] == [
        count
        for count in count_by_rule(shop.connection, DecisionFilter(scenario="follow_up"))
        if count.decision != "ready"
    ]


def test_a_persons_own_words_stand_with_a_hold_and_a_release(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.operate("hold", customer="C1", reason="値段の確認中")
    shop.operate("release", customer="C1", reason="確認済み")
    told = [(decision.decision, decision.reason) for decision in of(shop, "C1") if decision.actor_kind == "operator"]
    assert told == [("held", "値段の確認中"), ("released", "確認済み")]


def test_every_word_that_a_transition_may_give_for_a_reason_is_explained(shop: Shop):
    words = {rule for (rule,) in shop.execute("select rule from outreach.decision_rules")}
    listed = {reason for (reason,) in shop.execute("select exit_reason from outreach.listed_transitions")}
    assert listed - {""} <= words
    statements = Path("ekiden/schedule/planning/sql/decided_customers.sql").read_text(encoding="utf-8")
    planning = [rule for (rule,) in shop.execute("select rule from outreach.decision_rules where rule_no < 500")]
    arbitration = Path("ekiden/schedule/planning/sql/arbitrate.sql").read_text(encoding="utf-8")
    code = Path("ekiden/schedule/planning/sql/considered_scenarios.sql").read_text(encoding="utf-8")
    assert [rule for rule in planning if f"'{rule}'" not in statements + arbitration + code] == []
