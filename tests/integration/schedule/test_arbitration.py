"""Multi-delivery and priority: of exclusive scenarios only the best one has a customer (C-07, R-019)."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from psycopg import Connection

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Outcome
from ekiden.schedule.planning.decisions import DecisionCount
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.planning.stops import end_found
from tests.integration.ledger_fixtures import PLANNER, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

TWO_STEPS = [STEP, STEP | {"offset_days": 5}]


def exclusive(shop: Shop, code: str, priority: int | None, **changes) -> None:
    shop.scenario(code, multi_delivery=False, priority=priority, **changes)


def eligible(shop: Shop, customer: str, *codes: str, anchored: str = "2024-03-08", **changes) -> None:
    for code in codes:
        shop.eligible(customer, anchored, model=code, **changes)


def standing(shop: Shop) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Return (state, exit reason) of each scenario's enrolment of a customer."""
    return {
        (code, customer): (state, reason)
        for code, customer, state, reason in shop.execute(
            """
            select scenario_code, customer_id, state, exit_reason
            from outreach.enrolments inner join outreach.scenarios using (scenario_id) order by enrolment_id
            """
        )
    }


def test_of_one_days_candidates_the_best_exclusive_scenario_wins_and_the_others_are_counted(shop: Shop):
    exclusive(shop, "second", 2)
    exclusive(shop, "best", 1)
    exclusive(shop, "unranked", None)
    shop.scenario("everybody", priority=9)
    for customer in ("C1", "C2"):
        shop.customer(customer)
    eligible(shop, "C1", "second", "best", "unranked", "everybody")
    eligible(shop, "C2", "second", "unranked", "everybody")
    report = shop.plan()
    assert {(row.customer_id, row.scenario_code) for row in shop.rows()} == {
        ("C1", "best"), ("C1", "everybody"), ("C2", "second"), ("C2", "everybody"),
    }  # fmt: skip
    assert report.turned_away == (DecisionCount("second", "outranked", 1), DecisionCount("unranked", "outranked", 2))
    ((summary,),) = shop.execute("select summary -> 'decisions' from outreach.runs where kind = 'plan'")
    assert {"scenario_code": "second", "rule": "outranked", "customers": 1} in summary


@pytest.mark.parametrize("priority", [1, None])
def test_of_equal_priorities_the_lower_code_wins(shop: Shop, priority: int | None):
    exclusive(shop, "b", priority)
    exclusive(shop, "a", priority)
    shop.customer("C1")
    eligible(shop, "C1", "b", "a")
    shop.plan()
    assert standing(shop) == {("a", "C1"): ("active", None)}


def test_who_is_in_an_exclusive_scenario_is_not_let_into_an_equal_or_worse_one(shop: Shop):
    exclusive(shop, "running", 2, steps=TWO_STEPS)
    shop.customer("C1")
    eligible(shop, "C1", "running", anchored="2024-03-07")
    shop.plan()
    exclusive(shop, "also", 2)
    exclusive(shop, "worse", 3)
    eligible(shop, "C1", "also", "worse")
    report = shop.plan()
    assert standing(shop) == {("running", "C1"): ("active", None)}
    assert report.turned_away == (
        DecisionCount("also", "active_elsewhere", 1),
        DecisionCount("worse", "active_elsewhere", 1),
    )


def test_whose_waiting_row_a_person_deleted_gives_way_to_any_other_scenario(shop: Shop):
    exclusive(shop, "running", 1, steps=TWO_STEPS)
    exclusive(shop, "worse", None)
    shop.customer("C1")
    eligible(shop, "C1", "running")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    eligible(shop, "C1", "worse")
    assert shop.plan().turned_away == (DecisionCount("worse", "active_elsewhere", 1),)
    shop.operate("delete", customer="C1", step_no=2)
    assert shop.plan().superseded == 1
    assert standing(shop) == {("running", "C1"): ("stopped", "superseded"), ("worse", "C1"): ("active", None)}


def test_a_scenario_that_is_not_exclusive_takes_no_part(shop: Shop):
    shop.scenario("open", priority=1, steps=TWO_STEPS)
    shop.customer("C1")
    eligible(shop, "C1", "open")
    shop.plan()
    exclusive(shop, "exclusive", 5)
    eligible(shop, "C1", "exclusive")
    report = shop.plan()
    assert set(standing(shop).values()) == {("active", None)}
    assert (report.superseded, report.turned_away) == (0, ())


