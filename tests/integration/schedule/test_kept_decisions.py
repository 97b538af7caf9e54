"""Decisions are kept: once, in batches, for ever, and everybody's can be looked at."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from ekiden.cli import app
from ekiden.insights.decisions import DecisionFilter, UnknownRule, count_by_rule, decisions
from ekiden.schedule.planning.decisions import BATCH_SIZE, DecisionCount
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.schedule.deciding import TODAY, counts, kept_out, of, turned_away


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


def test_what_was_decided_before_somebody_entered_is_kept_again_once_their_rows_are_deleted(shop: Shop):
    kept_out(shop, "conditions_not_met")
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", entry="{}")
    shop.plan()
    shop.execute("update eligibility.follow_up set entry_during = '{(,)}', stop_during = '{}' where customer_id = 'C1'")
    shop.at(f"{TODAY} 09:00")
    shop.plan()
    shop.at(f"{TODAY} 09:30")
    shop.operate("delete")
    assert shop.enrolments() == {"C1": ("removed", None)}
    shop.execute("update eligibility.follow_up set entry_during = '{}'")
    for hour in ("10:00", "11:00"):
        shop.at(f"{TODAY} {hour}")
        # as after an edit: everybody is decided about
        shop.execute("delete from outreach.sweeps")
        shop.plan()
    assert turned_away(shop) == [(TODAY, customer, "conditions_not_met") for customer in ("C1", "C2", "C1")]
    assert of(shop, "C1")[-1].rule == "conditions_not_met"


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


def test_that_nobody_was_considered_is_kept_once_for_each_reason_in_turn(shop: Shop):
    shop.scenario(status="draft")
    shop.plan()
    shop.scenario(steps=[])
    for _ in range(2):
        shop.plan()
    assert [rule for _, _, rule in turned_away(shop)] == ["not_enabled", "definition_broken"]


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
    assert "the first 1 decision;" in ekiden("--from", TODAY, "--limit", "1").stderr
    # years of everybody's are not shown unasked
    assert json.loads(ekiden("--format", "json").stdout) == []
    assert ekiden("--from", TODAY, "--to", "2024-03-01").exit_code == 2
    assert isinstance(ekiden("--rule", "nonsense").exception, UnknownRule)


def test_a_decision_about_a_whole_scenario_counts_as_one_as_often_as_it_was_made(shop: Shop):
    shop.scenario(status="draft")
    shop.buyer("C1")
    shop.plan("2024-03-08", "2024-03-09")
    counted = count_by_rule(shop.connection, DecisionFilter(first_day=date(2024, 3, 8)))
    assert [(count.rule, count.decisions) for count in counted] == [("not_enabled", 2)]
    assert len(decisions(shop.connection, DecisionFilter(first_day=date(2024, 3, 8)), limit=10)) == 2


def test_a_decision_is_never_rewritten_and_an_unknown_rule_is_refused(shop: Shop):
    kept_out(shop, "conditions_not_met")
    shop.plan()
    for attempt in ("update outreach.decision_batches set rule = 'outranked'", "delete from outreach.decision_batches"):
        with pytest.raises(Exception, match="append-only"):
            shop.execute(attempt)
    with pytest.raises(UnknownRule, match="outranked"):
        decisions(shop.connection, DecisionFilter(rule="nonsense"), limit=1)
