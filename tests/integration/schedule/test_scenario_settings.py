"""Scenario settings that planning and sending obey: restart, disable mode, re-evaluation, behaviour's send times."""

import pytest

from ekiden.delivery.lists.export import export_due
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

TWO_STEPS = [STEP, STEP | {"offset_days": 3}]


def enrolled(shop: Shop) -> list[tuple[str, str, str | None]]:
    """Return (anchor, state, exit reason) of the enrolments, in the order in which they began."""
    return shop.execute("select anchor_key, state, exit_reason from outreach.enrolments order by enrolment_id")


# --- restart (C-06, R-045)


@pytest.mark.parametrize("reentry", ["after_exit", "per_anchor"])
def test_a_later_anchor_starts_anew_from_the_first_step(shop: Shop, reentry: str):
    shop.scenario(reentry=reentry, on_retrigger="restart", steps=TWO_STEPS)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.eligible("C1", "2024-03-09", key="O2")
    shop.at("2024-03-10 06:00")
    report = shop.plan()
    assert enrolled(shop) == [("O1", "stopped", "superseded"), ("O2", "active", None)]
    assert report.superseded == 1
    assert {(row.anchor_key, row.step_no): row.state for row in shop.rows()} == {
        ("O1", 1): "sent", ("O1", 2): "cancelled", ("O2", 1): "ready",
    }  # fmt: skip


def test_of_several_later_anchors_the_last_counts_and_none_before_it_ever_enters(shop: Shop):
    shop.scenario(reentry="per_anchor", on_retrigger="restart")
    shop.customer("C1")
    for day in (5, 7, 6):
        shop.eligible("C1", f"2024-03-0{day}", key=f"O{day}")
    shop.plan()
    shop.operate("complete", customer="C1")
    shop.plan()
    assert enrolled(shop) == [("O7", "stopped", "manual_complete")]


def test_another_anchor_of_the_very_same_instant_is_no_later_one(shop: Shop):
    shop.scenario(reentry="per_anchor", on_retrigger="restart")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-08", key="O2")
    shop.plan()
    assert enrolled(shop) == [("O1", "active", None)]


def test_what_came_before_a_plan_noticed_a_restart_and_after_its_anchor_starts_anew_as_well(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.at("2024-03-12 06:00")
    shop.eligible("C1", "2024-03-10", key="O2")
    shop.plan()
    # O1 was superseded today, and that is no exit that O3 would have to come after
    shop.eligible("C1", "2024-03-11", key="O3")
    shop.plan()
    assert enrolled(shop) == [("O1", "stopped", "superseded"), ("O2", "stopped", "superseded"), ("O3", "active", None)]


def test_an_anchor_during_an_enrolment_that_was_completed_starts_anew(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart", enrol_at="anchor")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-09", key="O2")  # at 10:00, before the message of 12:00
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert enrolled(shop) == [("O1", "completed", None), ("O2", "active", None)]


def test_an_anchor_during_an_enrolment_that_was_stopped_does_not(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart", enrol_at="anchor")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-09", key="O2")
    shop.at("2024-03-09 11:00")
    shop.operate("complete", customer="C1")
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert enrolled(shop) == [("O1", "stopped", "manual_complete")]


@pytest.mark.parametrize("changes", [{"on_retrigger": "ignore", "reentry": "after_exit"}, {"reentry": "never"}])
def test_without_restart_what_triggers_again_is_ignored(shop: Shop, changes: dict):
    shop.scenario(**{"on_retrigger": "ignore", "steps": TWO_STEPS} | changes)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-09", key="O2")
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert enrolled(shop) == [("O1", "active", None)]


def test_an_exclusive_scenario_can_start_anew_and_supersede_nobody_else(shop: Shop):
    shop.scenario("one", multi_delivery=False, priority=1, reentry="per_anchor", on_retrigger="restart")
    shop.scenario("two", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", model="one", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="one", key="O2")
    shop.eligible("C1", "2024-03-08", model="two", key="O2")
    shop.plan()
    assert enrolled(shop) == [("O1", "stopped", "superseded"), ("O2", "active", None)]
    assert shop.rows(scenario="two") == []


# --- freeze and drain (C-14, R-037)


def test_a_drained_scenario_lets_what_waits_go_out_and_takes_nobody_in(shop: Shop):
    steps = [*TWO_STEPS, STEP | {"offset_days": 4, "channel": "dm"}]
    shop.scenario(steps=steps)
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=steps, status="disabled", disable_mode="drain")
    shop.buyer("C2")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.at("2024-03-11 12:00")
    shop.send()
    shop.at("2024-03-12 12:00")
    export_due(shop.connection, now=shop.now, settings=shop.settings, context=OPERATOR)
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "sent", ("C1", 3): "sent"}
    assert shop.enrolments() == {"C1": ("completed", None)}
    # neither the switch nor the way of it is an edit
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(1,)]


