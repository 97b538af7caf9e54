"""What a definition may say: the V1 table of the acceptance cases, its defaults, and that checking never raises."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiden.scenarios.definition import OPTIONS, ScenarioDefinition, check

STEP = {"offset_days": 3, "content": "sample/step_1"}


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "code": "follow_up",
        "name": "Follow-up",
        "status": "enabled",
        "anchor": "ordered",
        "steps": [STEP],
    } | changes


def faults_of(given_definition: object) -> set[tuple[str, str]]:
    """Return (rule, place) of every fault."""
    scenario, faults, *_ = check(given_definition, options=OPTIONS)
    assert (scenario is None) == bool(faults)
    assert all(fault.message for fault in faults)
    return {(fault.rule, fault.place) for fault in faults}


def accepted(**changes: Any) -> ScenarioDefinition:
    scenario, faults, *_ = check(definition(**changes), options=OPTIONS)
    assert scenario is not None, faults
    return scenario


def products(number: int) -> dict[str, Any]:
    return {"type": "product", "codes": [f"P{n}" for n in range(number)]}


def categories(number: int) -> dict[str, Any]:
    return {"type": "category", "codes": [f"C{n}" for n in range(number)]}


def frames(number: int) -> dict[str, Any]:
    return {"frames": [products(1) | {"relation": "or"} for _ in range(number)]}


def test_ten_steps_are_the_most():
    assert faults_of(definition(steps=[STEP] * 10)) == set()
    assert faults_of(definition(steps=[STEP] * 11)) == {("too_many_steps", "steps")}


def test_a_scenario_without_steps_is_none():
    assert faults_of(definition(steps=[])) == {("steps_required", "steps")}


def test_ten_products_are_the_most_of_a_frame():
    assert faults_of(definition(target={"frames": [products(10)]})) == set()
    assert faults_of(definition(target={"frames": [products(11)]})) == {("too_many_products", "target.frames[0].codes")}


def test_what_is_wrong_with_products_is_told_beside_their_number():
    frame = {"type": "product", "codes": [*products(10)["codes"], 5, "", None]}
    place = "target.frames[0].codes"
    assert faults_of(definition(target={"frames": [frame]})) == {
        ("too_many_products", place),
        ("not_quoted", f"{place}[10]"),
        ("empty", f"{place}[11]"),
        ("wrong_type", f"{place}[12]"),
    }
    choice = {"nth_purchase": {"n": 2, "products": frame["codes"]}}
    assert len(faults_of(definition(anchor=choice))) == 4


def test_every_one_of_very_many_faults_is_told():
    # each was compared with each, which took an hour
    frame = {"type": "event", "codes": [None] * 20_000}
    assert len(faults_of(definition(target={"frames": [frame]}))) == 20_000


def test_five_categories_are_the_most_of_a_frame():
    assert faults_of(definition(stop={"frames": [categories(5)]})) == set()
    assert faults_of(definition(stop={"frames": [categories(6)]})) == {("too_many_categories", "stop.frames[0].codes")}


@pytest.mark.parametrize("part", ["target", "exclusion", "stop"])
def test_ninety_nine_frames_are_the_most(part):
    assert faults_of(definition(**{part: frames(99)})) == set()
    assert faults_of(definition(**{part: frames(100)})) == {("too_many_frames", f"{part}.frames")}


def test_every_frame_after_the_first_says_how_it_relates():
    given_frames = {"frames": [products(1), products(1), products(1) | {"relation": "and"}, products(1)]}
    assert faults_of(definition(exclusion=given_frames)) == {
        ("relation_required", "exclusion.frames[1].relation"),
        ("relation_required", "exclusion.frames[3].relation"),
    }


def test_an_order_frame_takes_no_codes_and_every_other_frame_needs_some():
    assert faults_of(definition(target={"frames": [{"type": "order", "codes": ["A"]}]})) == {
        ("key_of_another_frame", "target.frames[0].codes")
    }
    assert faults_of(definition(target={"frames": [{"type": "event"}]})) == {
        ("codes_required", "target.frames[0].codes")
    }


@pytest.mark.parametrize("anchor", ["ordered", "paid", "shipped", "desired_delivery"])
def test_orders_can_be_bounded_by_a_period_where_the_anchor_is_an_order(anchor):
    assert faults_of(definition(anchor=anchor, orders={"period": {"from": "2024-01-01"}})) == set()


@pytest.mark.parametrize("anchor", ["member_registered", {"tag_granted": "vip"}, {"event": "view"}])
def test_orders_cannot_be_bounded_where_the_anchor_is_no_order(anchor):
    assert faults_of(definition(anchor=anchor, orders={"period": {"from": "2024-01-01"}})) == {
        ("order_period_not_allowed", "orders.period")
    }


@pytest.mark.parametrize("inside", ["08:00", "12:00", "22:00", "22:00:59"])
def test_both_ends_of_the_send_window_are_inside_at_the_precision_of_a_minute(inside):
    assert faults_of(definition(steps=[STEP | {"send_time": inside}])) == set()


@pytest.mark.parametrize("outside", ["07:59", "22:01", "00:00", "23:59"])
def test_a_step_outside_the_send_window_is_a_fault(outside):
    assert faults_of(definition(steps=[STEP, STEP | {"send_time": outside}])) == {
        ("outside_send_window", "steps[1].send_time")
    }


def test_a_scenario_can_do_without_a_send_window():
    assert accepted(send_window=None, steps=[STEP | {"send_time": "03:00"}]).steps[0].send_time == time(3)


def test_a_scenario_has_exactly_one_anchor():
    assert faults_of(definition(anchor={"event": "view", "entered": "segment"})) == {("exactly_one_anchor", "anchor")}
    assert faults_of(definition(anchor=["ordered", "paid"])) == {("exactly_one_anchor", "anchor")}
    assert faults_of(definition(anchor={})) == {("exactly_one_anchor", "anchor")}


@pytest.mark.parametrize(
    ("anchor", "rule"),
    [
        ("event", "anchor_incomplete"),
        ({"event": ""}, "anchor_incomplete"),
        ("bought", "unknown_anchor"),
        ({"ordered": "yes"}, "unknown_anchor"),
    ],
)
def test_an_anchor_is_known_and_complete(anchor, rule):
    assert faults_of(definition(anchor=anchor)) == {(rule, "anchor")}


def test_an_incomplete_anchor_is_told_how_to_be_written():
    faults = check(definition(anchor="event")).faults
    assert faults[0].message == "event needs to say which, like '{event: name}'"


def test_offsets_go_forward_and_not_beyond_the_calendar():
    assert faults_of(definition(steps=[STEP | {"offset_days": -1}])) == {("negative_offset", "steps[0].offset_days")}
    assert faults_of(definition(steps=[STEP | {"offset_days": 10**9}])) == {("out_of_range", "steps[0].offset_days")}
    assert faults_of(definition(look_back_days=10**9)) == {("out_of_range", "look_back_days")}
    assert faults_of(definition(hold_expires_after_days=-1)) == {("out_of_range", "hold_expires_after_days")}
    assert faults_of(definition(hold_expires_after_days=None)) == set()


def test_a_step_needs_content_only_when_its_scenario_is_enabled():
    without = [{"offset_days": 1}]
    assert faults_of(definition(steps=without)) == {("content_required", "steps[0].content")}
    assert faults_of(definition(steps=without, status="draft")) == set()
    assert faults_of(definition(steps=without, status="disabled")) == set()


def test_a_step_that_is_still_sent_while_its_scenario_drains_needs_content():
    drains = {"status": "disabled", "disable_mode": "drain"}
    assert faults_of(definition(steps=[{"offset_days": 1}], **drains)) == {("content_required", "steps[0].content")}
    assert faults_of(definition(steps=[STEP], **drains)) == set()


def test_a_target_does_not_count_from_the_anchor_that_it_decides():
    assert faults_of(definition(target={"frames": [products(1) | {"since": "anchor"}]})) == {
        ("since_not_allowed", "target.frames[0].since")
    }


def test_a_period_does_not_end_before_it_begins():
    assert faults_of(definition(period={"from": "2024-02-01", "to": "2024-01-31"})) == {("period_reversed", "period")}
    assert accepted(period={"from": "2024-02-01"}).period.first == date(2024, 2, 1)


def test_a_time_that_yaml_read_as_a_number_is_told_to_be_quoted():
    assert faults_of(definition(steps=[STEP | {"send_time": 720}])) == {("time_not_quoted", "steps[0].send_time")}


@pytest.mark.parametrize(
    ("written", "minutes"), [("6h", 360), ("90m", 90), ("1h30m", 90), ("2d", 2880), ("1d1m", 1441), (None, None)]
)
def test_how_late_a_message_may_go_is_a_length_of_time(written: str | None, minutes: int | None):
    assert accepted(max_lateness=written).max_lateness_minutes == minutes


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (6, "length_without_unit"),
        ("6", "not_a_length_of_time"),
        ("", "not_a_length_of_time"),
        ("soon", "not_a_length_of_time"),
        ("6 h", "not_a_length_of_time"),
        ("-6h", "not_a_length_of_time"),
        ("30m6h", "not_a_length_of_time"),
        ("６h", "not_a_length_of_time"),
        (True, "not_a_length_of_time"),
        (["6h"], "not_a_length_of_time"),
        ("0m", "out_of_range"),
        ("3651d", "out_of_range"),
        ("3650d1m", "out_of_range"),
    ],
)
def test_what_is_no_length_of_time_is_told_so(written: object, rule: str):
    assert faults_of(definition(max_lateness=written)) == {(rule, "max_lateness")}


@pytest.mark.parametrize(("written", "bound"), [("0m", "at least 1m"), ("3651d", "at most 3650d")])
def test_a_length_of_time_out_of_range_is_told_with_its_bound_as_one_writes_it(written: str, bound: str):
    (fault,) = check(definition(max_lateness=written)).faults
    assert bound in fault.message


def test_a_time_with_an_offset_is_no_local_time():
    assert faults_of(definition(steps=[STEP | {"send_time": "12:00+09:00"}])) == {
        ("time_not_local", "steps[0].send_time")
    }


@pytest.mark.parametrize("key", ["newsletter", "birth_month"])
def test_false_is_told_as_it_may_have_been_written(key):
    conditions = {"frames": [{"type": "member", "member": {key: False}}]}
    (told,) = check(definition(target=conditions), options=OPTIONS).faults
    assert told.message.startswith("false (as YAML reads no and off) is no ")


def test_a_misspelt_setting_is_a_fault_at_its_place():
    assert faults_of(definition(re_entry="never", steps=[STEP | {"sendtime": "12:00"}])) == {
        ("unknown_key", "re_entry"),
        ("unknown_key", "steps[0].sendtime"),
    }


@pytest.mark.parametrize("key", ["[key]", "<anchor>", "<product frame>"])
def test_an_unknown_key_that_is_a_word_of_the_library_underneath_is_told_like_any_other(key):
    assert faults_of(definition(**{key: None})) == {("unknown_key", key)}
    assert faults_of(definition(steps=[STEP | {key: 1}])) == {("unknown_key", f"steps[0].{key}")}


def test_all_faults_are_found_at_once():
    found = faults_of(
        definition(
            name="",
            anchor="member_registered",
            orders={"kind": "one_off"},
            target={"frames": [products(11), products(1)]},
            steps=[{"offset_days": 1, "send_time": "07:00"}, STEP | {"send_time": "23:00"}],
        )
    )
    assert found == {
        ("empty", "name"),
        ("order_filter_not_allowed", "orders.kind"),
        ("too_many_products", "target.frames[0].codes"),
        ("relation_required", "target.frames[1].relation"),
        ("outside_send_window", "steps[0].send_time"),
        ("content_required", "steps[0].content"),
        ("outside_send_window", "steps[1].send_time"),
    }


@pytest.mark.parametrize("nothing", [None, "scenario", 3, [], [definition()], True])
def test_what_is_no_mapping_is_one_fault(nothing):
    assert faults_of(nothing) == {("not_a_mapping", "scenario")}


def test_the_defaults_are_those_of_the_acceptance_cases():
    scenario = accepted()
    assert scenario.comes_from == "purchase_count"
    assert scenario.zero_means == "next_day"
    assert scenario.offset_basis == "anchor"
    assert (scenario.past_date_policy, scenario.past_time_today) == ("hold", "send_now")
    assert scenario.reentry == "never"
    assert scenario.rechecks_consent is True
    assert scenario.on_skip == "end"
    assert scenario.enrols_at == "first_step_due"
    assert (scenario.send_window.first, scenario.send_window.last) == (time(8), time(22))
    step = scenario.steps[0]
    assert (step.channel, step.send_time, step.state) == ("html_email", time(12), "enabled")


def test_the_source_decides_some_defaults():
    assert accepted(source="customer_analysis").rechecks_consent is False
    assert accepted(source="customer_analysis", consent_recheck=True).rechecks_consent is True
    assert accepted(source="segment").enrols_at == "anchor"
    assert accepted(source="event", enrol_at="first_step_due").enrols_at == "first_step_due"
    # a list's 0 days are the day of its import, whatever is set
    assert accepted(source="csv_list", zero_day="next_day").zero_means == "same_day"


def test_a_forced_stop_stops_every_step_below_it():
    stopped = STEP | {"state": "force_stopped"}
    assert accepted(steps=[STEP, STEP]).running_steps() == 2
    assert accepted(steps=[STEP, stopped, STEP]).running_steps() == 1
    assert accepted(steps=[stopped, STEP]).running_steps() == 0


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.times(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=12,
)
KNOWN = st.sampled_from(
    [
        "ordered",
        "event",
        "12:00",
        "12:00+09:00",
        "24:00",
        "2024-02-30",
        "enabled",
        "never",
        "product",
        "order",
        "",
        "駅伝",
    ]
)


@st.composite
def nearly_definitions(draw) -> Mapping[object, object]:
    """Definitions with some parts replaced by anything."""
    replaced = draw(
        st.dictionaries(
            st.sampled_from([*ScenarioDefinition.model_fields, "surprise"]), ANYTHING | KNOWN, min_size=1, max_size=4
        )
    )
    step = STEP | draw(
        st.dictionaries(st.sampled_from(["offset_days", "send_time", "channel", "content", "state"]), ANYTHING | KNOWN)
    )
    frame = products(1) | draw(
        st.dictionaries(st.sampled_from(["type", "codes", "count", "relation", "since"]), ANYTHING | KNOWN)
    )
    return definition(steps=[step], target={"frames": [frame, frame]}, **{}) | replaced


@settings(max_examples=150)
@given(ANYTHING | nearly_definitions())
def test_no_definition_makes_the_check_raise(anything):
    scenario, faults, *_ = check(anything)
    assert (scenario is None) == bool(faults)
    assert all(fault.rule and fault.place and fault.message for fault in faults)
