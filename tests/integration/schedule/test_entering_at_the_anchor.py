"""Who enters at the anchor, before the first row is born, and what ends an enrolment that has no row."""

from datetime import date

import pytest

from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_enrolled_at_the_anchor_the_customer_is_in_before_the_first_row_is_born(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {"C1": ("active", None)})
    # who is in stays in when the entry conditions hold no longer
    shop.execute("update eligibility.follow_up set entry_during = '{}'")
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert (shop.row().state, shop.row().due_date) == ("ready", date(2024, 3, 12))


def test_of_missed_days_planned_together_an_entry_at_the_anchor_is_about_the_anchors_day(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 3}])
    for customer, anchored in (("early", "2024-03-01"), ("C1", "2024-03-06"), ("late", "2024-03-09")):
        shop.buyer(customer, anchored)
    shop.plan("2024-03-05", "2024-03-09")
    entered = "select customer_id, day::text from outreach.decisions where rule = 'entered' order by day"
    assert shop.execute(entered) == [("early", "2024-03-05"), ("C1", "2024-03-06"), ("late", "2024-03-09")]


def test_enrolled_at_the_anchor_a_stop_before_the_first_row_ends_the_enrolment(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.stop("C1", since=shop.now)
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {"C1": ("stopped", "stop_condition")})


def skipping(shop: Shop, model: str = "follow_up", **changes: object) -> None:
    """Let C1 enter at an anchor on the 9th by a scenario that skips past dates; step 1 is due on the 12th."""
    shop.scenario(model, enrol_at="anchor", past_date_policy="skip", steps=[STEP | {"offset_days": 3}], **changes)
    shop.eligible("C1", "2024-03-09", model=model)


def test_who_entered_at_the_anchor_and_whose_first_step_is_skipped_leaves_the_scenario(shop: Shop):
    shop.customer("C1")
    skipping(shop, reentry="per_anchor")
    shop.plan()
    shop.at("2024-03-13 06:00")
    # a day before the due date decides nothing about it
    shop.plan("2024-03-11")
    assert shop.enrolments() == {"C1": ("active", None)}
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {"C1": ("stopped", "step_not_sent")})
    assert shop.execute("select count(*) from outreach.first_rows_awaited") == [(0,)]
    rules = "select day::text, rule from outreach.decisions_of('C1') where decision = 'no_row'"
    assert shop.execute(rules) == [("2024-03-13", "row_past_date")]
    transitions = "select transition, actor_kind from outreach.transitions order by transition_id"
    assert shop.execute(transitions) == [("E1", "materialiser"), ("E6", "materialiser")]
    shop.plan()
    assert shop.execute("select count(*) from outreach.enrolments") == [(1,)]
    # and another anchor lets in again
    shop.eligible("C1", "2024-03-13")
    assert shop.plan().enrolled == 1


def test_whose_first_step_is_due_today_is_not_skipped(shop: Shop):
    shop.customer("C1")
    skipping(shop)
    shop.plan()
    shop.at("2024-03-12 23:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


def test_of_scenarios_that_were_not_selected_or_are_frozen_nobody_is_skipped(shop: Shop):
    shop.customer("C1")
    for model in ("one", "two", "frozen"):
        skipping(shop, model)
    shop.plan()
    shop.scenario(
        "frozen",
        enrol_at="anchor",
        past_date_policy="skip",
        steps=[STEP | {"offset_days": 3}],
        status="disabled",
    )
    shop.at("2024-03-13 06:00")
    standing = "select scenario_code, state from outreach.enrolments inner join outreach.scenarios using (scenario_id)"
    shop.plan(scenarios=["one"])
    assert dict(shop.execute(standing)) == {"one": "stopped", "two": "active", "frozen": "active"}
    shop.plan()
    assert dict(shop.execute(standing)) == {"one": "stopped", "two": "stopped", "frozen": "active"}


@pytest.mark.parametrize(
    ("changes", "rule", "given_up"),
    [
        ({"status": "disabled", "disable_mode": "drain"}, "not_enabled", True),
        ({"status": "disabled", "disable_mode": "freeze"}, "not_enabled", False),
        ({"steps": []}, "definition_broken", True),
    ],
)
def test_who_leaves_a_scenario_that_lets_nobody_in_any_more_is_told_why(
    shop: Shop, changes: dict, rule: str, given_up: bool
):
    shop.customer("C1")
    skipping(shop)
    shop.plan()
    definition = {"enrol_at": "anchor", "past_date_policy": "skip", "steps": [STEP | {"offset_days": 3}]}
    shop.scenario(**definition | changes)
    shop.at("2024-03-13 06:00")
    counts = {count.rule: count.customers for count in shop.plan().decisions}
    assert counts == {rule: 0} | ({"row_past_date": 1} if given_up else {})
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent") if given_up else ("active", None)}
    rules = "select day::text, rule from outreach.decisions_of('C1') where decision = 'no_row'"
    assert shop.execute(rules) == ([("2024-03-13", "row_past_date")] if given_up else [])
    shop.plan()
    assert len(shop.execute(rules)) == given_up


def test_who_is_skipped_no_longer_keeps_other_exclusive_scenarios_waiting(shop: Shop):
    shop.customer("C1")
    skipping(shop, "better", multi_delivery=False, priority=1)
    shop.plan()
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.eligible("C1", "2024-03-12", model="worse")
    shop.at("2024-03-13 06:00")
    assert shop.plan().enrolled == 0
    assert shop.plan().enrolled == 1


def test_enrolled_at_the_anchor_a_forced_stop_of_the_first_step_ends_the_enrolment(shop: Shop):
    step = STEP | {"offset_days": 3}
    shop.scenario(enrol_at="anchor", steps=[step])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.scenario(enrol_at="anchor", steps=[step | {"state": "force_stopped"}])
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {"C1": ("stopped", "force_stopped")})


PERIODS = [
    ({"to": "2024-03-10"}, {"to": "2024-03-20"}),
    ({"from": "2024-03-20"}, {"from": "2024-03-01"}),
]


@pytest.mark.parametrize("moved", [moved for moved, _ in PERIODS])
def test_whose_first_step_is_due_outside_a_period_that_was_moved_since_leaves_and_is_told_why(shop: Shop, moved: dict):
    steps = [STEP | {"offset_days": 3}]
    shop.scenario(enrol_at="anchor", steps=steps)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.scenario(enrol_at="anchor", steps=steps, period=moved)
    # it may be moved back until the day has come
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert shop.enrolments() == {"C1": ("active", None)}
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {"C1": ("stopped", "step_not_sent")})
    rules = "select day::text, rule from outreach.decisions_of('C1') where decision = 'no_row'"
    assert shop.execute(rules) == [("2024-03-12", "row_outside_period")]
    assert shop.execute("select count(*) from outreach.first_rows_awaited") == [(0,)]


@pytest.mark.parametrize(("moved", "back"), PERIODS)
def test_a_period_that_is_moved_back_in_time_changes_nothing_for_who_is_in(shop: Shop, moved: dict, back: dict):
    steps = [STEP | {"offset_days": 3}]
    shop.scenario(enrol_at="anchor", steps=steps)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    for period in (moved, back):
        shop.scenario(enrol_at="anchor", steps=steps, period=period)
        shop.plan()
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


def test_who_began_within_the_period_goes_on_after_its_end(shop: Shop):
    steps = [STEP, STEP | {"offset_days": 5}]
    shop.scenario(steps=steps)
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=steps, period={"to": "2024-03-09"})
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
