"""What `why` tells of scenarios that exclude each other: what the next plan decides between them."""

from collections.abc import Callable

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.insights.explanation.explain import EntryVerdict
from tests.integration.insights.asking import NOON, asks
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_scenario_that_left_the_project_is_in_nobodys_way(shop: Shop):
    for model, priority in (("gone", 1), ("here", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="gone")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="here")
    assert asks(shop, scenario="here").verdict is EntryVerdict.KEPT_OUT
    shop.execute("delete from eligibility.scenario_registry where model_name = 'gone'")
    shop.plan("2024-03-10")  # a day to come: nothing but the definitions is taken over
    assert asks(shop, scenario="here").verdict is EntryVerdict.MAY_ENTER
    assert shop.plan().enrolled == 1


def stop_condition(shop: Shop) -> None:
    shop.stop("C1", since=shop.now, model="first")


def forced_stop(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, steps=[STEP | {"state": "force_stopped"}])


def expired_hold(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, hold_expires_after_days=2)
    shop.at("2024-03-12 06:00")


def edit_that_asks_again(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, reevaluate_on_update=True)
    shop.execute("update eligibility.first set entry_during = '{}'")


def hold_that_waits(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, hold_expires_after_days=2)
    shop.at("2024-03-11 06:00")


@pytest.mark.parametrize(
    ("happens", "because"),
    [
        (stop_condition, "its stop condition holds"),
        (forced_stop, "its next step is stopped by force"),
        (expired_hold, "its hold expires"),
        (edit_that_asks_again, "its entry conditions hold no more after an edit"),
        (hold_that_waits, None),
    ],
)
def test_an_exclusive_scenario_that_the_next_plan_ends_first_keeps_nobody_out(
    shop: Shop, happens: Callable[[Shop], None], because: str | None
):
    shop.scenario("first", multi_delivery=False, priority=1)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", model="first")
    shop.plan()
    assert shop.row().state == "held"
    shop.scenario("second", multi_delivery=False, priority=2)
    shop.eligible("C1", "2024-03-08", model="second")
    assert asks(shop, scenario="second").verdict is EntryVerdict.KEPT_OUT
    happens(shop)
    shop.plan("2024-03-20")  # a day to come: nothing but the definitions is taken over
    told = asks(shop, scenario="second")
    assert told.verdict is (EntryVerdict.MAY_ENTER if because else EntryVerdict.KEPT_OUT)
    assert because is None or f"which the next plan ends first: {because}" in str(told.anchors)
    assert shop.plan().enrolled == (1 if because else 0)


def test_exclusive_scenarios_are_told_as_of_the_moment_that_is_asked_about(shop: Shop):
    for model, priority in (("first", 1), ("second", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="first")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="second", entry="{[2024-03-08T10:00+09:00,)}")
    shop.at(NOON)
    shop.send()
    shop.at("2024-03-09 13:00")
    assert asks(shop, scenario="second").verdict is EntryVerdict.MAY_ENTER
    then = asks(shop, "2024-03-09T11:59", scenario="second")
    assert (then.verdict, then.next) == (EntryVerdict.KEPT_OUT, "the enrolment in first would have to end")
    for later in ("2024-03-09T05:59", "2024-03-09T12:00"):
        assert asks(shop, later, scenario="second").first_failing is None


def test_an_exclusive_scenario_whose_row_was_deleted_kept_the_customer_until_then(shop: Shop):
    for model, priority in (("first", 1), ("second", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority, steps=[STEP, STEP | {"offset_days": 30}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="first")
    shop.plan()
    shop.at(NOON)
    shop.send()
    shop.eligible("C1", "2024-03-08", model="second")
    shop.at("2024-03-09 13:00")
    shop.operate("delete", customer="C1", state="ready")
    shop.at("2024-03-09 14:00")
    assert asks(shop, "2024-03-09T12:59", scenario="second").verdict is EntryVerdict.KEPT_OUT
    assert asks(shop, "2024-03-09T13:00", scenario="second").verdict is EntryVerdict.MAY_ENTER
    assert asks(shop, scenario="second").verdict is EntryVerdict.MAY_ENTER
    # nor does what a later plan makes of that change what was so by then
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert shop.execute("select exit_reason from outreach.enrolments order by enrolment_id") == [
        ("superseded",),
        (None,),
    ]
    assert asks(shop, "2024-03-09T12:59", scenario="second").first_failing is not None
    assert asks(shop, "2024-03-09T14:00", scenario="second").first_failing is None


def a_rivals_message_fails(shop: Shop) -> None:
    """C1 came into `worse`, whose message was refused at noon, before `better` could have the customer."""
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="worse")
    shop.plan()
    shop.scenario("better", multi_delivery=False, priority=1)
    shop.eligible("C1", "2024-03-08", model="better")
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()


def test_a_message_that_failed_later_was_not_on_its_way_before(shop: Shop):
    a_rivals_message_fails(shop)
    shop.at("2024-03-09 13:00")
    assert asks(shop, "2024-03-09T11:59", scenario="better").verdict is EntryVerdict.MAY_ENTER
    assert asks(shop, "2024-03-09T12:01", scenario="better").verdict is EntryVerdict.KEPT_OUT


def test_who_would_supersede_what_is_on_its_way_is_told_to_wait(shop: Shop):
    a_rivals_message_fails(shop)
    assert asks(shop, scenario="better").verdict is EntryVerdict.KEPT_OUT
    assert "a message of worse is just being sent, or failed" in asks(shop, scenario="better").first_failing
    assert [decision.rule for decision in shop.plan().decisions if decision.scenario_code == "better"] == ["on_its_way"]
    shop.operate("block", scenario="worse", state="failed")
    assert asks(shop, scenario="better").verdict is EntryVerdict.MAY_ENTER
    assert shop.plan().enrolled == 1
