"""What `why` tells of who is not in a scenario: nothing that the next plan will not do."""

import pytest

from ekiden.insights.explanation.explain import EntryVerdict
from tests.integration.insights.asking import NOON, asks
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(
    ("settings", "key"),
    [({}, "O-C1-2024-03-01"), ({"reentry": "after_exit", "on_retrigger": "restart"}, "O-C1-2024-03-02")],
)
def test_of_several_anchors_that_may_enter_the_one_is_named_that_does(shop: Shop, settings: dict[str, str], key: str):
    shop.scenario(**settings)
    shop.customer("C1")
    for day in ("2024-03-01", "2024-03-02"):
        shop.eligible("C1", day)
    assert asks(shop).sentence == f"enters with the next planning run, by ordered: order {key}"
    shop.plan()
    assert shop.row().anchor_key == key


def test_of_two_anchors_of_one_instant_that_start_anew_the_one_is_named_that_does(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.customer("C1")
    for key in ("O-2", "O-1"):
        shop.eligible("C1", "2024-03-08", key=key)
    assert asks(shop).sentence == "enters with the next planning run, by ordered: order O-1"
    shop.plan()
    assert shop.row().anchor_key == "O-1"


@pytest.mark.parametrize(
    ("held", "enters"),
    [("{[2024-03-01T00:00+09:00,2024-03-05T00:00+09:00)}", True), ("{[2024-03-20T00:00+09:00,)}", False)],
)
def test_entry_on_a_day_gone_by_is_judged_as_of_that_day_where_the_scenario_says_so(
    shop: Shop, held: str, enters: bool
):
    shop.scenario(backfill_as_of="due_date")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-01", entry=held)
    found = asks(shop)
    assert (found.verdict is EntryVerdict.MAY_ENTER) == enters
    assert "2024-03-20" not in found.next
    assert found.anchors[0].conditions[0].wording == (
        "entry is judged as of 2024-03-02 06:00 (backfill_as_of: due_date)"
    )
    assert shop.plan().enrolled == enters


@pytest.mark.parametrize(
    ("stop", "first_failing"),
    [
        (
            "{[2024-03-01 10:00+09,2024-03-05 00:00+09)}",
            "a stop condition held at 2024-03-02 06:00, as the table has it",
        ),
        ("{[2024-03-05 00:00+09,)}", "a stop condition holds, as the table has it"),
        ("{[2024-03-05 00:00+09,2024-03-06 00:00+09)}", None),
    ],
)
def test_a_stop_that_held_on_a_day_gone_by_is_told_where_it_keeps_out(shop: Shop, stop: str, first_failing: str | None):
    shop.scenario(backfill_as_of="due_date")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-01", stop=stop)
    found = asks(shop)
    assert (found.verdict is EntryVerdict.MAY_ENTER) == (first_failing is None)
    assert first_failing is None or found.first_failing == f"ordered: order O-C1-2024-03-01: {first_failing}"
    (then,) = [check for check in found.anchors[0].conditions if check.name == "stop_then"]
    assert then.passes == ("03-02" not in (first_failing or ""))
    assert then.passes or found.next == "needs a later anchor"
    assert shop.plan().enrolled == (first_failing is None)


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_block_whose_row_was_deleted_is_not_told_to_be_taken_back(shop: Shop, everywhere: bool):
    shop.settings = shop.settings.model_copy(update={"blocked_from": "every_scenario" if everywhere else "scenario"})
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.scenario("other")
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.send()
    shop.operate("block", customer="C1", state="ready")
    shop.eligible("C1", "2024-03-09", model="other")
    scenario = "other" if everywhere else "follow_up"
    assert asks(shop, scenario=scenario).next == "a person would have to take the block back: `ekiden reopen`"
    shop.operate("delete", customer="C1", state="blocked")
    assert shop.enrolments()["C1"] == ("stopped", "blocked")
    where = " in follow_up" if everywhere else ""
    assert asks(shop, scenario=scenario).next == f"nothing: the blocked row{where} was deleted, so the block stays"
