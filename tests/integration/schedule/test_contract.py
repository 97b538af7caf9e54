"""A table written by hand that breaks the contract: its scenario is left out, the others are planned."""

from datetime import date

import pytest

from ekiden.insights.moments import Moment
from ekiden.insights.why import why
from ekiden.schedule.planning.missed import find_missed_days
from tests.integration.ledger_fixtures import Shop

BREACHES = {
    "insert into eligibility.by_hand table eligibility.by_hand": (
        "1 row more than one of their customer, anchor_kind and anchor_key"
    ),
    "update eligibility.by_hand set entry_during = '{(,)}'": "1 row whose entry_during begins before anchor_at",
    "update eligibility.by_hand set anchor_kind = 'shipped'": "1 row with an anchor_kind other than 'ordered'",
    **{
        f"update eligibility.by_hand set {column} = null": "1 row with a null"  # noqa: S608 - one of the names below
        for column in (
            *("customer_id", "anchor_kind", "anchor_key", "anchor_at", "anchor_date"),
            *("entry_during", "stop_during"),
        )
    },
}

VIPS = {"entered": "vips"}


@pytest.fixture
def two(shop: Shop) -> Shop:
    """A shop with a scenario written by hand and one that is not; a customer stands in both."""
    shop.scenario("by_hand", live=False)
    shop.scenario("compiled")
    shop.customer("C1")
    for model in ("by_hand", "compiled"):
        shop.eligible("C1", "2024-03-08", model=model, key="O-1")
    return shop


def planned(shop: Shop) -> set[str]:
    return {row.scenario_code for row in shop.rows()}


@pytest.mark.parametrize(("breach", "told"), BREACHES.items())
def test_a_table_that_breaks_the_contract_leaves_out_its_scenario_and_says_why(two: Shop, breach: str, told: str):
    two.execute(breach)
    (left_out,) = two.plan().broken
    assert f"breaks the contract of eligibility tables: {told}, as for customer " in str(left_out)
    assert [fault.rule for fault in left_out.faults] == ["eligibility_contract"]
    assert planned(two) == {"compiled"}


def test_every_breach_of_a_table_is_told_with_its_rows_and_one_of_them(two: Shop):
    two.customer("C2")
    two.eligible("C2", "2024-03-08", model="by_hand", key="O-2", entry="{(,)}")
    two.eligible("C2", "2024-03-08", model="by_hand", key="O-2", entry="{(,)}", kind="shipped")
    two.execute("update eligibility.by_hand set stop_during = null")
    (left_out,) = two.plan().broken
    assert "2 rows whose entry_during begins before anchor_at, as for customer 'C2', anchor 'O-2'" in str(left_out)
    assert "3 rows with a null, as for customer 'C1', anchor 'O-1'" in str(left_out)
    assert "1 row with an anchor_kind other than 'ordered', as for customer 'C2'" in str(left_out)


def test_it_is_planned_again_once_its_table_keeps_the_contract_and_its_day_is_missed_till_then(two: Shop):
    two.execute("update eligibility.by_hand set anchor_at = null")
    two.plan()
    two.at("2024-03-10 06:00")
    (missed,) = find_missed_days(two.connection, now=two.now, settings=two.settings)
    assert missed.why == "planned without by_hand, whose definition or table has faults"
    two.execute("update eligibility.by_hand set anchor_at = '2024-03-08 10:00+09'")
    assert two.plan("2024-03-09", "2024-03-10").broken == ()
    assert planned(two) == {"by_hand", "compiled"}
    assert find_missed_days(two.connection, now=two.now, settings=two.settings) == ()


def test_nobody_is_considered_while_it_is_left_out_and_the_decisions_say_so(two: Shop):
    two.execute("update eligibility.by_hand set anchor_at = null")
    assert two.plan(dry_run=True).broken
    decisions = {(each.scenario_code, each.rule) for each in two.plan().decisions}
    assert decisions == {("by_hand", "definition_broken"), ("compiled", "entered")}


def test_why_says_that_the_last_plan_left_it_out(two: Shop):
    two.execute("update eligibility.by_hand set entry_during = '{(,)}'")
    asked = Moment(two.now, date(2024, 3, 9), is_forecast=False, is_now=True)

    def notes() -> str:
        return " ".join(why(two.connection, "by_hand", "C1", asked, settings=two.settings).notes)

    assert "left this scenario out" not in notes()
    two.plan()
    assert "The last plan left this scenario out" in notes()
    two.execute("update eligibility.by_hand set entry_during = '{[2024-03-08 10:00+09,)}'")
    two.at("2024-03-10 06:00")
    two.plan()
    assert "left this scenario out" not in notes()


def test_a_later_plan_of_other_scenarios_does_not_say_that_it_is_planned_again(two: Shop):
    two.execute("update eligibility.by_hand set entry_during = '{(,)}'")
    two.plan()
    two.at("2024-03-09 07:00")
    two.plan(scenarios=["compiled"])
    asked = Moment(two.now, date(2024, 3, 9), is_forecast=False, is_now=True)
    notes = why(two.connection, "by_hand", "C1", asked, settings=two.settings).notes
    assert "The last plan left this scenario out" in " ".join(notes)


