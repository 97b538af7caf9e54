"""What the conventions leave open is understood, and what is odd is a fault of its own script, on plain values."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cast import Version, cast, edited, model_prefix
from tests.acceptance.conditions import exclusion, stop, target
from tests.acceptance.conftest import read_case
from tests.acceptance.facts import visible
from tests.acceptance.names import check_names
from tests.acceptance.project import Part, broken_alone
from tests.acceptance.reading import ScriptFault, parse, read_yaml
from tests.acceptance.script import Script
from tests.acceptance.shorthand import Conditions, Scenario, Target
from tests.acceptance.translate import definition

RUN = {"at": "2025-03-03 6:00", "do": "run"}
NOON = datetime(2025, 3, 3, 3, 0, tzinfo=UTC)


def script(**changes: Any) -> Script:
    least = {"id": "T03", "scenarios": [scenario()], "customers": [{"id": "hana"}], "timeline": [RUN]}
    return parse(Script, least | changes)


def scenario(**changes: Any) -> dict[str, Any]:
    return {"code": "thanks", "target": {"products": ["tea"]}, "steps": [{"offset": "1"}]} | changes


@pytest.mark.parametrize(
    "written",
    [
        "id: [",
        "id: A\nid: B",
        "id: A\nscenarios: [{code: s, anchor: {}, steps: [{offset: 1}]}]\ntimeline: []",
        "id: A\nscenarios: [{code: s, send_window: [a], steps: [{offset: 1}]}]\ntimeline: []",
        "id: A\nscenarios: &a [*a]\ntimeline: []",
        "just words",
        "",
    ],
)
def test_an_odd_script_is_a_fault_of_its_own(tmp_path: Path, written: str) -> None:
    (tmp_path / "x.yaml").write_text(written)
    assert isinstance(read_case(tmp_path / "x.yaml").fault, ScriptFault)
    assert isinstance(read_case(tmp_path).fault, ScriptFault)


def test_a_script_that_dbt_does_not_name_is_found_by_leaving_out_the_others() -> None:
    parts = [Version(f"{name}__1", 1, {}, ()) for name in "abcde"]

    def compiles(chosen: Sequence[Part]) -> bool:
        return not {part.model_name for part in chosen} & {"b__1", "e__1"}

    assert broken_alone(parts, compiles) == ["b__1__1", "e__1__1"]
    assert broken_alone(parts, lambda _: False) == []


@pytest.mark.parametrize(
    ("segments", "named"),
    [
        ({"a": {"frames": [{"type": "bogus"}]}}, "segment 'a' is none that Ekiden can run"),
        ({"a": {"frames": [{"type": "product", "codes": ["tea"], "counts": {"op": "gte", "n": "9"}}]}}, "counts"),
        ({"a": {"gender": "woman"}}, "gender"),
        ({"a": {"segments": ["b"]}}, "made from a segment 'b' that is not in the script"),
        ({"a": {"segments": ["b"]}, "b": {"segments": ["a"]}}, "in a circle"),
        ({"a": {"kind": "fixed_list", "gender": "male"}}, "say 'since' when it was saved"),
        ({"a": {"gender": "male", "since": "2025-03-01"}}, "leave 'since' out"),
    ],
)
def test_a_segment_that_nobody_could_have_is_a_fault(segments: dict[str, Any], named: str) -> None:
    with pytest.raises(ScriptFault, match=named):
        cast(script(segments=segments))


def test_a_segment_names_the_models_of_those_it_is_made_from() -> None:
    women, older = cast(script(segments={"women": {"gender": "female"}, "older": {"segments": "women"}})).segments
    assert older.segments == (women.model_name,)
    assert older.target["frames"][0]["codes"] == [women.model_name]


def test_a_forced_stop_stays_on_the_steps_below_until_each_is_enabled() -> None:
    def states(given: Scenario) -> list[str]:
        return [step.state for step in given.steps]

    before = parse(Scenario, scenario(steps=[{"offset": str(day)} for day in range(3)]))
    operations = script(
        timeline=[
            {"at": "2025-03-01", "do": do, "scenario": "thanks", "step": step}
            for do, step in (("force_stop", "1"), ("enable", "1"), ("enable", "3"))
        ]
    ).timeline
    stopped = edited(before, operations[0])
    assert states(stopped) == ["force_stopped"] * 3
    assert states(edited(stopped, operations[1])) == ["enabled", "force_stopped", "force_stopped"]
    written = parse(Scenario, scenario(steps=[{"offset": "1", "state": "force_stopped"}, {"offset": "2"}]))
    assert states(edited(written, operations[1])) == ["enabled", "force_stopped"]


@pytest.mark.parametrize("written", ["a: 1\na: 2", "rows: []\nb: 1\nrows: [1]", "c: {d: 1, d: 1}"])
def test_a_key_that_stands_twice_is_a_fault(tmp_path: Path, written: str) -> None:
    (tmp_path / "x.yaml").write_text(written)
    with pytest.raises(ScriptFault, match="stands twice"):
        read_yaml(tmp_path / "x.yaml")


def test_a_merged_mapping_may_be_changed(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("- &a {b: 1, c: 2}\n- &d {<<: *a, c: 3}\n- {<<: *d, b: 4}")
    assert read_yaml(tmp_path / "x.yaml") == [{"b": "1", "c": "2"}, {"b": "1", "c": "3"}, {"b": "4", "c": "3"}]


@pytest.mark.parametrize("contents", [None, "", "none"])
def test_a_step_without_content_is_a_fault_of_an_enabled_scenario(contents: str | None) -> None:
    with pytest.raises(ScriptFault, match="content"):
        cast(script(scenarios=[scenario(steps=[{"offset": "1", "content": contents}])]))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("6h", 360), ("30m", 30), ("90min", 90), ("1d", 1440), ("1h30m", 90), ("2 hours", 120)],
)
def test_lateness_is_a_length_of_time(written: str, meant: int) -> None:
    (version,) = cast(script(scenarios=[scenario(max_lateness=written)])).at_start
    assert version.definition["max_lateness"] == f"{meant}m"


def test_lateness_is_left_to_ekiden_where_nobody_says_it_and_may_be_edited() -> None:
    other = scenario(code="other", max_lateness="6h")
    edit = {"at": "2025-03-04", "do": "edit", "scenario": "thanks", "change": {"max_lateness": "2h"}}
    found = cast(script(scenarios=[scenario(), other], timeline=[RUN, edit]))
    assert [version.definition.get("max_lateness") for version in found.at_start] == [None, "360m"]
    assert found.by_operation[1].definition["max_lateness"] == "120m"
    with pytest.raises(ScriptFault, match="length of time"):
        script(scenarios=[scenario(max_lateness="soon")])


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"rank": "gold", "within_days": "3"}, "'within_days' stands beside nothing"),
        ({"segments": ["a"], "within_days": "3"}, "'within_days' stands beside nothing"),
        ({"gender": "female", "since": "anchor"}, "'since' stands beside nothing"),
        ({"birthday": "false"}, "'birthday' is true"),
        ({"birthday": "7"}, "'birthday' is true"),
        ({"order": "2"}, "'order' is true or false"),
    ],
)
def test_a_condition_that_would_say_nothing_is_a_fault(written: dict[str, Any], named: str) -> None:
    with pytest.raises(ScriptFault, match=named):
        stop(parse(Conditions, written))


@pytest.mark.parametrize("written", [{"subscription_cancelled": "no"}, {"scenarios": "no"}, {"order": "no"}])
def test_no_is_no_condition(written: dict[str, Any]) -> None:
    assert stop(parse(Conditions, written)) == {}


COUNT = {"op": "gte", "n": "2"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"events": ["search"], "count": COUNT},
         [{"type": "event", "codes": ["search"], "count": {"op": "gte", "n": 2}}]),
        ({"other_products": ["tea"], "count": COUNT},
         [{"type": "product", "other_than": ["tea"], "count": {"op": "gte", "n": 2}}]),
        ({"age": "30-"}, [{"type": "member", "member": {"age": {"from": 30}}}]),
        ({"age": "30.."}, [{"type": "member", "member": {"age": {"from": 30}}}]),
        ({"age": "-29"}, [{"type": "member", "member": {"age": {"to": 29}}}]),
        ({"age": "30"}, [{"type": "member", "member": {"age": {"from": 30, "to": 30}}}]),
        ({"frames": [{"type": "product", "products": ["tea"], "purchase_count": COUNT}]},
         [{"type": "product", "count": {"op": "gte", "n": 2}, "codes": ["tea"]}]),
        ({"frames": [{"type": "category", "categories": "pots"}]}, [{"type": "category", "codes": ["pots"]}]),
        ({"frames": [{"type": "event", "codes": ["search"], "products": ["tea"]}]},
         [{"type": "event", "codes": ["search"], "products": ["tea"]}]),
        ({"frames": [{"type": "member", "member": {"address": "札幌"}}]},
         [{"type": "member", "member": {"address": {"contains": "札幌"}}}]),
        ({"frames": [{"type": "member", "age": ["30-39", "50-59"]}, {"rel": "and", "product": "tea"}]}, [
            {"type": "member", "member": {"age": {"from": 30, "to": 39}}},
            {"type": "member", "member": {"age": {"from": 50, "to": 59}}, "relation": "or"},
            {"relation": "and", "type": "product", "codes": ["tea"]},
        ]),
        ({"products": ["tea"], "frames": [{"rel": "not", "type": "member", "age": ["30-39", "50-59"]}]}, [
            {"type": "product", "codes": ["tea"]},
            {"relation": "not", "type": "member", "member": {"age": {"from": 30, "to": 39}}},
            {"relation": "not", "type": "member", "member": {"age": {"from": 50, "to": 59}}},
        ]),
    ],
)  # fmt: skip
def test_a_condition_may_be_written_in_other_words(written: dict[str, Any], meant: list[dict[str, Any]]) -> None:
    assert target(parse(Target, written)).get("frames") == meant


def test_bands_of_age_that_no_order_of_frames_can_say_are_a_fault() -> None:
    frames = [{"product": "tea"}, {"rel": "and", "type": "member", "age": ["30-39", "50-59"]}]
    with pytest.raises(ScriptFault, match="several bands of age"):
        target(parse(Target, {"frames": frames}))


def test_what_a_target_excludes_may_be_of_one_order() -> None:
    frames = [{"type": "product", "codes": ["tea"]}, {"rel": "and", "type": "product", "codes": ["cup"]}]
    within = parse(Target, {"exclude": {"and_scope": "same_order", "frames": frames}})
    assert exclusion(within, Conditions())["and_scope"] == "same_order"
    with pytest.raises(ScriptFault, match="one 'and_scope'"):
        exclusion(within, parse(Conditions, {"products": "pot", "and_scope": "whole_history"}))


def test_frames_that_exclude_in_two_places_are_alternatives_where_they_can_be() -> None:
    within = parse(Target, {"exclude": {"frames": [{"type": "product", "codes": ["tea"]}]}})
    beside: dict[str, Any] = {"frames": [{"type": "product", "codes": ["cup"]}]}
    assert exclusion(within, parse(Conditions, beside))["frames"][1]["relation"] == "or"
    beside["frames"].append({"rel": "and", "type": "order"})
    with pytest.raises(ScriptFault, match="in two places"):
        exclusion(within, parse(Conditions, beside))


@pytest.mark.parametrize("name", ["a_scenario_with_a_long_name", "15.2", "例1", "101", "A100"])
def test_any_id_names_models(name: str) -> None:
    prefix = model_prefix(script(id=name))
    assert prefix.isascii()
    assert prefix.replace("_", "").isalnum()
    assert prefix[0].isalpha()
    assert model_prefix(script(id="例2")) != model_prefix(script(id="例1"))


def test_nothing_behind_a_key_is_nothing() -> None:
    given = script(
        scenarios=[scenario(target=None, stop=None, orders=None, exclude=None)],
        customers=None, orders=None, events=None, segments={"empty": None}, lists={"fair": None},
        timeline=[RUN | {"rows": None, "enrolments": None}],
    )  # fmt: skip
    cast(given)
    assert (given.orders, given.events, given.timeline[0].rows, given.timeline[0].enrolments) == ((), (), (), ())
    for name in ("step_states", "provider_calls"):
        with pytest.raises(ScriptFault, match=f"nothing stands behind '{name}'"):
            script(timeline=[RUN | {name: None}])


def test_an_edit_may_take_out_a_section_and_its_fault_names_the_operation() -> None:
    edit = {"at": "2025-03-04", "do": "edit", "scenario": "thanks", "change": {"stop": None}}
    given = script(scenarios=[scenario(stop={"products": ["cup"]})], timeline=[edit])
    assert "stop" not in cast(given).by_operation[0].definition
    with pytest.raises(ScriptFault, match=r"unknown key 'stepz' in timeline\[0\]"):
        cast(script(timeline=[edit | {"change": {"stepz": []}}]))


def test_the_glossarys_names_are_understood() -> None:
    given = scenario(
        scenario_period={"from": "2025-03-01", "to": "2025-03-31"},
        target={"active_subscriber_rule": "exclude", "continuation_no_at_purchase": "1"},
        note="why",
    )
    meant = definition(parse(Scenario, given))
    assert meant["period"] == {"from": "2025-03-01", "to": "2025-03-31"}
    assert meant["target"]["active_subscriber"] == "exclude"
    assert meant["orders"]["continuation_no"] == 1
    assert (
        definition(parse(Scenario, scenario(steps=[{"offset": "1", "time": "9:30"}])))["steps"][0]["send_time"]
        == "09:30"
    )


def test_an_instant_may_stand_where_a_date_is_meant() -> None:
    order = {"id": "o", "customer": "hana", "at": "2025-03-01 9:05", "paid": "2025-03-02 10:00",
             "shipped": "2025-03-02T20:00Z"}  # fmt: skip
    (read,) = script(orders=[order]).orders
    assert (read.at, read.paid, read.shipped) == (
        datetime(2025, 3, 1, 0, 5, tzinfo=UTC), date(2025, 3, 2), date(2025, 3, 3),
    )  # fmt: skip


def test_contact_points_are_made_up_unless_they_are_said() -> None:
    customers = [{"id": "hana"}, {"id": "ken", "email": None, "phone": "", "line_user_id": None, "push_token": None}]
    changed = {"at": "2025-03-02", "type": "customer_changed", "customer": "hana", "change": {"email": None}}
    facts = visible(script(customers=customers, events=[changed]), NOON)
    hana, ken = facts["customers"]
    assert (hana["email"], hana["phone"][:3], hana["line_user_id"][:1]) == (None, "090", "U")
    assert (ken["email"], ken["phone"], ken["line_user_id"]) == (None, None, None)
    assert [row["customer_id"] for row in facts["web_push_subscriptions"]] == ["hana"]


@pytest.mark.parametrize(("word", "meant"), [("open", "opened"), ("mail_open", "opened"), ("mail_click", "clicked")])
def test_an_opened_mail_is_one_whatever_the_script_calls_it(word: str, meant: str) -> None:
    given = script(events=[{"at": "2025-03-02", "type": word, "customer": "hana"}])
    check_names(given)
    assert [row["event_type"] for row in visible(given, NOON)["customer_events"]] == [word, meant]


def test_an_event_may_name_the_order_and_the_customer_it_is_of() -> None:
    orders = [{"id": "o", "customer": "hana", "at": "2025-03-01", "lines": "tea"}]
    status = {"at": "2025-03-02", "type": "order_status", "order": "o", "status": "cancelled"}
    customers = [{"id": "hana"}, {"id": "ken"}]
    bought = {"at": "2025-03-02", "type": "purchase", "customer": "hana", "order": "o"}
    check_names(script(customers=customers, orders=orders, events=[status | {"customer": "hana"}, bought]))
    with pytest.raises(ScriptFault, match=r"events\[0\]: order 'o' is not of customer 'ken'"):
        check_names(script(customers=customers, orders=orders, events=[status | {"customer": "ken"}]))


def test_an_operation_on_a_step_that_never_was_is_a_fault() -> None:
    release = {"at": "2025-03-04", "do": "release", "scenario": "thanks", "step": "1"}
    cast(script(timeline=[release]))
    with pytest.raises(ScriptFault, match=r"timeline\[0\]: 'thanks' has no step 2"):
        cast(script(timeline=[release | {"step": "2"}]))
