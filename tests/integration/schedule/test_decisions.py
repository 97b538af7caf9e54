"""Every decision is kept: whom planning considered, what it decided and by which rule first."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ekiden.cli import app
from ekiden.database.connection import connect
from ekiden.insights.decisions import Decision, DecisionFilter, UnknownRule, count_by_rule, decisions
from ekiden.schedule.decisions import BATCH_SIZE, DecisionCount
from tests.integration.ledger_fixtures import STEP, Shop

TODAY = "2024-03-09"
TWO_STEPS = [STEP, STEP | {"offset_days": 5}]
ALL = 100_000


def of(shop: Shop, customer: str, **wanted) -> list[Decision]:
    """Return one customer's decisions in the order in which they were made."""
    found = decisions(shop.connection, DecisionFilter(customer=customer, **wanted), limit=ALL)
    return sorted(found, key=lambda decision: decision.decided_at)


def turned_away(shop: Shop) -> list[tuple[str, str, str]]:
    """Return (day, customer, rule) of what planning keeps beside the ledger's transitions, as it came."""
    return [
        (str(day), customer, rule)
        for day, customer, rule in shop.execute(
            "select day, customer_id, rule from outreach.decision_batches"
            " left join lateral unnest(customers) as told_apart (customer_id) on true"
            " order by decision_batch_id, customer_id"
        )
    ]


def counts(decided: Sequence[DecisionCount]) -> dict[str, int]:
    return {count.rule: count.customers for count in decided}


