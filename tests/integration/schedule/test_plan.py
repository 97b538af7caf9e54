"""Planning: who enters, which rows are born, in which state and when."""

from datetime import date, timedelta

import pytest

from ekiden.database.connection import connect
from ekiden.schedule.errors import DaysOutOfReach, NothingBuilt, UnknownScenario
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import broken_invariants, snapshot


@pytest.fixture(autouse=True)
def _the_ledger_is_sound_afterwards(shop: Shop):
    yield
    assert broken_invariants(shop.connection, shop.settings.time_zone) == {}


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


def test_a_range_that_ends_before_it_begins_is_refused(shop: Shop):
    with pytest.raises(ValueError, match="before"):
        shop.plan("2024-03-09", "2024-03-08")


@pytest.mark.parametrize(
    ("first", "last"), [("0206-11-22", "2024-03-09"), ("0206-11-22", "0206-11-22"), ("2024-03-09", "2204-03-09")]
)
def test_days_that_can_only_be_a_mistyped_year_are_refused_and_leave_no_trace(shop: Shop, first: str, last: str):
    shop.scenario(status="disabled")
    with pytest.raises(DaysOutOfReach, match=f"{first} to {last} .*is the year right"):
        shop.plan(first, last)
    assert shop.execute("select count(*) from outreach.runs") == [(0,)]


def test_ten_years_can_be_planned_at_once(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2014-03-10")
    shop.plan("2014-03-09", "2024-03-09")
    assert shop.row().state == "held"


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


@pytest.mark.parametrize(("policy", "state", "reason"), [("send_now", "ready", None), ("hold", "held", "past_time")])
def test_a_send_time_already_past_today_is_sent_now_or_held(shop: Shop, policy: str, state: str, reason: str | None):
    shop.scenario(past_time_today=policy)
    shop.buyer("C1")
    shop.at("2024-03-09 15:00")
    shop.plan()
    row = shop.row()
    assert (row.state, row.reason) == (state, reason)
    assert row.send_at == (shop.now if state == "ready" else None)


def test_a_scenarios_period_bounds_the_due_dates_of_first_steps_both_ends_included(shop: Shop):
    shop.scenario(period={"from": "2024-03-05", "to": "2024-03-07"})
    for day in range(3, 8):
        shop.buyer(f"C{day}", f"2024-03-0{day}")
    shop.plan()
    assert [row.due_date.day for row in shop.rows()] == [5, 6, 7]


def test_only_who_is_eligible_now_enters(shop: Shop):
    shop.scenario()
    for customer in ("C1", "C2", "C3"):
        shop.customer(customer)
    shop.eligible("C1", "2024-03-08", entry="{[2024-03-08 00:00Z,2024-03-08 20:59Z)}")
    shop.eligible("C2", "2024-03-08", entry="{[2024-03-08 21:00Z,)}")
    shop.eligible("C3", "2024-03-08", stop="{[2024-03-08 21:00Z,)}")
    shop.plan()
    assert shop.states() == {("C2", 1): "ready"}


def test_of_several_anchors_the_earliest_due_then_the_lowest_key_is_taken(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    for key, anchored in [("O3", "2024-03-08"), ("O2", "2024-03-07"), ("O1", "2024-03-07")]:
        shop.eligible("C1", anchored, key=key)
    shop.plan()
    assert shop.row().anchor_key == "O1"


@pytest.mark.parametrize("reentry", ["never", "after_exit"])
def test_nobody_is_twice_in_a_scenario_at_the_same_time(shop: Shop, reentry: str):
    shop.scenario(reentry=reentry)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", key="O1")
    shop.eligible("C1", "2024-03-08", key="O2")
    shop.plan()
    shop.plan()
    assert [row.anchor_key for row in shop.rows()] == ["O1"]


def test_with_reentry_per_anchor_every_anchor_enters_once(shop: Shop):
    shop.scenario(reentry="per_anchor")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", key="O1")
    shop.eligible("C1", "2024-03-08", key="O2")
    shop.plan()
    shop.plan()
    assert sorted(row.anchor_key for row in shop.rows()) == ["O1", "O2"]


def test_an_edit_of_reentry_lets_nobody_enter_by_the_same_anchor_again(shop: Shop):
    shop.scenario(reentry="never")
    shop.buyer("C1")
    shop.plan()
    shop.scenario(reentry="per_anchor")
    shop.plan()
    assert len(shop.rows()) == 1


def test_after_the_exit_only_a_later_anchor_lets_a_customer_in_again(shop: Shop):
    shop.scenario(reentry="after_exit")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.enrolments() == {"C1": ("completed", None)}
    shop.eligible("C1", "2024-03-07", key="O0")
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert len(shop.rows()) == 1
    shop.eligible("C1", "2024-03-10", key="O2")
    shop.plan()
    assert [(row.anchor_key, row.state) for row in shop.rows()] == [("O1", "sent"), ("O2", "ready")]


def test_with_reentry_never_a_completed_enrolment_still_blocks(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.eligible("C1", "2024-03-10")
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "sent"}


@pytest.mark.parametrize("reentry", ["after_exit", "per_anchor"])
def test_a_blocked_customer_never_enters_that_scenario_again(shop: Shop, reentry: str):
    shop.scenario(reentry=reentry)
    shop.scenario("other")
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08")
    shop.eligible("C1", "2024-03-08", model="other")
    shop.plan()
    assert {(row.scenario_code, row.state) for row in shop.rows()} == {("follow_up", "blocked"), ("other", "ready")}


def test_a_customer_whose_only_row_was_deleted_may_enter_again(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("delete", customer="C1")
    assert shop.enrolments() == {"C1": ("removed", None)}
    assert shop.rows() == []
    shop.plan()
    assert shop.states() == {("C1", 1): "held"}
    assert shop.execute("select count(*) from outreach.enrolments") == [(2,)]


@pytest.mark.parametrize("status", ["draft", "disabled"])
def test_a_scenario_that_is_not_enabled_takes_nobody_in(shop: Shop, status: str):
    shop.scenario(status=status)
    shop.buyer("C1")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {})


def test_what_was_due_while_a_scenario_was_disabled_is_held_when_it_is_enabled(shop: Shop):
    shop.scenario(status="disabled")
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.scenario(status="enabled")
    shop.plan()
    assert shop.row().state == "held"
    # a switch is no edit: the rows' version is still the first
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(1,)]


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


def test_an_unknown_scenario_is_refused_with_the_known_ones_and_nothing_is_planned(shop: Shop):
    shop.scenario("one")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="one")
    with pytest.raises(UnknownScenario, match="no scenario two; known: one"):
        shop.plan(scenarios=["one", "two"])
    assert shop.rows() == []
    assert shop.execute("select outcome from outreach.runs") == [("failed",)]


