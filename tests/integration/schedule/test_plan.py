"""Planning: which days it looks at, which rows are born and in which state, and what an edit of a scenario changes."""

from datetime import date, timedelta

import pytest

from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import snapshot

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_row_is_planned_for_the_local_time_of_its_due_date(shop: Shop):
    shop.scenario(steps=[STEP | {"offset_days": 2, "send_time": "12:30"}])
    shop.buyer("C1", "2024-03-07")
    report = shop.plan()
    row = shop.row()
    assert (row.state, row.due_date, row.step_no) == ("ready", date(2024, 3, 9), 1)
    assert row.send_at == row.planned_send_at == shop.local("2024-03-09 12:30")
    assert (report.enrolled, report.ready, report.held) == (1, 1, 0)
    assert shop.enrolments() == {"C1": ("active", None)}


def test_the_sweep_takes_whatever_is_due_up_to_the_planned_day_and_nothing_later(shop: Shop):
    shop.scenario()
    for customer, anchored in [("C1", "2024-02-01"), ("C2", "2024-03-07"), ("C3", "2024-03-08"), ("C4", "2024-03-09")]:
        shop.buyer(customer, anchored)
    shop.plan()
    assert shop.states() == {("C1", 1): "held", ("C2", 1): "held", ("C3", 1): "ready"}


@pytest.mark.parametrize("planned", ["2024-03-05", "2024-03-09"])
def test_what_was_due_before_today_is_held_whatever_day_is_planned(shop: Shop, planned: str):
    shop.scenario()
    shop.buyer("C1", "2024-03-03")
    shop.plan(planned)
    row = shop.row()
    assert (row.state, row.reason, row.send_at) == ("held", "past_due", None)
    assert row.planned_send_at == shop.local("2024-03-04 12:00")


def test_a_missed_week_is_held_day_by_day_under_its_own_partitions(shop: Shop):
    shop.scenario()
    for day in range(1, 8):
        shop.buyer(f"C{day}", f"2024-03-0{day}")
    report = shop.plan("2024-03-02", "2024-03-08")
    assert (report.held, report.ready) == (7, 0)
    assert {row.partition_date: row.state for row in shop.rows()} == {date(2024, 3, day): "held" for day in range(2, 9)}