def test_who_enters_has_one_decision_for_entering_and_one_for_the_row_and_nothing_beside_them(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    report = shop.plan()
    assert report.decisions == (DecisionCount("follow_up", "entered", 1),)
    assert [(found.decision, found.rule, found.step_no, str(found.day)) for found in of(shop, "C1")] == [
        ("ready", "due", 1, TODAY), ("entered", "entered", 1, TODAY),
    ]  # fmt: skip
    assert turned_away(shop) == []
    assert (report.turned_away, of(shop, "C1")[0].actor) == ((), "schedule")


def kept_out(shop: Shop, rule: str) -> None:
    """Let C1 come up today and one rule be against it; whatever comes after it in the order is against it as well."""
    duplicate = {"duplicate_status": "unconfirmed"}
    match rule:
        case "step_stopped":
            shop.scenario(steps=[STEP | {"state": "force_stopped"}])
            shop.buyer("C1", **duplicate)
        case "outside_period":
            shop.scenario(period={"from": "2024-03-10"})
            shop.buyer("C1", **duplicate)
        case "past_date_skipped":
            shop.scenario(past_date_policy="skip")
            shop.buyer("C1", anchored="2024-03-07", **duplicate)
        case "duplicate_unconfirmed":
            shop.scenario()
            shop.customer("C1", duplicate_status="on_hold")
            shop.eligible("C1", "2024-03-08", entry="{}")
        case "conditions_not_met":
            shop.scenario()
            shop.customer("C1")
            shop.eligible("C1", "2024-03-08", entry="{}", stop="{(,)}")
        case "stop_condition_held":
            shop.scenario()
            shop.customer("C1")
            shop.eligible("C1", "2024-03-08", stop="{(,)}")


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


def test_another_decision_of_a_later_run_is_kept_beside_the_first_and_entering_beside_both(shop: Shop):
    shop.scenario()
    shop.customer("C1", duplicate_status="unconfirmed")
    shop.eligible("C1", "2024-03-08", entry="{}")
    shop.plan()
    shop.execute("update eligibility.follow_up set entry_during = '{(,)}', stop_during = '{(,)}'")
    shop.at(f"{TODAY} 07:00")
    shop.plan()
    shop.execute("update eligibility.follow_up set stop_during = '{}'")
    shop.at(f"{TODAY} 08:00")
    shop.plan()
    assert [found.rule for found in of(shop, "C1") if found.rule != "due"] == [
        "duplicate_unconfirmed", "stop_condition_held", "entered",
    ]  # fmt: skip
    shop.at(f"{TODAY} 09:00")
    shop.plan()
    assert len(turned_away(shop)) == 2


def test_a_backfill_decides_each_day_and_leaves_the_days_to_come_alone(shop: Shop):
    shop.scenario()
    for number in range(1, 8):
        shop.customer(f"C{number}", duplicate_status="unconfirmed")
        shop.eligible(f"C{number}", f"2024-03-0{number + 2}", entry="{}")
    report = shop.plan("2024-03-05", "2024-03-12")
    assert turned_away(shop) == [
        (f"2024-03-0{number + 3}", f"C{number}", "duplicate_unconfirmed") for number in range(2, 7)
    ]
    assert report.decisions == (DecisionCount("follow_up", "duplicate_unconfirmed", 5),)
    # a day of its own or within a range: the decision is the same, and there already
    shop.plan("2024-03-07")
    assert len(turned_away(shop)) == 5


def test_a_selection_decides_about_no_other_scenario(shop: Shop):
    for code in ("one", "two"):
        shop.scenario(code)
        shop.customer(code, duplicate_status="unconfirmed")
        shop.eligible(code, "2024-03-08", model=code, entry="{}")
    shop.plan(scenarios=["one"])
    assert [customer for _, customer, _ in turned_away(shop)] == ["one"]


def test_a_dry_run_keeps_no_decision_and_a_plan_of_a_day_to_come_makes_none(shop: Shop):
    kept_out(shop, "conditions_not_met")
    assert shop.plan("2024-03-10").decisions == ()
    assert counts(shop.plan(dry_run=True).decisions) == {"conditions_not_met": 1}
    assert turned_away(shop) == []


def test_any_id_is_found_again_whatever_it_is_written_in(shop: Shop):
    shop.scenario()
    ids = ["会員-東京-１", 'O\'Brien "x" {,}', "50%", "a,b", "null", "NULL", "\\", "C1 "]
    for customer in ids:
        shop.customer(customer, email="x@shop.example")
        shop.eligible(customer, "2024-03-08", entry="{}")
    shop.plan()
    for customer in ids:
        (found,) = of(shop, customer, rule="conditions_not_met", scenario="follow_up")
        assert found.customer_id == customer
    assert found.rule_ja == "対象条件不一致"


def test_thousands_of_customers_are_kept_in_batches_whose_ids_are_in_order(shop: Shop):
    shop.scenario()
    several = 2 * BATCH_SIZE + 1
    shop.execute(
        "insert into raw.customers (customer_id, registered_at)"
        " select 'C' || number, '2023-01-01' from generate_series(1, %s) as number",
        several,
    )
    shop.execute(
        "insert into eligibility.follow_up select customer_id, 'ordered', customer_id, '2024-03-08 10:00+09',"
        " '2024-03-08', '{}', '{}' from raw.customers"
    )
    assert counts(shop.plan().decisions) == {"conditions_not_met": several}
    batches = [batch for (batch,) in shop.execute("select customers from outreach.decision_batches order by 1")]
    assert sorted(map(len, batches)) == [1, BATCH_SIZE, BATCH_SIZE]
    ids = [customer for batch in batches for customer in batch]
    assert ids == sorted(ids)
    assert len(set(ids)) == several
    (count,) = count_by_rule(shop.connection, DecisionFilter(first_day=date(2024, 3, 9)))
    assert (count.rule, count.decisions) == ("conditions_not_met", several)
    # of those who changed since, and only of those, another one
    shop.execute("update raw.customers set duplicate_status = 'on_hold' where customer_id in ('C7', 'C77')")
    shop.execute("delete from outreach.sweeps")
    shop.plan()
    assert turned_away(shop)[several:] == [
        (TODAY, "C7", "duplicate_unconfirmed"), (TODAY, "C77", "duplicate_unconfirmed"),
    ]  # fmt: skip


def test_where_changes_are_noted_the_same_days_are_decided_again_only_for_whom_something_can_be_new(shop: Shop):
    shop.scenario()
    for customer in ("C1", "C2", "C3"):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", entry="{}")
    assert counts(shop.plan().decisions) == {"conditions_not_met": 3}
    shop.at(f"{TODAY} 07:00")
    shop.execute(
        "update eligibility.follow_up set entry_during = '{(,)}', stop_during = '{(,)}' where customer_id = 'C2'"
    )
    assert counts(shop.plan().decisions) == {"stop_condition_held": 1}
    assert shop.plan().decisions == ()
    # of other days everybody is decided about, also when it is that day's turn again
    shop.eligible("C3", "2024-03-07", key="before", entry="{}", stop="{(,)}")
    assert counts(shop.plan("2024-03-08").decisions) == {"conditions_not_met": 1}
    shop.execute("update eligibility.follow_up set entry_during = '{(,)}' where customer_id = 'C3'")
    assert counts(shop.plan("2024-03-08").decisions) == {"stop_condition_held": 1}
    assert counts(shop.plan().decisions) == {"conditions_not_met": 1, "stop_condition_held": 1, "entered": 1}
    assert [(found.rule, str(found.day)) for found in of(shop, "C2")] == [
        ("conditions_not_met", TODAY), ("stop_condition_held", TODAY),
    ]  # fmt: skip


def test_after_a_stop_by_force_was_taken_back_everybody_is_decided_about_again(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", entry="{}")
    shop.plan()
    shop.scenario(steps=[STEP | {"state": "force_stopped"}])
    shop.plan()
    shop.scenario()
    shop.plan()
    assert [rule for _, _, rule in turned_away(shop)] == ["conditions_not_met", "step_stopped", "conditions_not_met"]


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


def test_every_word_that_a_transition_may_give_for_a_reason_is_explained(shop: Shop):
    words = {rule for (rule,) in shop.execute("select rule from outreach.decision_rules")}
    listed = {reason for (reason,) in shop.execute("select exit_reason from outreach.listed_transitions")}
    assert listed - {""} <= words
    statements = Path("ekiden/schedule/sql/decided_customers.sql").read_text(encoding="utf-8")
    planning = [rule for (rule,) in shop.execute("select rule from outreach.decision_rules where rule_no < 500")]
    arbitration = Path("ekiden/schedule/sql/arbitrate.sql").read_text(encoding="utf-8")
    code = Path("ekiden/schedule/sql/considered_scenarios.sql").read_text(encoding="utf-8")
    assert [rule for rule in planning if f"'{rule}'" not in statements + arbitration + code] == []


def test_the_command_shows_decisions_of_a_day_or_of_a_person_and_counts_them(shop: Shop, monkeypatch):
    monkeypatch.setenv("EKIDEN_DATABASE_URL", shop.settings.database_url.get_secret_value())
    monkeypatch.setenv("EKIDEN_HOME", str(shop.settings.home))
    kept_out(shop, "conditions_not_met")
    shop.buyer("50%", "2024-03-08")
    shop.plan()

    def ekiden(*arguments: str):
        return CliRunner().invoke(app, ["decisions", *arguments])

    (found,) = json.loads(ekiden("--customer", "C1", "--format", "json").stdout)
    assert (found["rule"], found["rule_ja"], found["day"]) == ("conditions_not_met", "対象条件不一致", TODAY)
    assert "the entry conditions did not hold" in ekiden("--from", TODAY, "--rule", "conditions_not_met").stdout
    of_a_person = json.loads(ekiden("--customer", "50%", "--summary", "--format", "json").stdout)
    assert [count["rule"] for count in of_a_person] == ["entered", "due"]
    counted = json.loads(ekiden("--from", TODAY, "--to", TODAY, "--summary", "--format", "json").stdout)
    assert [(count["rule"], count["decisions"]) for count in counted] == [
        ("conditions_not_met", 1), ("entered", 1), ("due", 1),
    ]  # fmt: skip
    assert "the first 1 decisions" in ekiden("--from", TODAY, "--limit", "1").stderr
    # years of everybody's are not shown unasked
    assert json.loads(ekiden("--format", "json").stdout) == []
    assert ekiden("--from", TODAY, "--to", "2024-03-01").exit_code == 2
    assert isinstance(ekiden("--rule", "nonsense").exception, UnknownRule)


def test_a_decision_is_never_rewritten_and_an_unknown_rule_is_refused(shop: Shop):
    kept_out(shop, "conditions_not_met")
    shop.plan()
    for attempt in ("update outreach.decision_batches set rule = 'outranked'", "delete from outreach.decision_batches"):
        with pytest.raises(Exception, match="append-only"):
            shop.execute(attempt)
    with pytest.raises(UnknownRule, match="outranked"):
        decisions(shop.connection, DecisionFilter(rule="nonsense"), limit=1)
