"""Missed days, told from the ledger that plans and their failures leave behind."""

from datetime import timedelta

import pytest

from ekiden.schedule.planning.missed import NOT_PLANNED, find_missed_days
from tests.integration.ledger_fixtures import STEP, Shop


def missed(shop: Shop) -> list[tuple[str, str, str]]:
    found = find_missed_days(shop.connection, now=shop.now, settings=shop.settings)
    return [(str(each.first_day), str(each.last_day), each.why) for each in found]


def test_a_week_off_is_noticed_and_one_backfill_over_it_settles_it(shop: Shop):
    shop.scenario()
    assert missed(shop) == []
    shop.plan()
    shop.at("2024-03-17 06:30")
    assert missed(shop) == [("2024-03-10", "2024-03-16", NOT_PLANNED)]
    shop.plan("2024-03-10", "2024-03-16")
    assert missed(shop) == []
    shop.at("2024-03-17 07:00")
    assert missed(shop) == [("2024-03-17", "2024-03-17", NOT_PLANNED)]


def test_a_plan_of_some_scenarios_is_not_the_whole_day_and_a_dry_run_is_none(shop: Shop):
    shop.scenario()
    shop.scenario("other")
    shop.plan()
    shop.at("2024-03-10 06:00")
    shop.plan(scenarios=["follow_up"])
    shop.at("2024-03-11 06:00")
    assert missed(shop) == [("2024-03-10", "2024-03-10", "planned only for follow_up")]
    shop.plan("2024-03-10", dry_run=True)
    assert missed(shop) != []
    shop.plan("2024-03-10")
    assert missed(shop) == []


def test_a_day_planned_without_a_broken_scenario_is_missed_until_that_is_mended(shop: Shop):
    shop.scenario()
    shop.plan()
    shop.at("2024-03-10 06:00")
    shop.scenario(steps=[STEP] * 11)
    assert shop.plan().broken
    shop.at("2024-03-11 06:00")
    without = [("2024-03-10", "2024-03-10", "planned without follow_up, whose definition or table has faults")]
    assert missed(shop) == without
    shop.plan("2024-03-10")
    assert missed(shop) == without
    shop.scenario()
    shop.plan("2024-03-10")
    assert missed(shop) == []


def test_a_plan_that_failed_leaves_its_day_missed(shop: Shop):
    shop.scenario()
    shop.plan()
    shop.at("2024-03-10 06:00")
    shop.execute("alter table eligibility.follow_up rename column entry_during to gone")
    with pytest.raises(Exception, match="entry_during"):
        shop.plan()
    shop.execute("alter table eligibility.follow_up rename column gone to entry_during")
    shop.now += timedelta(days=1)
    assert missed(shop) == [("2024-03-10", "2024-03-10", "its plan failed or was cut off")]