@pytest.mark.parametrize("waiting", ["ready", "held"])
def test_a_better_scenario_supersedes_a_worse_one_with_what_waits_of_it(shop: Shop, waiting: str):
    exclusive(shop, "worse", None)
    exclusive(shop, "better", 1)
    shop.customer("C1")
    eligible(shop, "C1", "worse", anchored="2024-03-08" if waiting == "ready" else "2024-03-01")
    shop.plan()
    assert shop.row().state == waiting
    eligible(shop, "C1", "better")
    report = shop.plan()
    assert report.superseded == 1
    assert standing(shop) == {("worse", "C1"): ("stopped", "superseded"), ("better", "C1"): ("active", None)}
    assert {row.scenario_code: (row.state, row.reason) for row in shop.rows()} == {
        "worse": ("cancelled", "superseded"), "better": ("ready", None),
    }  # fmt: skip


def test_who_waits_for_a_first_row_is_superseded_as_well(shop: Shop):
    exclusive(shop, "worse", 2, enrol_at="anchor", steps=[STEP | {"offset_days": 9}])
    exclusive(shop, "better", 1)
    shop.customer("C1")
    eligible(shop, "C1", "worse")
    shop.plan()
    eligible(shop, "C1", "better")
    shop.plan()
    assert standing(shop) == {("worse", "C1"): ("stopped", "superseded"), ("better", "C1"): ("active", None)}


def test_nobody_is_superseded_while_a_message_is_being_sent(shop: Shop):
    exclusive(shop, "worse", 2, steps=TWO_STEPS)
    exclusive(shop, "better", 1)
    shop.customer("C1")
    eligible(shop, "C1", "worse", anchored="2024-03-08")
    shop.plan()
    shop.at("2024-03-09 12:00")
    eligible(shop, "C1", "better")
    reports = []
    shop.channel.before_answering = lambda: reports.append(plan_beside(shop))
    shop.send()
    assert reports[0].turned_away == (DecisionCount("better", "on_its_way", 1),)
    assert standing(shop) == {("worse", "C1"): ("active", None)}
    # once it was sent the better one takes over, before the next step
    shop.plan()
    assert standing(shop) == {("worse", "C1"): ("stopped", "superseded"), ("better", "C1"): ("active", None)}
    states = {(row.scenario_code, row.step_no): row.state for row in shop.rows()}
    assert states == {("worse", 1): "sent", ("worse", 2): "cancelled", ("better", 1): "ready"}


def test_a_row_that_a_sender_has_locked_counts_as_on_its_way(shop: Shop):
    exclusive(shop, "worse", 2)
    exclusive(shop, "better", 1)
    shop.customer("C1")
    eligible(shop, "C1", "worse")
    shop.plan()
    eligible(shop, "C1", "better")
    with connect(shop.settings, autocommit=True) as other, other.transaction():
        other.execute("select from outreach.schedule_rows for update")
        report = shop.plan()
    assert report.turned_away == (DecisionCount("better", "on_its_way", 1),)
    assert standing(shop) == {("worse", "C1"): ("active", None)}


def test_whom_a_sender_saved_from_a_stop_in_the_midst_of_a_plan_is_superseded_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    exclusive(shop, "worse", 2, steps=TWO_STEPS)
    exclusive(shop, "better", 1)
    shop.customer("C1")
    eligible(shop, "C1", "worse")
    shop.plan()
    shop.at("2024-03-09 12:00")
    eligible(shop, "C1", "better")
    # the morning's table knows of a stop that is taken back since, so the sender sends
    shop.execute("update eligibility.worse set stop_during = '{(,)}'")

    def as_a_sender_claims(connection: Connection, now: datetime) -> int:
        """End what was found to be stopped, between a claim and the record of its message."""
        ended = []
        shop.channel.before_answering = lambda: ended.append(end_found(connection, now))
        with connect(shop.settings, autocommit=True) as other:
            replace(shop, connection=other).send()
        return sum(ended)

    monkeypatch.setattr("ekiden.schedule.planning.stops.end_found", as_a_sender_claims)
    report = shop.plan()
    assert (report.cancelled, report.superseded) == (0, 1)
    assert standing(shop) == {("worse", "C1"): ("stopped", "superseded"), ("better", "C1"): ("active", None)}
    states = {(row.scenario_code, row.step_no): (row.state, row.reason) for row in shop.rows()}
    assert states == {
        ("worse", 1): ("sent", None), ("worse", 2): ("cancelled", "superseded"), ("better", 1): ("ready", None),
    }  # fmt: skip


