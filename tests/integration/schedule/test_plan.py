"""Planning: which days it looks at, which rows are born and in which state, and what an edit of a scenario changes."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Outcome
from ekiden.schedule.errors import DaysOutOfReach, NothingBuilt, UnknownScenario, ZoneDataDiffers
from ekiden.schedule.planning.missed import find_missed_days
from ekiden.schedule.zone_data import coming_difference
from ekiden.settings import Settings
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import snapshot

pytestmark = pytest.mark.usefixtures("sound_ledger")

TODAYS_STEP = STEP | {"offset_days": 0}


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
    [{"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]}, {"zero_day": "same_day", "steps": [TODAYS_STEP]}],
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


@pytest.mark.parametrize(
    "lost",
    [
        "drop function eligibility.follow_up_answers",
        "alter table eligibility.follow_up_live drop column stop_during",
        "drop table eligibility.follow_up_live cascade",
        # it reads a report that a build made again and could not fill
        """
        alter table eligibility.follow_up_live rename to filled;
        create materialized view eligibility.follow_up_live as select * from eligibility.filled with no data
        """,
        # as in a database that was restored under another name
        """
        set check_function_bodies = off;
        create or replace function eligibility.follow_up_answers(given_customers text[])
        returns setof eligibility.follow_up_live language sql stable as
        $$ select * from another.eligibility.follow_up_live where customer_id = any(given_customers) $$;
        reset check_function_bodies
        """,
    ],
)
def test_a_version_that_cannot_be_asked_any_more_is_told_and_the_others_are_planned(shop: Shop, lost: str):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario("other")
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", model="other")
    # an edit makes another function; that of the version before, or what it reads, is dropped
    shop.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now' where model_name = 'follow_up'"
    )
    shop.execute(lost)
    report = shop.plan()
    (told,) = report.broken
    assert "version 1 (git abc123) of follow_up cannot be asked whether its stop condition holds: " in str(told)
    assert f"`ekiden complete --row {shop.row(customer='C1').schedule_row_id}`" in str(told)
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    # everybody who is to come in was looked at: the day is not missed
    shop.at("2024-03-10 06:00")
    assert find_missed_days(shop.connection, now=shop.now, settings=shop.settings) == ()
    # where nothing waits of it any more, nobody is asked about it
    shop.operate("complete", rows=(str(shop.row(customer="C1").schedule_row_id),))
    assert shop.plan().broken == ()


def forget_the_version(shop: Shop) -> None:
    """Let an edit make another function, and drop that of the version before."""
    shop.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now';"
        "drop function eligibility.follow_up_answers"
    )


def test_of_a_version_that_cannot_be_asked_each_row_is_named_with_what_ends_it(shop: Shop):
    shop.scenario()
    for customer in ("failed", "unknown", "held"):
        shop.buyer(customer)
    shop.plan()
    shop.operate("hold", customer="held")
    shop.at("2024-03-09 12:00")
    shop.channel.answers = {"failed@shop.example": Outcome.refused, "unknown@shop.example": Outcome.unknown}
    shop.send()
    forget_the_version(shop)
    row = {row.customer_id: row.schedule_row_id for row in shop.rows()}
    (told,) = shop.plan().unanswered
    assert str(told).endswith(
        f", or end its rows: `ekiden complete --row {row['held']}`;"
        f" what failed, `ekiden delete --row {row['failed']}` (or `block`);"
        " what is on its way, `ekiden unknown list`"
    )
    assert shop.operate("complete", rows=(str(row["held"]),)).changed == 1
    assert shop.operate("delete", rows=(str(row["failed"]),)).changed == 1
    (told,) = shop.plan().unanswered
    assert str(told).endswith(", or end its rows: what is on its way, `ekiden unknown list`")


def test_a_version_that_cannot_be_asked_is_not_told_of_where_nothing_of_it_can_be_sent(shop: Shop):
    shop.scenario(steps=[STEP, STEP | {"offset_days": 9}])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.operate("delete", step_no=2)
    assert shop.enrolments() == {"C1": ("active", None)}
    forget_the_version(shop)
    assert shop.plan().broken == ()


def test_a_version_that_cannot_be_asked_is_told_of_where_somebody_waits_for_a_first_row(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 9}])
    for customer in ("C1", "C2"):
        shop.buyer(customer)
    shop.plan()
    forget_the_version(shop)
    shop.stop("C1", since=shop.now)
    (told,) = shop.plan().broken
    assert "Without a row, 2 customers of it may wait in the scenario for nothing, until step 1 is due." in str(told)
    assert "open row" not in str(told)
    # the row is the current version's, which is asked before it is sent
    shop.at("2024-03-17 06:00")
    shop.plan()
    assert shop.plan().broken == ()
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "ready"}


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
    with pytest.raises(UnknownScenario, match="no scenario 'two'; known: one"):
        shop.plan(scenarios=["one", "two"])
    assert shop.rows() == []
    # no plan that failed: it would hide the last good one, and miss its day
    assert shop.execute("select outcome from outreach.runs") == []


def test_a_scenario_that_is_broken_since_its_first_build_is_left_out_also_where_it_alone_was_asked_for(shop: Shop):
    shop.scenario("broken", steps=[STEP] * 11)
    shop.scenario("sound")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="sound")
    assert [scenario.model_name for scenario in shop.plan(scenarios=["broken"]).broken] == ["broken"]
    assert shop.rows() == []


def test_before_the_first_build_there_is_nothing_to_plan_from(settings):
    with connect(settings, autocommit=True) as connection, pytest.raises(NothingBuilt, match="ekiden build"):
        Shop(settings, connection).plan()


@pytest.fixture
def unchanged_clocks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose database knows of no summer time, which Python begins on 2024-03-10."""
    monkeypatch.setattr(Settings, "zone", property(lambda _: ZoneInfo("America/Denver")))
    shop.settings = shop.settings.model_copy(update={"time_zone": "America/Phoenix"})
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    return shop


