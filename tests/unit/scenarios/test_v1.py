"""Every row of the table V1 of the acceptance cases, each with what is just right beside what is wrong."""

from datetime import time
from typing import Any

import pytest

from ekiden.scenarios.definition import OPTIONS, Checked, check

STEP = {"offset_days": 3, "content": "sample/step_1"}
ORDERS = {"period": {"from": "2025-01-01"}}


def checked(options: frozenset[str] = OPTIONS, batch: time | None = None, **changes: Any) -> Checked:
    least = {"code": "c", "name": "n", "status": "enabled", "anchor": "ordered", "steps": [STEP]}
    return check(least | changes, options=options, batch_time=batch)


def rules(options: frozenset[str] = OPTIONS, **changes: Any) -> set[str]:
    return {fault.rule for fault in checked(options, **changes).faults}


def products(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "product", "codes": [f"P{n}" for n in range(number)], **more}


def categories(number: int) -> dict[str, Any]:
    return {"type": "category", "codes": [f"C{n}" for n in range(number)]}


def member(**conditions: Any) -> dict[str, Any]:
    return {"frames": [{"type": "member", "member": conditions}]}


@pytest.mark.parametrize(
    ("row", "right", "wrong", "rule"),
    [
        ("V1-1", {"steps": [STEP] * 10}, {"steps": [STEP] * 11}, "too_many_steps"),
        ("V1-2", {"target": {"frames": [products(10)]}}, {"target": {"frames": [products(11)]}}, "too_many_products"),
        ("V1-3", {"stop": {"frames": [categories(5)]}}, {"stop": {"frames": [categories(6)]}}, "too_many_categories"),
        (
            "V1-4",
            {"stop": {"frames": [products(1, relation="or")] * 99}},
            {"stop": {"frames": [products(1, relation="or")] * 100}},
            "too_many_frames",
        ),
        (
            "V1-5",
            {"target": {"frames": [products(1), products(1, relation="or")]}},
            {"target": {"frames": [products(1), products(1)]}},
            "relation_required",
        ),
        (
            "V1-6",
            {"target": {"frames": [products(1, count={"op": "gte", "n": 2})]}},
            {"target": {"frames": [{"type": "member", "member": {"gender": "male"}, "count": {"op": "gte", "n": 2}}]}},
            "count_not_allowed",
        ),
        *(
            (f"V1-8, V1-9 {right}", {"anchor": right, "orders": ORDERS}, {"anchor": wrong, "orders": ORDERS}, rule)
            for rule in ["order_period_not_allowed"]
            for right, wrong in [
                ("ordered", "member_registered"),
                ("paid", {"tag_granted": "vip"}),
                ("shipped", "subscription_cancelled"),
                ("desired_delivery", {"entered": "s"}),
                ({"nth_purchase": {"n": 2, "products": ["A"]}}, {"event": "viewed"}),
            ]
        ),
        ("V1-10", {"steps": [STEP | {"send_time": "08:00"}]}, {"steps": [STEP | {"send_time": "07:59"}]}, None),
        ("V1-10", {"steps": [STEP | {"send_time": "22:00"}]}, {"steps": [STEP | {"send_time": "22:01"}]}, None),
        ("V1-13", {"anchor": "paid"}, {"anchor": ["paid", "ordered"]}, "exactly_one_anchor"),
        ("V1-13", {"anchor": {"event": "a"}}, {"anchor": {"event": "a", "entered": "b"}}, "exactly_one_anchor"),
        ("V1-14", {"steps": [STEP | {"offset_days": 0}]}, {"steps": [STEP | {"offset_days": -1}]}, "negative_offset"),
        (
            "V1-14",
            {"steps": [{"offset_days": 1}], "status": "draft"},
            {"steps": [{"offset_days": 1}]},
            "content_required",
        ),
        *(
            ("V1-15", {"target": member(birth_month=right)}, {"target": member(birth_month=wrong)}, rule)
            for rule in ["unknown_birth_month"]
            for right, wrong in [(1, 0), (12, 13), ([1, 12], [1, 13])]
        ),
        *(
            ("V1-15", {"stop": member(newsletter=right)}, {"stop": member(newsletter="text")}, rule)
            for rule in ["unknown_newsletter_class"]
            for right in ["any", "both", "pc", "mobile", "none", ["pc", "mobile"]]
        ),
    ],
)
def test_what_is_just_right_is_accepted_and_what_is_just_wrong_is_named(row, right, wrong, rule):
    assert rules(**right) == set(), row
    assert rules(**wrong) == {rule or "outside_send_window"}, row


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("member_tag", {"anchor": {"tag_granted": "vip"}}),
        ("member_tag", {"target": member(tag=["vip"])}),
        ("member_rank", {"stop": member(rank=["gold"])}),
        ("cancel_reason", {"anchor": {"subscription_cancelled": {"reasons": ["too dear"]}}}),
        ("cancel_reason", {"exclusion": {"frames": [{"type": "subscription_cancelled", "reasons": ["too dear"]}]}}),
    ],
)
def test_v1_12_what_a_shop_must_have_is_refused_where_it_has_not(option, changes):
    assert rules(OPTIONS - {option}, **changes) == {"option_not_enabled"}
    assert rules(frozenset({option}), **changes) == set()


@pytest.mark.parametrize("channel", ["line", "sms", "web_push"])
def test_v1_12_a_channel_is_refused_without_its_option_and_sent_with_it(channel):
    steps = [STEP | {"channel": channel}]
    assert rules(frozenset(), steps=steps) == {"option_not_enabled"}
    assert rules(frozenset({channel}), steps=steps) == set()


def test_v1_11_a_step_before_the_batch_is_a_warning():
    steps = [STEP | {"send_time": "08:59"}, STEP | {"send_time": "09:00"}]
    result = checked(batch=time(9), steps=steps)
    assert result.scenario is not None
    assert [(warning.rule, warning.place) for warning in result.warnings] == [("sends_at_batch", "steps[0].send_time")]


def test_v1_11_midnight_says_with_the_days_plan_and_is_no_warning():
    result = checked(batch=time(9), send_window=None, steps=[STEP | {"send_time": "00:00"}])
    assert result.scenario is not None
    assert result.warnings == ()