@pytest.mark.parametrize("selected", [["compiled"], None])
def test_an_exclusive_scenario_whose_table_breaks_the_contract_takes_nobody_from_another(
    shop: Shop, selected: list[str] | None
):
    shop.scenario("by_hand", live=False, multi_delivery=False, priority=1)
    shop.scenario("compiled", multi_delivery=False, priority=2)
    shop.plan()
    shop.customer("C1")
    for model in ("by_hand", "compiled"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.execute("update eligibility.by_hand set entry_during = '{(,)}'")
    (left_out,) = shop.plan(scenarios=selected).broken
    assert left_out.model_name == "by_hand"
    assert planned(shop) == {"compiled"}


def test_who_is_in_already_goes_on_and_is_still_stopped(two: Shop):
    two.plan()
    two.execute("update eligibility.by_hand set anchor_at = null, stop_during = '{(,)}'")
    assert two.plan().cancelled == 1


def test_nothing_is_read_of_a_scenario_that_this_plan_is_not_about(two: Shop):
    two.execute("update eligibility.by_hand set anchor_at = null")
    assert two.plan(scenarios=["compiled"]).broken == ()
    two.scenario("by_hand", live=False, status="disabled")
    assert two.plan().broken == ()


def test_an_anchor_with_a_choice_is_of_that_kind(shop: Shop):
    shop.scenario("by_hand", live=False, anchor={"entered": "vips"})
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="by_hand", kind="entered")
    assert shop.plan().broken == ()
    assert planned(shop) == {"by_hand"}


def test_a_scenario_whose_table_was_dropped_is_left_out_until_it_is_built_again(two: Shop):
    two.plan()
    two.customer("C2")
    two.eligible("C2", "2024-03-08", model="by_hand", key="O-2")
    two.execute("drop table eligibility.compiled")
    (left_out,) = two.plan().broken
    assert str(left_out).endswith(
        '"eligibility"."compiled": is not there: somebody dropped it. `ekiden build` makes it anew'
    )
    assert {(row.scenario_code, row.customer_id): row.state for row in two.rows()} == {
        ("by_hand", "C1"): "ready",
        ("by_hand", "C2"): "ready",
        ("compiled", "C1"): "ready",
    }


@pytest.fixture
def vips(shop: Shop) -> Shop:
    """C1 and C2 entered a segment by SQL written by hand, and wait for noon; it is the same morning."""
    shop.scenario("by_hand", live=False, anchor=VIPS)
    for customer in ("C1", "C2"):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", model="by_hand", kind="entered")
    shop.plan()
    return shop


HIDING = [f"update eligibility.by_hand set {what}" for what in ("anchor_kind = 'segment'", "anchor_key = null")]  # noqa: S608


@pytest.mark.parametrize("breach", HIDING)
def test_nobody_has_left_a_segment_because_a_table_that_breaks_the_contract_hides_them(vips: Shop, breach: str):
    vips.execute(breach)
    report = vips.plan()
    assert (len(report.broken), report.cancelled) == (1, 0)
    vips.at("2024-03-09 12:00")
    assert vips.send().counts.sent == 2


def test_who_never_was_in_a_segment_is_stopped_once_its_table_keeps_the_contract_again(vips: Shop):
    vips.execute("delete from eligibility.by_hand where customer_id = 'C1'")
    vips.execute("update eligibility.by_hand set anchor_at = null")
    assert vips.plan().cancelled == 0
    vips.execute("update eligibility.by_hand set anchor_at = '2024-03-08 10:00+09'")
    report = vips.plan()
    assert (report.broken, report.cancelled) == ((), 1)
    assert vips.states() == {("C1", 1): "cancelled", ("C2", 1): "ready"}


def test_a_stop_that_a_table_says_counts_though_it_breaks_the_contract(vips: Shop):
    vips.execute("update eligibility.by_hand set anchor_at = null")
    vips.execute("update eligibility.by_hand set stop_during = '{(,)}' where customer_id = 'C1'")
    assert vips.plan().cancelled == 1
    assert vips.states() == {("C1", 1): "cancelled", ("C2", 1): "ready"}


def test_of_a_scenario_whose_contract_no_plan_checks_nobody_has_left_until_it_is_enabled(vips: Shop):
    vips.scenario("by_hand", live=False, anchor=VIPS, status="disabled", disable_mode="drain")
    vips.plan()
    vips.execute("update eligibility.by_hand set anchor_kind = 'segment'")
    assert vips.plan().cancelled == 0
    # only these are noted as changed: whom the last sweep left alone is looked at all the same
    vips.execute("delete from eligibility.by_hand where customer_id = 'C1'")
    assert vips.plan().cancelled == 0
    vips.execute("update eligibility.by_hand set anchor_kind = 'entered'")
    vips.scenario("by_hand", live=False, anchor=VIPS)
    assert vips.plan().cancelled == 1
    assert vips.states() == {("C1", 1): "cancelled", ("C2", 1): "ready"}


def test_nobody_has_left_a_segment_because_the_table_of_a_broken_definition_stands_empty(shop: Shop):
    shop.scenario("by_hand", live=False, anchor={"entered": "vips"})
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="by_hand", kind="entered")
    shop.plan()
    shop.execute("truncate eligibility.by_hand")
    shop.execute("""update eligibility.scenario_registry set definition = definition || '{"$faults": ["broken"]}'""")
    assert shop.plan().cancelled == 0
    assert {row.state for row in shop.rows()} == {"ready"}