def test_a_scenario_that_was_not_selected_still_competes_and_enters_nobody(shop: Shop):
    exclusive(shop, "best", 1)
    exclusive(shop, "second", 2)
    shop.customer("C1")
    eligible(shop, "C1", "best", "second")
    assert shop.plan(scenarios=["second"]).turned_away == (DecisionCount("second", "outranked", 1),)
    assert standing(shop) == {}
    shop.plan(scenarios=["best"])
    assert standing(shop) == {("best", "C1"): ("active", None)}


def test_after_the_better_scenario_has_ended_the_worse_one_waits_for_a_person(shop: Shop):
    exclusive(shop, "best", 1)
    exclusive(shop, "second", 2)
    shop.customer("C1")
    eligible(shop, "C1", "best", "second")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert shop.row(scenario="second").state == "held"


def test_a_new_priority_makes_no_version_and_decides_from_the_next_plan_on(shop: Shop):
    exclusive(shop, "a", 1)
    exclusive(shop, "b", 2)
    shop.customer("C1")
    eligible(shop, "C1", "a")
    shop.plan()
    exclusive(shop, "a", 3)
    eligible(shop, "C1", "b")
    shop.plan()
    assert standing(shop) == {("a", "C1"): ("stopped", "superseded"), ("b", "C1"): ("active", None)}
    assert {row.scenario_version for row in shop.rows()} == {1}


def test_a_frozen_scenario_keeps_its_customers_and_an_archived_one_does_not(shop: Shop):
    exclusive(shop, "paused", 1, steps=TWO_STEPS)
    shop.customer("C1")
    eligible(shop, "C1", "paused")
    shop.plan()
    exclusive(shop, "paused", 1, steps=TWO_STEPS, status="disabled")
    exclusive(shop, "other", 2)
    eligible(shop, "C1", "other")
    shop.plan()
    assert standing(shop) == {("paused", "C1"): ("active", None)}
    shop.execute("delete from eligibility.scenario_registry where model_name = 'paused'")
    shop.plan()
    assert standing(shop)[("other", "C1")] == ("active", None)


def test_several_anchors_of_the_winning_scenario_all_enter_where_each_may(shop: Shop):
    exclusive(shop, "best", 1, reentry="per_anchor")
    exclusive(shop, "second", 1)
    shop.customer("C1")
    eligible(shop, "C1", "best", key="O1")
    eligible(shop, "C1", "second")
    shop.plan()
    eligible(shop, "C1", "best", key="O2")
    shop.plan()
    assert sorted(row.anchor_key for row in shop.rows(state="ready")) == ["O1", "O2"]


def test_a_failed_message_keeps_no_other_anchor_of_its_own_scenario_from_entering(shop: Shop):
    exclusive(shop, "only", 1, reentry="per_anchor")
    shop.customer("C1")
    eligible(shop, "C1", "only", key="O1")
    shop.plan()
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.row().state == "failed"
    eligible(shop, "C1", "only", key="O2")
    assert shop.plan().enrolled == 1


def test_a_blocked_row_is_not_reopened_while_another_exclusive_scenario_has_the_customer(shop: Shop):
    exclusive(shop, "first", 1)
    exclusive(shop, "second", 2)
    shop.customer("C1")
    eligible(shop, "C1", "first")
    shop.plan()
    shop.operate("block", scenario="first")
    eligible(shop, "C1", "second")
    shop.plan()
    assert shop.operate("reopen", reason="sorry", scenario="first").changed == 0
    shop.operate("block", scenario="second")
    # both at once: the latest
    assert shop.operate("reopen", reason="sorry").changed == 1
    assert {row.scenario_code: row.state for row in shop.rows()} == {"first": "blocked", "second": "held"}


def test_planning_the_contest_again_changes_nothing(shop: Shop):
    exclusive(shop, "best", 1)
    exclusive(shop, "second", 2)
    for number in range(20):
        shop.customer(f"C{number}")
        eligible(shop, f"C{number}", "second", *(["best"] if number % 2 else []))
    shop.plan()
    before = standing(shop)
    report = shop.plan()
    assert (report.enrolled, report.superseded, report.created) == (0, 0, ())
    assert standing(shop) == before
    assert {row.due_date for row in shop.rows()} == {date(2024, 3, 9)}


def plan_beside(shop: Shop):
    """Plan from another connection, as a run beside the one that is sending."""
    today = shop.settings.local_date(shop.now)
    with connect(shop.settings, autocommit=True) as other:
        return plan(other, today, today, now=shop.now, settings=shop.settings, context=PLANNER)
