"""The scenarios that these tests ask about, as they would stand under `config.meta.scenario`.

Belongs here: definitions only. Does not belong here: what is expected of them.
"""

from collections.abc import Mapping
from typing import Any

STEP = {"offset_days": 3, "send_time": "12:00", "content": "sample/step_1"}

A = {"type": "product", "codes": ["A"]}
B = {"type": "product", "codes": ["B"]}
AWKWARD = "O'Brien $live$ \\ {駅伝}"
"""A product code with everything that could end a literal, a format string or a tag early."""


def scenario(*target: Mapping[str, Any], anchor: object = "ordered", **settings: Any) -> dict[str, Any]:
    """Return an enabled scenario with one step after 3 days."""
    definition: dict[str, Any] = {"status": "enabled", "anchor": anchor, "steps": [STEP], **settings}
    if target:
        definition["target"] = {"frames": list(target), **settings.get("target", {})}
    return definition


SCENARIOS: Mapping[str, dict[str, Any]] = {
    "bought_a": scenario(A),
    "twice": scenario({**A, "count": {"op": "gte", "n": 2}}, name="二回目のお客様", reentry="per_anchor"),
    "a_not_b": scenario(A, {**B, "relation": "not"}, reentry="after_exit"),
    "excluded": scenario(A, exclusion={"frames": [B]}, target={"active_subscriber": "exclude"}),
    "stopped_by_b": scenario(A, stop={"frames": [B]}, look_back_days=2),
    "third_deliveries": scenario(
        A, orders={"kind": "subscription", "continuation_no": 3, "period": {"from": "2026-03-01"}}
    ),
    "paid": scenario(A, anchor="paid"),
    "paid_since": scenario(A, anchor="paid", start="2026-01-01"),
    "welcome": scenario(
        {**B, "relation": "not"}, anchor="member_registered", period={"from": "2026-03-01", "to": "2026-03-10"}
    ),
    "viewed": scenario(anchor={"event": "viewed"}, source="event"),
    "lapsed": scenario(anchor={"entered": "lapsed_90_days"}, stop={"frames": [{"type": "order"}]}, source="segment"),
    "awkward": scenario({"type": "product", "codes": [AWKWARD]}, stop={"frames": [{**A, "codes": [AWKWARD]}]}),
    "in_one_order": scenario(
        A, {**B, "relation": "and"}, target={"and_scope": "same_order"}, count_excludes_status=["returned"]
    ),
    "a_draft": scenario(A, status="draft"),
    "disabled": scenario(A, status="disabled"),
    "recent": scenario({**A, "within_days": 5}, past_date_policy="skip"),
    "broken": scenario(A, steps=[]),
}

SEGMENTS = {"lapsed": ["lapsed_90_days"]}
"""What a scenario's model must name besides its definition."""

BY_HAND = "by_hand"
"""A scenario whose SQL is its author's own."""

BY_HAND_SQL = """
select
    customer_id,
    'ordered'::text as anchor_kind,
    order_id as anchor_key,
    ordered_at as anchor_at,
    ordered_on as anchor_date,
    tstzmultirange(tstzrange(ordered_at, null)) as entry_during,
    '{}'::tstzmultirange as stop_during
from {{ ref('orders') }}
where order_id like 'once%'
"""
