"""What `ekiden status` counts and names of a ledger."""

from datetime import date

import pytest

from ekiden.insights.status import deployment_status
from ekiden.insights.status_wording import status_in_words
from tests.integration.delivery.lists.exporting import CARD
from tests.integration.insights.asking import NOON
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_every_ready_row_is_counted_once_by_what_it_waits_for(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    for model, changes in (("mail", {}), ("later", {}), ("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, **changes)
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    for model, changes in (("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, status="disabled", **changes)
    shop.scenario("later", steps=[STEP | {"send_time": "18:00"}])
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", model="later")
    shop.at(NOON)
    shop.plan()
    rows = deployment_status(shop.connection, now=shop.now, settings=shop.settings).rows
    assert (rows.due, rows.lists_due, rows.switched_off, rows.ready_later) == (2, 1, 2, 1)
    assert len(shop.rows(state="ready")) == 6


def test_a_plan_of_days_to_come_does_not_hide_the_last_that_planned_a_day(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan("2024-03-12")
    assert last_plans(shop) == []
    shop.plan()
    shop.at("2024-03-09 09:00")
    shop.plan("2024-03-12")
    shop.plan("2024-03-10", "2024-03-12")
    assert last_plans(shop) == [date(2024, 3, 9)]
    # a range that has today in it plans today
    shop.plan("2024-03-08", "2024-03-12")
    assert last_plans(shop) == [date(2024, 3, 8)]


def test_a_plan_is_of_the_shops_day_though_it_is_still_the_day_before_in_universal_time(shop: Shop):
    shop.at("2024-03-09 00:30")
    shop.plan("2024-03-09")
    assert last_plans(shop) == [date(2024, 3, 9)]


def last_plans(shop: Shop) -> list[date | None]:
    """Return the first day of the last plan, if there is one."""
    runs = deployment_status(shop.connection, now=shop.now, settings=shop.settings).last_runs
    return [run.partition_from for run in runs if run.kind == "plan"]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2024-03-09 05:59", "2024-03-09 06:00"),
        # the plan of that very minute is no coming one
        ("2024-03-09 06:00", "2024-03-10 06:00"),
        ("2024-12-31 23:00", "2025-01-01 06:00"),
    ],
)
def test_the_next_plan_is_told_by_the_shops_clock_and_on_what_it_depends(shop: Shop, at: str, told: str):
    shop.at(at)
    said = dict(
        status_in_words(deployment_status(shop.connection, now=shop.now, settings=shop.settings), shop.settings)
    )
    assert said["next plan"].startswith(f"{told} (EKIDEN_BATCH_TIME)")
    assert "schedule plan_today is on" in said["next plan"]