def test_before_the_first_build_there_is_nothing_to_plan_from(settings):
    with connect(settings, autocommit=True) as connection, pytest.raises(NothingBuilt, match="ekiden build"):
        Shop(settings, connection).plan()


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


@pytest.mark.parametrize(
    ("today", "send_time", "in_utc"),
    [
        ("2024-03-09", "12:00", "2024-03-09 17:00Z"),  # the day before the clocks go forward
        ("2024-03-10", "12:00", "2024-03-10 16:00Z"),
        ("2024-03-10", "02:30", "2024-03-10 07:30Z"),  # a time that this night does not have: an hour later
        ("2024-11-03", "12:00", "2024-11-03 17:00Z"),
        ("2024-11-03", "01:30", "2024-11-03 06:30Z"),  # a time that this night has twice: the second one
    ],
)
def test_daylight_saving_moves_the_instant_not_the_time_of_day(shop: Shop, today: str, send_time: str, in_utc: str):
    shop.settings = shop.settings.model_copy(update={"time_zone": "America/New_York"})
    shop.scenario(send_window=None, steps=[STEP | {"send_time": send_time}])
    shop.at(f"{today} 00:30")
    shop.buyer("C1", (date.fromisoformat(today) - timedelta(days=1)).isoformat())
    shop.plan()
    (planned,) = shop.execute("select planned_send_at = %s::timestamptz from outreach.schedule_rows", in_utc)
    assert planned == (True,)
    assert shop.row().due_date == date.fromisoformat(today)


def test_text_of_any_script_goes_through(shop: Shop):
    shop.scenario("休眠防止 90日", model="dormancy 'model\" 駅")
    shop.customer("お客様-1'\"; --")
    shop.eligible("お客様-1'\"; --", "2024-03-08", model="dormancy 'model\" 駅", key="注文①")
    shop.plan()
    row = shop.row()
    assert (row.scenario_code, row.customer_id, row.anchor_key) == ("休眠防止 90日", "お客様-1'\"; --", "注文①")


@pytest.mark.parametrize(
    ("auto", "expected"), [("none", "12:00"), ("latest_purchase", "18:05"), ("first_purchase", "10:00")]
)
def test_a_step_can_go_at_the_time_of_day_of_a_purchase(shop: Shop, auto: str, expected: str):
    shop.scenario(steps=[STEP | {"auto_send_time": auto}])
    shop.buyer("C1")
    for number, ordered in enumerate(["2024-01-05 10:00:40", "2024-02-05 18:05", "2024-03-09 20:00"]):
        shop.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at) values (%s, 'C1', %s)",
            f"O{number}",
            shop.local(ordered),
        )
    shop.plan()  # at 06:00: the last of the orders is still to come
    assert shop.row().send_at == shop.local(f"2024-03-09 {expected}")


def test_a_purchase_outside_the_send_window_or_none_at_all_means_the_steps_own_time(shop: Shop):
    shop.scenario(steps=[STEP | {"auto_send_time": "latest_purchase"}])
    shop.buyer("C1")
    shop.buyer("C2")
    shop.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values ('O1', 'C1', %s)",
        shop.local("2024-02-05 23:00"),
    )
    shop.plan()
    assert {row.send_at for row in shop.rows()} == {shop.local("2024-03-09 12:00")}


@pytest.mark.parametrize(
    "column",
    ["customer_id", "anchor_kind", "anchor_key", "anchor_at", "anchor_date", "entry_during", "stop_during"],
)
def test_a_null_in_a_table_written_by_hand_ends_no_plan(shop: Shop, column: str):
    shop.scenario("by_hand", live=False)
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="by_hand")
    shop.execute(f"update eligibility.by_hand set {column} = null")  # noqa: S608 - one of the names above
    shop.buyer("C2")
    shop.plan()
    assert shop.states() == {("C2", 1): "ready"}
