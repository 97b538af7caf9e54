"""The scenarios of these tests, as they would stand under `config.meta.scenario`; each looks at one rule.

Belongs here: definitions only. Does not belong here: what is expected of them.
"""

from collections.abc import Mapping
from typing import Any

from tests.integration.warehouse.facts import AWKWARD

A = {"type": "product", "codes": ["A"]}
B = {"type": "product", "codes": ["B"]}
C = {"type": "product", "codes": ["C"]}


def _scenario(*target: Mapping[str, Any], anchor: object = "ordered", **settings: Any) -> dict[str, Any]:
    definition: dict[str, Any] = {"anchor": anchor, **settings}
    if target:
        definition["target"] = {"frames": list(target), **settings.get("target", {})}
    return definition


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
}

SEGMENTS = {"lapsed": ["lapsed_90_days"]}
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