def test_what_was_due_before_the_days_planned_belongs_to_the_first_of_them(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan("2024-03-09", "2024-03-11")
    assert (shop.row().due_date, shop.row().partition_date) == (date(2024, 3, 2), date(2024, 3, 9))


def test_planning_again_changes_nothing_even_when_the_facts_have_changed(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    before = snapshot(shop.connection)
    transitions = shop.execute("select count(*) from outreach.transitions")
    shop.execute("update eligibility.follow_up set anchor_date = anchor_date - 1, entry_during = '{}'")
    shop.now += timedelta(hours=3)
    report = shop.plan()
    assert (report.enrolled, report.cancelled, report.created) == (0, 0, ())
    assert snapshot(shop.connection) == before
    assert shop.execute("select count(*) from outreach.transitions") == transitions


def test_a_held_row_stays_held_when_its_day_is_planned_again_later(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.at("2024-03-20 06:00")
    shop.plan("2024-03-02")
    shop.plan()
    assert shop.row().state == "held"


def test_a_future_day_does_nothing(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-11")
    shop.plan("2024-03-10", "2024-03-14")
    assert shop.rows() == []


def test_a_range_that_reaches_into_the_future_plans_up_to_today(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-09")
    shop.plan("2024-03-08", "2024-03-14")
    assert shop.states() == {("C1", 1): "ready"}


def test_look_back_counts_from_the_first_day_planned_not_from_today(shop: Shop):
    shop.scenario(look_back_days=2)
    for customer, anchored in [("C1", "2024-02-27"), ("C2", "2024-02-28"), ("C3", "2024-03-05")]:
        shop.buyer(customer, anchored)
    shop.plan()
    assert shop.states() == {}
    shop.plan("2024-03-02")
    assert shop.states() == {("C2", 1): "held"}


def test_zero_days_are_the_next_day_or_the_same_as_the_scenario_says(shop: Shop):
    zero = [STEP | {"offset_days": 0}]
    shop.scenario("next", steps=zero)
    shop.scenario("same", steps=zero, zero_day="same_day")
    shop.customer("C1")
    for model in ("next", "same"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    due = {row.scenario_code: row.due_date for row in shop.rows()}
    assert due == {"next": date(2024, 3, 9), "same": date(2024, 3, 8)}


@pytest.mark.parametrize(
    ("policy", "expected"), [("hold", {("C1", 1): "held"}), ("skip", {}), ("send_now", {("C1", 1): "ready"})]
)
def test_the_past_date_policy_decides_what_becomes_of_past_dates(shop: Shop, policy: str, expected: dict):
    shop.scenario(past_date_policy=policy)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert shop.states() == expected
    if policy == "send_now":
        assert shop.row().send_at == shop.now
    if policy == "skip":
        assert shop.enrolments() == {}


def test_a_scenarios_period_bounds_the_due_dates_of_first_steps_both_ends_included(shop: Shop):
    shop.scenario(period={"from": "2024-03-05", "to": "2024-03-07"})
    for day in range(3, 8):
        shop.buyer(f"C{day}", f"2024-03-0{day}")
    shop.plan()
    assert [row.due_date.day for row in shop.rows()] == [5, 6, 7]


def test_a_forced_stop_of_the_first_step_takes_nobody_in_and_cancels_what_waits(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    shop.scenario(steps=[STEP | {"state": "force_stopped"}])
    shop.buyer("C3")
    report = shop.plan()
    assert report.cancelled == 2
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "cancelled"}
    assert {row.reason for row in shop.rows()} == {"force_stopped"}
    assert set(shop.enrolments().values()) == {("stopped", "force_stopped")}


def test_stops_are_looked_at_before_anybody_enters(shop: Shop):
    shop.scenario()
    for customer in ("C1", "C2", "C3"):
        shop.buyer(customer)
    shop.plan()
    shop.operate("hold", customer="C2")
    shop.stop("C1", since=shop.now)
    shop.stop("C2", since=shop.now + timedelta(microseconds=1))
    report = shop.plan()
    assert report.cancelled == 1
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "held", ("C3", 1): "ready"}
    assert shop.enrolments()["C1"] == ("stopped", "stop_condition")
    assert shop.transitions("C1") == ["T1", "T15"]


def test_an_edit_makes_a_version_and_rows_keep_theirs(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=[STEP | {"send_time": "18:00"}])
    shop.buyer("C2")
    shop.plan()
    assert {row.customer_id: (row.scenario_version, row.send_at) for row in shop.rows()} == {
        "C1": (1, shop.local("2024-03-09 12:00")),
        "C2": (2, shop.local("2024-03-09 18:00")),
    }


def test_rows_of_an_earlier_version_are_stopped_by_the_conditions_of_that_version(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.buyer("C2")
    shop.plan()
    shop.scenario(name="another label", stop={"frames": [{"type": "product", "codes": ["B"]}]})
    # the table is of the new version, and stops C1; the earlier version's own function stops C2
    shop.execute("update eligibility.follow_up set stop_during = '{(,)}' where customer_id = 'C1'")
    shop.stop("C2", since=shop.now, live_only=True)
    shop.plan()
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "cancelled"}


def test_a_selection_leaves_other_scenarios_alone(shop: Shop):
    shop.scenario("one")
    shop.scenario("two", steps=[STEP])
    shop.customer("C1")
    shop.customer("C2")
    for model in ("one", "two"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan(scenarios=["one"])
    assert {row.scenario_code for row in shop.rows()} == {"one"}
    shop.plan()
    shop.scenario("two", steps=[STEP | {"state": "force_stopped"}])
    shop.stop("C1", since=shop.now, model="one")
    shop.plan(scenarios=["one"])
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "cancelled", "two": "ready"}


def test_a_scenario_that_is_broken_since_its_first_build_is_left_out_also_where_it_alone_was_asked_for(shop: Shop):
    shop.scenario("broken", steps=[STEP] * 11)
    shop.scenario("sound")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="sound")
    assert [scenario.model_name for scenario in shop.plan(scenarios=["broken"]).broken] == ["broken"]
    assert shop.rows() == []


def test_a_broken_definition_leaves_the_others_running(shop: Shop):
    shop.scenario("broken", steps=[STEP] * 11)
    shop.scenario("sound")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="sound")
    shop.eligible("C1", "2024-03-08", model="broken")
    report = shop.plan()
    assert [(scenario.model_name, scenario.faults[0].rule) for scenario in report.broken] == [
        ("broken", "too_many_steps")
    ]
    assert [row.scenario_code for row in shop.rows()] == ["sound"]


def test_what_led_to_a_row_can_be_read_from_it(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    report = shop.plan()
    rows = shop.execute(
        "select rows.run_id, rows.partition_date, plan_run_id, eligibility_build_id, eligibility_git_revision,"
        " runs.actor, runs.dagster_run_id, runs.outcome from outreach.schedule_rows as rows"
        " inner join outreach.enrolments using (enrolment_id) inner join outreach.runs on rows.run_id = runs.run_id"
    )
    assert rows == [
        (report.run_id, date(2024, 3, 9), report.run_id, "build-1", "abc123", "schedule", "plan-run", "succeeded")
    ]


def test_text_of_any_script_goes_through(shop: Shop):
    shop.scenario("休眠防止 90日", model="dormancy 'model\" 駅")
    shop.customer("お客様-1'\"; --")
    shop.eligible("お客様-1'\"; --", "2024-03-08", model="dormancy 'model\" 駅", key="注文①")
    shop.plan()
    row = shop.row()
    assert (row.scenario_code, row.customer_id, row.anchor_key) == ("休眠防止 90日", "お客様-1'\"; --", "注文①")


def test_a_plan_of_many_rows_leaves_statistics_that_know_them(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    known = "select reltuples::integer from pg_class where oid = 'outreach.schedule_rows'::regclass"
    shop.execute("analyze outreach.schedule_rows")
    shop.scenario()
    for number in range(3):
        shop.buyer(f"C{number}")
    monkeypatch.setattr("ekiden.schedule.planning.plan.MANY_ROWS", 3)
    shop.plan()
    assert shop.execute(known) == [(3,)]