def test_who_is_in_a_drained_scenario_before_the_first_row_still_gets_it(shop: Shop):
    changes = {"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]}
    shop.scenario(**changes)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shop.scenario(**changes, status="disabled", disable_mode="drain")
    shop.at("2024-03-12 06:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


@pytest.mark.parametrize("changes", [{"disable_mode": "freeze"}, {}, {"status": "draft", "disable_mode": "drain"}])
def test_a_frozen_scenario_sends_nothing_until_it_is_enabled_and_then_only_after_a_release(shop: Shop, changes: dict):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(**{"status": "disabled"} | changes)
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "ready"}
    shop.scenario()
    shop.at("2024-03-10 06:00")
    shop.plan()
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("held", "missed_send")


def test_a_drained_scenario_still_stops(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(status="disabled", disable_mode="drain")
    shop.plan()
    shop.stop("C1", since=shop.now, live_only=True)
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "cancelled"}


# --- re-evaluation after an edit (C-14, R-036)


EDITED = {"target": {"frames": [{"type": "product", "codes": ["B"]}]}}


def out_of_the_target(shop: Shop, customer: str) -> None:
    shop.execute("update eligibility.follow_up set entry_during = '{}' where customer_id = %s", customer)


def test_after_an_edit_whoever_no_longer_fits_leaves_with_what_waits(shop: Shop):
    shop.scenario()
    for customer, anchored in (("C1", "2024-03-08"), ("C2", "2024-03-01"), ("C3", "2024-03-08")):
        shop.buyer(customer, anchored)
    shop.plan()
    shop.scenario(**EDITED, reevaluate_on_update=True)
    out_of_the_target(shop, "C1")
    shop.execute("delete from eligibility.follow_up where customer_id = 'C2'")
    report = shop.plan()
    assert report.cancelled == 2
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "cancelled", ("C3", 1): "ready"}
    assert shop.enrolments()["C1"] == ("stopped", "stop_condition")


def test_each_version_is_held_against_its_enrolments_once(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(**EDITED, reevaluate_on_update=True)
    shop.plan()
    out_of_the_target(shop, "C1")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


def test_a_plan_of_another_scenario_holds_no_version_against_its_enrolments(shop: Shop):
    shop.scenario()
    shop.scenario("other")
    shop.buyer("C1")
    shop.plan()
    shop.scenario(**EDITED, reevaluate_on_update=True)
    out_of_the_target(shop, "C1")
    shop.plan(scenarios=["other"])
    assert shop.states() == {("C1", 1): "ready"}
    shop.plan()
    assert shop.states() == {("C1", 1): "cancelled"}


def test_who_entered_by_the_new_version_is_not_looked_at_again(shop: Shop):
    shop.scenario(reevaluate_on_update=True)
    shop.buyer("C1")
    shop.plan()
    out_of_the_target(shop, "C1")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


def test_by_default_rows_keep_the_conditions_they_were_made_by(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(**EDITED)
    out_of_the_target(shop, "C1")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}
    # nor does a later wish reach back to an earlier edit: it is an edit of its own
    shop.scenario(**EDITED, reevaluate_on_update=True)
    shop.plan()
    assert shop.states() == {("C1", 1): "cancelled"}


def test_a_switch_re_evaluates_nobody(shop: Shop):
    shop.scenario(reevaluate_on_update=True)
    shop.buyer("C1")
    shop.plan()
    out_of_the_target(shop, "C1")
    shop.scenario(reevaluate_on_update=True, status="disabled", priority=3, name="another")
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


# --- send times by behaviour (R-109b to R-109d)


@pytest.mark.parametrize(("auto", "expected"), [("latest_open", "19:30"), ("latest_click", "09:15")])
def test_a_step_can_go_at_the_time_of_day_of_an_open_or_a_click(shop: Shop, auto: str, expected: str):
    shop.scenario(steps=[STEP | {"auto_send_time": auto}])
    for customer in ("C1", "C2", "C3"):
        shop.buyer(customer)
    events = [
        ("C1", "opened", "2024-02-01 08:00"),
        ("C1", "opened", "2024-03-01 19:30:20"),
        ("C1", "clicked", "2024-02-01 09:15"),
        ("C1", "viewed", "2024-03-05 20:00"),
        ("C1", "opened", "2024-03-09 21:00"),
        ("C1", "clicked", "2024-03-09 21:00"),
        ("C2", "opened", "2024-03-01 23:00"),
        ("C2", "clicked", "2024-03-01 23:00"),
    ]
    for number, (customer, kind, at) in enumerate(events):
        shop.execute(
            "insert into raw.customer_events (event_id, customer_id, event_type, event_at) values (%s, %s, %s, %s)",
            f"E{number}",
            customer,
            kind,
            shop.local(at),
        )
    shop.plan()  # at 06:00: what happens later today is not known
    assert {row.customer_id: row.send_at for row in shop.rows()} == {
        "C1": shop.local(f"2024-03-09 {expected}"),
        # outside the window, or nothing known: the step's own time
        "C2": shop.local("2024-03-09 12:00"),
        "C3": shop.local("2024-03-09 12:00"),
    }


def test_an_option_that_is_not_on_leaves_the_scenario_out(shop: Shop):
    shop.scenario(anchor={"tag_granted": "vip"})
    (broken,) = shop.plan().broken
    assert [fault.rule for fault in broken.faults] == ["option_not_enabled"]
    shop.settings = shop.settings.model_copy(update={"options": frozenset({"member_tag"})})
    assert shop.plan().broken == ()


def test_a_sweep_reads_the_days_it_reaches_by_the_index_on_their_date(shop: Shop):
    shop.scenario(look_back_days=7)
    shop.execute(
        """
        insert into eligibility.follow_up
        select 'C' || number, 'ordered', 'O' || number, '2020-01-01'::timestamptz, '2020-01-01'::date + number / 20,
            '{(,)}', '{}'
        from generate_series(0, 39999) as number
        """
    )
    shop.execute("create index by_anchor_date on eligibility.follow_up (anchor_date)")
    shop.execute("analyze eligibility.follow_up")
    shop.execute("load 'auto_explain'")
    plans: list[str] = []
    shop.connection.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    for setting in ("auto_explain.log_min_duration = 0", "client_min_messages = log"):
        shop.execute(f"set {setting}")
    shop.at("2024-03-09 06:00")
    assert shop.plan().enrolled == 8 * 20
    shop.execute("set client_min_messages = notice")
    found = [plan for plan in plans if "pg_temp.candidates" in plan and "by_anchor_date" in plan]
    assert found, "no plan of the sweep uses the index"
