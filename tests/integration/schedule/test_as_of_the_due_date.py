"""Missed days judged as of now, or of their own planning (Q-13): who enters, and what the next sweep finds again."""

import pytest

from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(("as_of", "entered"), [("now", {"since"}), ("due_date", {"until", "stopped_later"})])
def test_who_enters_on_a_missed_day_is_judged_as_of_now_or_of_that_days_planning(
    shop: Shop, as_of: str, entered: set[str]
):
    shop.scenario(backfill_as_of=as_of)
    # due on the 4th, whose planning was at 06:00
    for customer, entry in (
        ("until", "{(,2024-03-04 06:00:01+09)}"),
        ("since", "{(2024-03-04 06:00:01+09,)}"),
        ("too_early", "{(,2024-03-04 06:00+09)}"),
        ("stopped_later", "{(,2024-03-05 00:00+09)}"),
    ):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-03", entry=entry)
    shop.plan("2024-03-04")
    assert {row.customer_id: row.state for row in shop.rows()} == dict.fromkeys(entered, "held")
    decided = dict(shop.execute("select customer_id, rule from outreach.decisions where rule <> 'past_due'"))
    assert {customer for customer, rule in decided.items() if rule == "conditions_not_met"} == {
        "until",
        "since",
        "too_early",
        "stopped_later",
    } - entered


@pytest.mark.parametrize(
    ("as_of", "kept_out"), [("now", {"by_now", "then_and_by_now"}), ("due_date", {"then", "by_now", "then_and_by_now"})]
)
def test_by_the_due_date_a_stop_that_held_at_that_days_planning_keeps_out_although_it_is_over(
    shop: Shop, as_of: str, kept_out: set[str]
):
    shop.scenario(backfill_as_of=as_of)
    stops = {
        "then": "{[2024-03-04 06:00+09,2024-03-04 06:00:01+09)}",
        "before": "{(,2024-03-04 06:00+09)}",
        "between": "{(2024-03-04 06:00+09,2024-03-09 06:00+09)}",
        "by_now": "{[2024-03-09 06:00+09,)}",
        "then_and_by_now": "{[2024-03-03 10:00+09,2024-03-05 00:00+09),[2024-03-09 00:00+09,)}",
    }
    for customer, stop in stops.items():
        shop.customer(customer)
        shop.eligible(customer, "2024-03-03", stop=stop)
    shop.plan("2024-03-04")
    assert {row.customer_id: row.state for row in shop.rows()} == dict.fromkeys(stops.keys() - kept_out, "held")
    decided = dict(shop.execute("select customer_id, rule from outreach.decisions where decision = 'turned_away'"))
    assert decided == dict.fromkeys(kept_out, "stop_condition_held")


def test_by_the_due_date_a_stop_of_the_day_of_the_last_sweep_is_judged_anew_once_that_is_gone_by(shop: Shop):
    shop.scenario(backfill_as_of="due_date")
    # due on the 9th, which was planned at noon for want of its planning at 06:00
    for customer, stop in (
        ("at_noon", "{[2024-03-09 10:00+09,2024-03-09 20:00+09)}"),
        ("in_the_morning", "{[2024-03-08 10:00+09,2024-03-09 20:00+09)}"),
        ("for_days", "{[2024-03-09 10:00+09,2024-03-11 20:00+09)}"),
    ):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", stop=stop)
    shop.at("2024-03-09 12:00")
    assert shop.plan().enrolled == 0
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert shop.states() == {("at_noon", 1): "held"}
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert shop.states() == {("at_noon", 1): "held", ("for_days", 1): "held"}


@pytest.mark.parametrize(
    "settings",
    [
        {"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]},
        {"zero_day": "same_day", "steps": [STEP | {"offset_days": 0}]},
    ],
)
def test_by_the_due_date_an_anchor_that_came_after_its_own_days_plan_is_judged_as_it_came(shop: Shop, settings: dict):
    shop.scenario(backfill_as_of="due_date", **settings)
    shop.plan()
    # at 10:00, four hours after the plan
    for customer, entry in (
        ("then", "{[2024-03-09 10:00+09,2024-03-09 12:00+09)}"),
        ("before", "{(,2024-03-09 10:00+09)}"),
        ("after", "{[2024-03-09 10:00:01+09,)}"),
    ):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-09", entry=entry)
    shop.at("2024-03-10 06:00")
    shop.plan("2024-03-09", "2024-03-10")
    assert shop.enrolments() == {"then": ("active", None)}
    decided = shop.execute("select customer_id, rule from outreach.decisions where decision = 'turned_away'")
    assert sorted(decided) == [("after", "conditions_not_met"), ("before", "conditions_not_met")]


def test_by_the_due_date_a_day_that_the_last_sweep_did_not_reach_is_found_again(shop: Shop):
    shop.scenario(backfill_as_of="due_date")
    shop.plan()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-09", entry="{(,2024-03-10 12:00+09)}")
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert shop.row().state == "held"


def test_by_the_due_date_the_day_of_the_last_sweep_is_judged_anew_once_it_is_gone_by(shop: Shop):
    shop.scenario(backfill_as_of="due_date")
    shop.customer("C1")
    # due on the 9th, whose planning at 06:00 never was: it was at noon
    shop.eligible("C1", "2024-03-08", entry="{(,2024-03-09 10:00+09)}")
    shop.at("2024-03-09 12:00")
    assert shop.plan().enrolled == 0
    shop.at("2024-03-09 18:00")
    assert shop.plan().enrolled == 0
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "held"}