@pytest.mark.parametrize("is_dry_run", [False, True])
def test_while_the_database_has_another_local_time_nothing_is_planned(unchanged_clocks: Shop, is_dry_run: bool):
    unchanged_clocks.at("2024-03-10 06:00")
    told = "nothing is planned: EKIDEN_TIME_ZONE America/Phoenix: .* differ from 2024-03-10 on; update the older one"
    with pytest.raises(ZoneDataDiffers, match=told):
        unchanged_clocks.plan("2024-03-09", dry_run=is_dry_run)
    assert unchanged_clocks.execute("select count(*) from outreach.runs") == [(0,)]


def test_until_it_has_another_local_time_it_is_only_told(unchanged_clocks: Shop):
    now = unchanged_clocks.at("2024-03-09 06:00")
    unchanged_clocks.plan()
    assert unchanged_clocks.row().state == "ready"
    told = coming_difference(unchanged_clocks.connection, now=now, settings=unchanged_clocks.settings)
    assert "differ from 2024-03-10 on" in str(told)


@pytest.mark.parametrize("today", ["2024-04-25", "2024-10-31"])
def test_a_midnight_that_is_skipped_or_comes_twice_is_no_difference(shop: Shop, today: str):
    shop.settings = shop.settings.model_copy(update={"time_zone": "Africa/Cairo"})
    shop.at(f"{today} 06:00")
    shop.scenario()
    shop.plan()
    assert coming_difference(shop.connection, now=shop.now, settings=shop.settings) is None


def test_a_zone_that_the_database_has_never_heard_of_is_told_and_ends_no_transaction(unchanged_clocks: Shop):
    unheard_of = unchanged_clocks.settings.model_copy(update={"time_zone": "America/Atlantis"})
    with unchanged_clocks.connection.transaction():
        told = coming_difference(unchanged_clocks.connection, now=unchanged_clocks.now, settings=unheard_of)
        assert unchanged_clocks.execute("select 1") == [(1,)]
    assert told == "EKIDEN_TIME_ZONE America/Atlantis: the database's zone data is older and has no such zone"


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
