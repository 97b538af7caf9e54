"""What changed of a scenario, when and by whom: recorded by the change itself, for good."""

from datetime import datetime
from typing import Any

import pytest
from psycopg import errors

from ekiden.scenarios.changes import ScenarioChange, changes_of
from ekiden.scenarios.registry import synchronise
from tests.integration.ledger_fixtures import STEP, Shop

TWO_STEPS = [STEP, STEP | {"offset_days": 2}]


def changes(shop: Shop, code: str = "follow_up") -> list[tuple[str, int | None, str | None, str | None]]:
    """Return what changed of the scenario: the setting, the step, before and after."""
    return [
        (each.setting, each.step_no, each.value_before, each.value_after) for each in changes_of(shop.connection, code)
    ]


def told(shop: Shop, **definition: Any) -> list[tuple[str, int | None, str | None, str | None]]:
    """Plan with this definition, and return what was recorded of it."""
    known = len(changes(shop))
    shop.scenario(**definition)
    shop.plan()
    return changes(shop)[known:]


def test_a_scenario_s_first_settings_are_recorded_with_their_version(shop: Shop):
    shop.scenario(priority=3, max_lateness="1h30m", steps=[STEP, STEP | {"offset_days": 2, "state": "force_stopped"}])
    shop.plan()
    assert changes(shop) == [
        ("model", None, None, "follow_up"),
        ("code", None, None, "follow_up"),
        ("name", None, None, "follow_up"),
        ("status", None, None, "enabled"),
        ("disable_mode", None, None, "freeze"),
        ("priority", None, None, "3"),
        ("max_lateness", None, None, "90m"),
        ("version", None, None, "1"),
        ("state", 2, "enabled", "force_stopped"),
    ]


def test_every_setting_that_is_overwritten_is_recorded_before_and_after(shop: Shop):
    shop.scenario(steps=TWO_STEPS)
    shop.plan()
    shop.at("2024-03-09 06:00")
    said: dict[str, Any] = {"status": "disabled", "disable_mode": "drain", "name": "Tea", "priority": 5}
    said |= {"hold_expires_after_days": 7, "max_lateness": "2d"}
    assert told(shop, **said, steps=[STEP | {"state": "force_stopped"}, TWO_STEPS[1]]) == [
        ("name", None, "follow_up", "Tea"),
        ("status", None, "enabled", "disabled"),
        ("disable_mode", None, "freeze", "drain"),
        ("priority", None, None, "5"),
        ("hold_expires_after_days", None, None, "7"),
        ("max_lateness", None, None, "2880m"),
        ("state", 1, "enabled", "force_stopped"),
        ("state", 2, "enabled", "force_stopped"),
    ]
    said["priority"] = None
    assert told(shop, **said, steps=TWO_STEPS) == [
        ("priority", None, "5", None),
        ("state", 1, "force_stopped", "enabled"),
        ("state", 2, "force_stopped", "enabled"),
    ]
    assert told(shop, **said, steps=TWO_STEPS, reentry="per_anchor") == [("version", None, "1", "2")]


def test_a_change_tells_its_plan_its_planner_its_instant_and_what_was_built(shop: Shop):
    shop.scenario()
    shop.plan()
    now = shop.at("2024-03-09 06:00")
    shop.scenario(status="disabled")
    report = shop.plan()
    assert changes_of(shop.connection, "follow_up")[-1] == ScenarioChange(
        changed_at=now,
        scenario_code="follow_up",
        setting="status",
        step_no=None,
        value_before="enabled",
        value_after="disabled",
        actor="schedule",
        run_id=report.run_id,
        dagster_run_id="plan-run",
        build_id="build-1",
        git_revision="abc123",
    )


def test_a_build_is_the_change_of_whoever_builds(shop: Shop):
    shop.scenario()
    now = shop.at("2024-03-09 06:00")
    with shop.connection.transaction():
        synchronise(shop.connection, now=now, actor="hanako")
    assert {(each.actor, each.changed_at, each.run_id) for each in changes_of(shop.connection, "follow_up")} == {
        ("hanako", now, None)
    }


def test_a_build_at_the_terminal_says_who_built_and_which_build_it_was(site, ekiden, connection):
    site.scenario("tea")
    assert ekiden("build").code == 0

    ((built_as,),) = connection.execute("select build_id from eligibility.scenario_registry").fetchall()
    recorded = {(each.actor, each.run_id, each.build_id) for each in changes_of(connection, "tea")}
    assert recorded == {("hanako", None, built_as)}


def test_a_morning_without_changes_records_nothing(shop: Shop):
    shop.scenario(steps=TWO_STEPS, reevaluate_on_update=True)
    shop.plan()
    recorded = changes(shop)
    shop.at("2024-03-09 06:00")
    shop.plan()
    assert changes(shop) == recorded


def test_a_plan_that_is_only_tried_out_records_nothing(shop: Shop):
    shop.scenario()
    shop.plan(dry_run=True)
    assert shop.execute("select count(*) from outreach.scenario_changes") == [(0,)]


def test_leaving_and_coming_back_and_another_model_s_name_are_recorded(shop: Shop):
    shop.scenario("x", model="old")
    shop.plan()
    known = len(changes(shop, "x"))
    shop.execute("delete from eligibility.scenario_registry")
    shop.plan()
    left = changes_of(shop.connection, "x")[-1]
    shop.scenario("x", model="new")
    shop.plan()
    assert changes(shop, "x")[known:] == [
        ("status", None, "enabled", "archived"),
        ("model", None, "old", "new"),
        ("status", None, "archived", "enabled"),
        # its conditions are asked by a function that is called like the model
        ("version", None, "1", "2"),
    ]
    # what left the project was not built
    assert (left.actor, left.build_id, left.git_revision) == ("schedule", None, None)


def test_two_that_swap_their_codes_keep_what_is_recorded_of_each(shop: Shop):
    shop.scenario("x", model="a")
    shop.scenario("y", model="b")
    shop.plan()
    shop.scenario("y", model="a")
    shop.scenario("x", model="b")
    shop.plan()
    assert changes(shop, "y")[0] == ("model", None, None, "a")
    assert ("code", None, "x", "y") in changes(shop, "y")
    assert ("code", None, "y", "x") in changes(shop, "x")


def test_what_somebody_changes_in_sql_is_recorded_as_well(shop: Shop):
    shop.scenario()
    shop.plan()
    shop.execute("update outreach.scenarios set status = 'disabled'")
    last = changes_of(shop.connection, "follow_up")[-1]
    ((role,),) = shop.execute("select session_user::text")
    assert (last.setting, last.value_after, last.actor) == ("status", "disabled", f"database role {role}")
    assert last.run_id is None
    assert isinstance(last.changed_at, datetime)


@pytest.mark.parametrize(
    "statement",
    [
        "update outreach.scenario_changes set actor = 'nobody'",
        "delete from outreach.scenario_changes",
        "insert into outreach.scenario_changes (scenario_id, setting, value_after, changed_at, actor)"
        " select scenario_id, 'status', 'disabled', now(), 'somebody else' from outreach.scenarios",
    ],
)
def test_what_is_recorded_is_neither_rewritten_nor_forged(shop: Shop, statement: str):
    shop.scenario()
    shop.plan()
    recorded = changes(shop)
    with pytest.raises(errors.CheckViolation):
        shop.execute(statement)
    assert changes(shop) == recorded
