"""What is probably not meant: a warning, or a fault where nobody could mean it."""

import pytest

from tests.unit.scenarios.checking import PRODUCT, STEP, checked, faults, frame, member, message


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"on_retrigger": "restart"}, "setting_without_effect", "on_retrigger"),
        ({"priority": 1}, "setting_without_effect", "priority"),
        (
            {"anchor": "member_registered", "recheck_order_status": True},
            "setting_without_effect",
            "recheck_order_status",
        ),
        ({"steps": [STEP, STEP | {"offset_days": 2}]}, "step_before_previous", "steps[1].offset_days"),
        ({"target": frame("product", codes=["A", "B", "A"])}, "code_repeated", "target.frames[0].codes"),
        ({"orders": {"products": ["A", "A"]}}, "code_repeated", "orders.products"),
        (
            {"anchor": {"nth_purchase": {"n": 2, "products": ["A", "A"]}}},
            "code_repeated",
            "anchor.nth_purchase.products",
        ),
        (
            {"anchor": {"subscription_cancelled": {"reasons": ["A", "A"]}}},
            "code_repeated",
            "anchor.subscription_cancelled.reasons",
        ),
        ({"stop": member(tag=["A", "A"])}, "code_repeated", "stop.frames[0].member.tag"),
        ({"stop": member(birth_month=[1, 1])}, "code_repeated", "stop.frames[0].member.birth_month"),
        (
            {"stop": member(custom={"size": {"in": [1, True, 1]}})},
            "code_repeated",
            "stop.frames[0].member.custom.size.in",
        ),
        ({"target": frame("order", relation="and")}, "setting_without_effect", "target.frames[0].relation"),
        ({"stop": frame("order", relation="or")}, "setting_without_effect", "stop.frames[0].relation"),
        (
            {"recheck_order_status": True, "excluded_order_statuses": []},
            "setting_without_effect",
            "recheck_order_status",
        ),
        ({"orders": {"kind": "one_off", "continuation_no": 2}}, "nobody_fits", "orders.continuation_no"),
        *(
            ({"target": {"and_scope": "same_order", **one}}, "setting_without_effect", "target.and_scope")
            for one in (
                {},
                frame("product", codes=["A"]),
                {"frames": [{"type": "order"}, {"type": "product", "codes": ["A"], "relation": "and"}]},
                {"frames": [PRODUCT, PRODUCT | {"relation": "or"}]},
                {"frames": [PRODUCT | {"relation": "not"}, PRODUCT | {"relation": "and"}]},
            )
        ),
        # which joins nothing: the two are a run all the same
        (
            {
                "target": {
                    "and_scope": "same_order",
                    "frames": [PRODUCT | {"relation": "or"}, PRODUCT | {"relation": "and"}],
                }
            },
            "setting_without_effect",
            "target.frames[0].relation",
        ),
        (
            {"stop": frame("list", codes=["l"]), "count_excludes_status": []},
            "setting_without_effect",
            "count_excludes_status",
        ),
        (
            {"stop": frame("order"), "count_excludes_status": ["returned", "returned"]},
            "code_repeated",
            "count_excludes_status",
        ),
        ({"source": "csv_list"}, "source_against_anchor", "source"),
        ({"anchor": {"list_imported": "spring"}, "source": "segment"}, "source_against_anchor", "source"),
        ({"anchor": {"list_imported": "spring"}, "zero_day": "next_day"}, "setting_without_effect", "zero_day"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(changes, rule, place):
    result = checked(**changes)
    assert result.faults == ()
    assert [(warning.rule, warning.place) for warning in result.warnings] == [(rule, place)]


@pytest.mark.parametrize(
    "changes",
    [
        # both are due on the day after the anchor
        {"steps": [STEP | {"offset_days": 1}, STEP | {"offset_days": 0}]},
        {"zero_day": "same_day", "steps": [STEP | {"offset_days": 0}, STEP | {"offset_days": 1}]},
    ],
)
def test_steps_that_are_due_on_the_same_day_or_later_draw_no_warning(changes):
    assert checked(**changes).warnings == ()


def test_a_step_of_0_days_is_told_by_the_day_it_is_due():
    steps = [STEP, STEP | {"offset_days": 0}]
    (warning,) = checked(steps=steps).warnings
    assert warning.message.startswith("step 2 is due 1 days after the anchor, before step 1 (3 days)")
    (warning,) = checked(steps=[STEP | {"offset_days": 1}, steps[1]], zero_day="same_day").warnings
    assert warning.message.startswith("step 2 is due 0 days after the anchor, before step 1 (1 days)")


LAPSED = {"type": "member", "member": {"last_ordered_days_ago": {"from": 30, "to": 60}}}


@pytest.mark.parametrize("anchor", ["ordered", "paid", "shipped", {"nth_purchase": {"n": 2, "products": ["A"]}}])
def test_days_since_the_last_order_never_fit_an_anchor_that_is_that_order(anchor):
    (warning,) = checked(anchor=anchor, target={"frames": [PRODUCT, LAPSED | {"relation": "and"}]}).warnings
    assert (warning.rule, warning.place) == (
        "nobody_fits",
        "target.frames[1].member.last_ordered_days_ago.from",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"anchor": "member_registered", "target": {"frames": [LAPSED]}},
        {"anchor": {"entered": "lapsed"}, "target": {"frames": [LAPSED]}},
        {"target": member(last_ordered_days_ago={"from": 0, "to": 60})},
        {"target": member(last_ordered_days_ago={"to": 60})},
        {"target": {"frames": [LAPSED | {"relation": "not"}]}},
        {"target": {"frames": [PRODUCT, LAPSED | {"relation": "not"}]}},
        {"target": {"frames": [PRODUCT, LAPSED | {"relation": "or"}]}},
        {"target": {"frames": [LAPSED, PRODUCT | {"relation": "and"}, PRODUCT | {"relation": "or"}]}},
        # an order that was cancelled at an unknown time is an anchor here, and never the last that counts
        {"target": {"frames": [LAPSED]}, "excluded_order_statuses": []},
        {"target": {"frames": [LAPSED]}, "excluded_order_statuses": ["returned"]},
        {"exclusion": {"frames": [LAPSED]}},
        {"stop": {"frames": [LAPSED]}},
    ],
)
def test_days_since_the_last_order_that_somebody_can_fit_draw_no_warning(changes):
    assert "nobody_fits" not in {warning.rule for warning in checked(**changes).warnings}


def test_a_scenario_that_uses_no_address_is_a_fault():
    assert faults(address_policy={"use_1": False, "use_2": False}) == {("no_address_left", "address_policy")}
    assert faults(address_policy={"use_1": False}) == set()
    assert faults(address_policy=None) == {("wrong_type", "address_policy")}
    assert faults(address_policy={"use_1": 1}) == {("wrong_type", "address_policy.use_1")}
    assert "perhaps mobile" in message(address_policy={"preferred_domain": "mobil"})


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"address_policy": {"use_2": False, "preferred_domain": "pc"}}, "address_policy.preferred_domain"),
        ({"address_policy": {"use_2": False}, "steps": [STEP | {"channel": "dm"}]}, "address_policy"),
        ({"variant_by_domain": False, "steps": [STEP | {"channel": "sms"}]}, "variant_by_domain"),
    ],
)
def test_addresses_that_nothing_chooses_between_are_a_warning(changes, place):
    assert [(warning.rule, warning.place) for warning in checked(**changes).warnings] == [
        ("setting_without_effect", place)
    ]


def test_a_first_frame_that_is_negated_is_no_slip():
    assert checked(target=frame("order", relation="not")).warnings == ()
