"""The scenarios of these tests, as they would stand under `config.meta.scenario`; each looks at one rule.

Belongs here: definitions only. Does not belong here: what is expected of them.
"""

from collections.abc import Mapping
from typing import Any

from tests.integration.warehouse.facts import AWKWARD, OWN, SITE

A = {"type": "product", "codes": ["A"]}
B = {"type": "product", "codes": ["B"]}
C = {"type": "product", "codes": ["C"]}
ANY_A = ["A", "A of another size"]


def _scenario(*target: Mapping[str, Any], anchor: object = "ordered", **settings: Any) -> dict[str, Any]:
    definition: dict[str, Any] = {"anchor": anchor, **settings}
    if target:
        definition["target"] = {"frames": list(target), **settings.get("target", {})}
    return definition


def _member(*target: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario from the registration on: its only anchor stands since then, and the entry shows the frames' spans."""
    return _scenario(*target, anchor="member_registered")


def _count(frame: Mapping[str, Any], op: str, n: int) -> dict[str, Any]:
    return {**frame, "count": {"op": op, "n": n}}


def _related(frame: Mapping[str, Any], relation: str) -> dict[str, Any]:
    return {**frame, "relation": relation}


SCENARIOS: Mapping[str, dict[str, Any]] = {
    "bought_a": _scenario(A),
    "exactly_two": _scenario(_count(A, "eq", 2)),
    "two_or_more": _scenario(_count(A, "gte", 2)),
    "at_most_two": _scenario(_count(A, "lte", 2)),
    "at_most_four_of_the_members": _scenario(_count(A, "lte", 4), anchor="member_registered"),
    "one_order_of_the_category": _scenario(_count({"type": "category", "codes": ["K", "L"]}, "eq", 1)),
    "a_and_b": _scenario(A, _related(B, "and")),
    "a_or_b_and_c": _scenario(A, _related(B, "or"), _related(C, "and")),
    "a_not_b": _scenario(A, _related(B, "not")),
    "members_without_b": _scenario(_related(B, "not"), anchor="member_registered"),
    "excluded_by_b": _scenario(A, exclusion={"frames": [B]}),
    "without_subscribers": _scenario(A, target={"active_subscriber": "exclude"}),
    "stopped_by_b": _scenario(A, stop={"frames": [B]}),
    "stopped_by_b_of_any_time": _scenario(A, stop={"frames": [{**B, "since": "all_time"}]}),
    "stopped_by_the_second_a": _scenario(A, stop={"frames": [_count(A, "gte", 2)]}),
    "b_after_the_anchor": _scenario(anchor="member_registered", target={"frames": [{**B, "since": "anchor"}]}),
    "third_deliveries": _scenario(A, orders={"kind": "subscription", "continuation_no": 3}),
    "orders_of_a_period": _scenario(A, orders={"period": {"from": "2026-03-03", "to": "2026-03-03"}}),
    "paid": _scenario(A, anchor="paid"),
    "shipped": _scenario(A, anchor="shipped"),
    "wanted": _scenario(A, anchor="desired_delivery"),
    "lapsed": _scenario(anchor={"entered": "lapsed_90_days"}, stop={"frames": [{"type": "order"}]}),
    "viewed": _scenario(anchor={"event": "page_view"}),
    "tagged": _scenario(anchor={"tag_granted": "会員"}),
    "listed": _scenario(anchor={"list_imported": "spring"}),
    "awkward": _scenario(
        _count({"type": "product", "codes": [AWKWARD]}, "eq", 1),
        stop={"frames": [{"type": "product", "codes": [AWKWARD]}]},
    ),
    # anchors
    "subscription_ended": _scenario(anchor="subscription_cancelled"),
    "subscription_to_a_ended": _scenario(anchor={"subscription_cancelled": {"products": ["A"]}}),
    "subscription_ended_for_taste": _scenario(anchor={"subscription_cancelled": {"reasons": ["had enough"]}}),
    "first_of_a": _scenario(anchor={"nth_purchase": {"n": 1, "products": ANY_A}}),
    "second_of_a": _scenario(anchor={"nth_purchase": {"n": 2, "products": ANY_A}}),
    "second_of_a_of_the_site": _scenario(anchor={"nth_purchase": {"n": 2, "products": ANY_A}}, site=SITE),
    "orders_of_the_site": _scenario(site=SITE),
    "members_of_the_site": _scenario(anchor="member_registered", site=SITE),
    "orders_from_the_start": _scenario(start="2026-03-03"),
    "lapsed_at_the_start": _scenario(anchor={"entered": "lapsed_90_days"}, start="2026-06-10"),
    "became_a_vip": _scenario(anchor={"entered": "vips"}),
    "vip_at_the_start": _scenario(anchor={"entered": "vips"}, start="2026-03-05"),
    "orders_with_a_and_b": _scenario(orders={"products": ["B", "C"], "categories": ["K"]}),
    "unless_returned": _scenario(excluded_order_statuses=["returned"]),
    "whatever_becomes_of_it": _scenario(excluded_order_statuses=[]),
    "stopped_by_a_cancellation": _scenario(recheck_order_status=True),
    "stopped_by_a_return": _scenario(recheck_order_status=True, excluded_order_statuses=["cancelled", "returned"]),
    # frames
    "bought_something_else": _member({"type": "product", "other_than": ["A"]}),
    "a_with_b": _scenario(A, _related(B, "and"), target={"and_scope": "same_order"}),
    "a_and_b_in_one": _scenario(A, _related(B, "and"), anchor="member_registered", target={"and_scope": "same_order"}),
    "whatever_became_of_two": _member(_count(A, "gte", 2)) | {"count_excludes_status": []},
    "what_was_not_returned": _member(_count(A, "gte", 1)) | {"count_excludes_status": ["returned"]},
    "second_of_a_that_stays": _scenario(
        anchor={"nth_purchase": {"n": 2, "products": ANY_A}}, count_excludes_status=["cancelled", "returned"]
    ),
    "bought_today": _member({**A, "within_days": 0}),
    "bought_lately": _member({**A, "within_days": 2}),
    "two_in_two_days": _member(_count({**A, "within_days": 1}, "eq", 2)),
    "viewed_b": _member({"type": "event", "codes": ["page_view"], "products": ["B"]}),
    "viewed_twice": _member(_count({"type": "event", "codes": ["page_view", "cart"]}, "gte", 2)),
    "ended_a": _member({"type": "subscription_cancelled", "codes": ["A"]}),
    "ended_for_a_reason": _member({"type": "subscription_cancelled", "reasons": ["had enough"], "within_days": 0}),
    OWN: _member({"type": "scenario"}),
    "after_that_scenario": _member({"type": "scenario", "codes": ["another", "removed"]}),
    "in_a_segment": _member({"type": "segment", "codes": ["vips", "first_week"]}),
    "on_the_list": _member({"type": "list", "codes": ["spring", "autumn"]}),
    "stopped_by_an_order": _scenario(stop={"frames": [{"type": "order"}]}),
    "stopped_by_an_order_of_the_day": _scenario(stop={"frames": [{"type": "order", "within_days": 0}]}),
    "stopped_by_the_second_after_it": _scenario(
        stop={"frames": [{**_count({"type": "order"}, "gte", 2), "since": "anchor"}]}
    ),
    "stopped_by_a_segment": _scenario(
        anchor="member_registered", stop={"frames": [{"type": "list", "codes": ["spring"]}]}
    ),
} | {
    f"member_{name}": _member({"type": "member", "member": attributes})
    for name, attributes in {
        "address": {"address": {"contains": "0%"}, "postal_code": {"equals": "1000001"}},
        "another_address": {"address": {"contains": "%千代田"}},
        "gender": {"gender": "female"},
        "registered": {"registered_on": {"from": "2026-03-01", "to": "2026-03-01"}},
        "birth_date": {"birth_date": {"to": "1996-02-29"}},
        "birth_month": {"birth_month": [2, 12]},
        "logged_in": {"last_login_on": {"from": "2026-03-03", "to": "2026-03-03"}},
        "logged_in_lately": {"last_login_days_ago": {"from": 1, "to": 2}},
        "custom": {"custom": {"size": "L", "vip": True, "points": {"from": 12.5, "to": 12.5}}},
        "custom_in": {"custom": {"size": {"in": ["M", "L"], "contains": "L"}, "since": {"to": "2020-05-01"}}},
        "other_custom": {"custom": {"size": {"from": 1}}},
        "custom_digits": {"custom": {"digits": {"from": 0, "to": 1}}},
        "newsletter_pc": {"newsletter": "pc"},
        "newsletter_both": {"newsletter": ["both", "none"]},
        "any_newsletter": {"newsletter": "any", "gender": "female"},
        "rank": {"rank": ["gold", "silver"]},
        "gold_reader": {"rank": "gold", "newsletter": ["both", "pc"], "gender": "female"},
        "tag": {"tag": ["会員"]},
        "thirty": {"age": {"from": 30, "to": 30}},
        "under_thirty": {"age": {"to": 29}},
        "over_thirty": {"age": {"from": 31}},
        "birthday": {"birthday": {}},
        "around_the_birthday": {"birthday": {"days_before": 1, "days_after": 2}},
        "last_ordered": {"last_ordered_on": {"from": "2026-03-03", "to": "2026-03-03"}},
        "last_ordered_by": {"last_ordered_on": {"to": "2026-03-03"}},
        "first_ordered": {"first_ordered_on": {"from": "2026-03-03", "to": "2026-03-03"}},
        "first_ordered_by": {"first_ordered_on": {"to": "2026-03-02"}},
        "ordered_lately": {"last_ordered_days_ago": {"from": 1, "to": 5}},
        "ordered_today": {"last_ordered_days_ago": {"to": 0}},
        "ordered_long_ago": {"last_ordered_days_ago": {"from": 3}},
    }.items()
}

BROKEN: Mapping[str, tuple[dict[str, Any], str]] = {
    "an_unknown_type": (_scenario({"type": "weather"}), "frame 1 of target: type 'weather'"),
    "no_code": (_scenario(A, {"type": "product", "relation": "or"}), "frame 2 of target: a product frame needs"),
    "no_relation": (_scenario(A, B), "frame 2 of target: relation"),
    "an_unknown_count": (_scenario(stop={"frames": [_count(A, "more", 1)]}), "frame 1 of stop: count.op 'more'"),
    "an_unknown_scope": (
        _scenario(stop={"and_scope": "order", "frames": [A]}),
        "stop: and_scope 'order' is not known; known: customer, same_order",
    ),
    "an_unknown_status": (
        _scenario(A, count_excludes_status=["lost"]),
        "count_excludes_status 'lost' is not known; known: cancelled, returned",
    ),
    "a_count_of_none": (_scenario(_count(A, "lte", 0)), "frame 1 of target: count.n"),
    "a_count_of_members": (
        _scenario(_count({"type": "list", "codes": ["spring"]}, "gte", 2)),
        "frame 1 of target: count_not_allowed",
    ),
    "an_unknown_attribute": (
        _scenario(exclusion={"frames": [{"type": "member", "member": {"height": 3}}]}),
        "frame 1 of exclusion: the key of member 'height'",
    ),
    "a_range_without_ends": (
        _scenario({"type": "member", "member": {"age": {"from": None}}}),
        "frame 1 of target: age needs from, to or both",
    ),
    "a_range_the_wrong_way": (
        _scenario({"type": "member", "member": {"last_ordered_days_ago": {"from": 5, "to": 1}}}),
        "frame 1 of target: last_ordered_days_ago ends before it begins",
    ),
    "an_unknown_segment": (
        _scenario({"type": "segment", "codes": ["nobody"]}),
        "segment 'nobody'",
    ),
    "an_unnamed_segment": (_scenario(anchor={"entered": "vips"}), "eligibility(segments=['vips'])"),
    "an_unknown_anchor": (_scenario(anchor="full_moon"), "anchor: 'full_moon' is not known"),
    "two_anchors": (_scenario(anchor={"event": "x", "tag_granted": "y"}), "anchor: there must be exactly one"),
    "a_zeroth_purchase": (_scenario(anchor={"nth_purchase": {"n": 0, "products": ["A"]}}), "anchor: nth_purchase.n"),
    "orders_of_no_order": (_scenario(anchor="member_registered", orders={"kind": "one_off"}), "'orders' filters"),
    "an_unknown_filter": (_scenario(orders={"colour": "red"}), "orders: the key of orders 'colour'"),
}
"""Definitions that must not compile, and what the compiler must say besides the scenario's code."""

SEGMENT_MODELS = {
    "vips": "select 'vip'::text as customer_id",
    "first_week": "select 'once'::text as customer_id,"
    " '{[2026-03-04 12:00+09,2026-03-08 12:00+09)}'::tstzmultirange as valid",
}
"""Segments of the tests: one that keeps no spans of membership, and one that does."""

SEGMENTS = {
    "lapsed": ["lapsed_90_days"],
    "lapsed_at_the_start": ["lapsed_90_days"],
    "became_a_vip": ["vips"],
    "vip_at_the_start": ["vips"],
    "in_a_segment": ["vips", "first_week"],
}
"""What a scenario's model must name besides its definition."""

BY_HAND = "broken_by_hand"
"""A model whose SQL is its author's own, and breaks the contract in both ways."""

BY_HAND_SQL = """
select
    customer_id,
    'ordered'::text as anchor_kind,
    'the same for all'::text as anchor_key,
    ordered_at as anchor_at,
    ordered_on as anchor_date,
    tstzmultirange(tstzrange(ordered_at - interval '1 day', null)) as entry_during,
    '{}'::tstzmultirange as stop_during
from {{ ref('orders') }}
where customer_id in ('once', 'c_after')
"""
