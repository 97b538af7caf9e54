"""Missed days and held rows on the command line."""

import json

import pytest

from tests.integration.ledger_fixtures import Shop


@pytest.fixture
def missed(shop: Shop) -> Shop:
    """A shop that was planned on 9 March 2024 and then not until the morning of the 14th."""
    shop.scenario()
    shop.plan()
    shop.at("2024-03-14 06:30")
    for day in (9, 10, 12):
        shop.buyer(f"C{day}", f"2024-03-{day:02}")
    return shop


def test_missed_days_are_named_and_planned_in_one_run(missed: Shop, ekiden):
    ended = ekiden("plan", "--missed", "--format", "json")
    assert ended.code == 0
    assert "2024-03-10 to 2024-03-13: not planned" in ended.err
    assert "3 entered, 0 rows ready, 3 held, 0 cancelled" in ended.err
    (count,) = json.loads(ended.out)
    assert (count["hold_reason"], count["rows"], count["people"], count["still_eligible"]) == ("past_due", 3, 3, 3)
    days = missed.execute("select partition_from::text, partition_to::text from outreach.runs order by started_at")
    assert days == [("2024-03-09", "2024-03-09"), ("2024-03-10", "2024-03-13")]
    again = ekiden("plan", "--missed")
    assert (again.code, again.out) == (0, "")
    assert "no day was missed" in again.err


def test_a_dry_run_reports_what_a_plan_would_do_and_changes_nothing(missed: Shop, ekiden):
    tried = ekiden("plan", "--missed", "--dry-run", "--format", "json")
    assert "dry run: nothing was changed" in tried.err
    assert missed.rows() == []
    assert missed.execute("select count(*) from outreach.runs") == [(1,)]
    assert ekiden("plan", "--missed", "--format", "json").out == tried.out


def test_a_dry_run_of_today_says_what_it_would_mean_as_well(missed: Shop, ekiden):
    (first, *_) = json.loads(ekiden("plan", "--dry-run", "--format", "json").out)
    assert (first["state"], first["rows"], first["still_eligible"]) == ("held", 3, 3)


def test_a_day_to_come_is_said_to_be_left_for_its_own_planning(missed: Shop, ekiden):
    said = "days after today are left for their own planning; to look ahead: `ekiden audience SCENARIO --on DAY`"
    assert said in ekiden("plan", "--date", "2024-03-15", "--dry-run").err
    assert said not in ekiden("plan", "--date", "2024-03-14", "--dry-run").err


def test_a_scenario_that_is_not_considered_turns_no_number_of_customers_away(missed: Shop, ekiden):
    missed.scenario("draft", status="draft")
    said = ekiden("plan").err.splitlines()
    assert "draft: not_enabled" in said


@pytest.mark.parametrize("more", [("--date", "2024-03-10"), ("--from", "2024-03-10", "--to", "2024-03-11")])
def test_missed_days_are_not_chosen_twice(missed: Shop, ekiden, more):
    ended = ekiden("plan", "--missed", *more)
    assert (ended.code, missed.rows()) == (2, [])


def test_an_expired_hold_is_counted(missed: Shop, ekiden):
    missed.plan("2024-03-10", "2024-03-13")
    missed.scenario(hold_expires_after_days=1)
    missed.at("2024-03-16 06:00")
    assert "3 holds expired" in ekiden("plan").err


def test_held_rows_are_shown_with_their_age_their_reason_and_whether_they_should_still_go(missed: Shop, ekiden):
    missed.plan("2024-03-10", "2024-03-13")
    missed.at("2024-03-16 06:00")
    missed.stop("C9", since=missed.now)
    ended = ekiden("held", "--format", "json")
    assert ended.code == 0
    assert {row["customer_id"]: (row["days_held"], row["reason"], row["still_eligible"], row["because"])
            for row in json.loads(ended.out)} == {
        "C9": (2, "past_due", False, "stop_holds"),
        "C10": (2, "past_due", True, "entry_holds"),
        "C12": (2, "past_due", True, "entry_holds"),
    }  # fmt: skip
    assert "stop_holds" in ekiden("held", "--customer", "C9").out
    short = ekiden("held", "--limit", "1")
    assert "1 of 3 rows" in short.err


def test_who_asks_for_what_a_person_held_sees_what_a_release_of_it_lets_go(missed: Shop, ekiden):
    missed.plan("2024-03-10", "2024-03-13")
    missed.operate("block", customer="C9")
    missed.operate("reopen", customer="C9", reason="past_due")
    (row,) = json.loads(ekiden("held", "--hold-reason", "operator", "--format", "json").out)
    assert (row["customer_id"], row["hold_reason"], row["reason"]) == ("C9", "operator", "past_due")
    counts = json.loads(ekiden("held", "--summary", "--format", "json").out)
    assert [(count["hold_reason"], count["rows"]) for count in counts] == [("operator", 1), ("past_due", 2)]
    told = ekiden("release", "--scenario", "follow_up", "--hold-reason", "operator", "--dry-run").err
    assert "release would look at 1 row" in told


def test_held_rows_are_counted_by_scenario_step_and_hold_reason(missed: Shop, ekiden):
    missed.plan("2024-03-10", "2024-03-13")
    missed.stop("C9", since=missed.now)
    (count,) = json.loads(ekiden("held", "--summary", "--format", "json").out)
    assert (count["rows"], count["people"], count["still_eligible"], count["stop_holds"]) == (3, 3, 2, 1)
    assert "follow_up" in ekiden("held", "--summary").out
    assert json.loads(ekiden("held", "--summary", "--due-from", "2024-04-01", "--format", "json").out) == []
