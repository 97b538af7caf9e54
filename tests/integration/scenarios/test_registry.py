"""From what dbt built to the ledger's scenarios: versions, codes, names, and what is left out."""

from tests.integration.ledger_fixtures import STEP, Shop


def scenarios(shop: Shop) -> dict[str, tuple[str, str]]:
    """Return (code, status) by model."""
    found = shop.execute("select model_name, scenario_code, status from outreach.scenarios")
    return {model: (code, status) for model, code, status in found}


def left_out(shop: Shop) -> dict[str, tuple[str, ...]]:
    """Plan, and return the rules that each model left out has broken."""
    return {broken.model_name: tuple(fault.rule for fault in broken.faults) for broken in shop.plan().broken}


def test_of_two_models_with_one_code_the_second_is_left_out(shop: Shop):
    shop.scenario("x", model="a")
    shop.scenario("x", model="b")
    assert left_out(shop) == {"b": ("duplicate_code",)}
    assert scenarios(shop) == {"a": ("x", "enabled")}


def test_two_models_may_have_the_same_name(shop: Shop):
    shop.scenario("x", model="a", name="Follow-up")
    shop.scenario("y", model="b", name="Follow-up")
    assert left_out(shop) == {}


def test_who_has_a_code_already_keeps_it(shop: Shop):
    shop.scenario("x", model="b")
    shop.plan()
    shop.scenario("x", model="a")
    assert left_out(shop) == {"a": ("duplicate_code",)}
    assert scenarios(shop) == {"b": ("x", "enabled")}


def test_a_broken_model_keeps_its_code_in_the_ledger(shop: Shop):
    shop.scenario("x", model="b")
    shop.plan()
    shop.scenario("x", model="b", steps=[STEP] * 11)
    shop.scenario("x", model="c")
    assert left_out(shop) == {"b": ("too_many_steps",), "c": ("duplicate_code",)}
    assert scenarios(shop) == {"b": ("x", "enabled")}


def test_leaving_out_one_model_can_leave_out_another(shop: Shop):
    shop.scenario("x", model="a")
    shop.scenario("y", model="b")
    shop.plan()
    shop.scenario("y", model="b", steps=[STEP] * 11)
    shop.scenario("y", model="a")
    shop.scenario("x", model="c")
    assert set(left_out(shop)) == {"a", "b", "c"}
    assert scenarios(shop) == {"a": ("x", "enabled"), "b": ("y", "enabled")}


def test_two_scenarios_may_swap_their_codes(shop: Shop):
    shop.scenario("x", model="a")
    shop.scenario("y", model="b")
    shop.plan()
    shop.scenario("y", model="a")
    shop.scenario("x", model="b")
    assert left_out(shop) == {}
    assert scenarios(shop) == {"a": ("y", "enabled"), "b": ("x", "enabled")}


def test_a_model_that_left_the_project_is_archived_and_its_rows_stay(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.execute("delete from eligibility.scenario_registry")
    shop.plan()
    assert scenarios(shop) == {"follow_up": ("follow_up", "archived")}
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "ready"}


def test_a_renamed_model_is_the_same_scenario_and_nobody_enters_twice(shop: Shop):
    shop.scenario("x", model="old")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="old")
    shop.plan()
    shop.execute("delete from eligibility.scenario_registry")
    shop.scenario("x", model="new")
    shop.eligible("C1", "2024-03-08", model="new")
    assert left_out(shop) == {}
    assert scenarios(shop) == {"new": ("x", "enabled")}
    assert shop.states() == {("C1", 1): "ready"}


def test_a_scenario_cannot_take_the_code_of_one_that_was_removed(shop: Shop):
    shop.scenario("x", model="a")
    shop.scenario("y", model="b")
    shop.plan()
    shop.execute("delete from eligibility.scenario_registry where model_name = 'a'")
    shop.scenario("x", model="b")
    assert left_out(shop) == {"b": ("duplicate_code",)}
    assert scenarios(shop) == {"a": ("x", "archived"), "b": ("y", "enabled")}


def test_a_switch_or_a_label_makes_no_version_and_an_edit_makes_one(shop: Shop):
    versions = []
    for changes in (
        {},
        {"status": "disabled"},
        {"name": "another"},
        {"steps": [STEP | {"state": "force_stopped"}]},
        {"on_skip": "continue"},
        {"steps": [STEP, STEP]},
    ):
        shop.scenario(**changes)
        shop.plan()
        versions += shop.execute("select count(*) from outreach.scenario_versions")
    assert [count for (count,) in versions] == [1, 1, 1, 1, 2, 3]


def test_a_version_keeps_the_definition_as_it_was_written(shop: Shop):
    shop.scenario(reentry="per_anchor", period={"from": "2024-01-01", "to": None})
    shop.plan()
    ((definition, reentry, on_skip),) = shop.execute(
        "select definition, reentry, on_skip from outreach.scenario_versions"
    )
    assert (definition["period"], reentry, on_skip) == ({"from": "2024-01-01", "to": None}, "per_anchor", "end")


def test_a_forced_stop_reaches_the_rows_below_it_also_of_steps_that_are_no_more(shop: Shop):
    shop.scenario(steps=[STEP | {"offset_days": days} for days in (1, 2, 3)])
    shop.buyer("C1")
    shop.plan()
    for noon in ("2024-03-09 12:00", "2024-03-10 12:00"):
        shop.at(noon)
        shop.send()
    assert shop.row(step_no=3).state == "ready"
    shop.scenario(steps=[STEP, STEP | {"offset_days": 2}])
    shop.plan()
    # an edit alone leaves what waits as it is
    assert shop.row(step_no=3).state == "ready"
    shop.scenario(steps=[STEP, STEP | {"offset_days": 2, "state": "force_stopped"}])
    shop.plan()
    assert (shop.row(step_no=3).state, shop.row(step_no=3).reason) == ("cancelled", "force_stopped")
