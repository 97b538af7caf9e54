"""Scenarios that read every kind of fact, as they would stand under `config.meta.scenario`, and models written by hand.

Belongs here: definitions only. Does not belong here: facts (`history`).
"""

from collections.abc import Mapping
from typing import Any

SEGMENT = "lapsed_90_days"
COMPARING = "biggest_spenders"

ANY_ORDER = {"type": "order"}
A = {"type": "product", "codes": ["A"]}


def _frames(*frames: Mapping[str, Any]) -> dict[str, Any]:
    return {"frames": [{"relation": "and", **frame} if number else frame for number, frame in enumerate(frames)]}


SCENARIOS: Mapping[str, dict[str, Any]] = {
    "bought_a_once": {
        "anchor": "ordered",
        "target": _frames({**A, "count": {"op": "eq", "n": 1}}),
        "stop": _frames(ANY_ORDER),
    },
    "paid_of_a_category": {
        "anchor": "paid",
        "target": {**_frames({"type": "category", "codes": ["K"]}), "active_subscriber": "exclude"},
        "exclusion": _frames({"type": "event", "codes": ["viewed", "opened"], "within_days": 5}),
    },
    "lapsed": {
        "anchor": {"entered": SEGMENT},
        "stop": _frames(ANY_ORDER, {"type": "subscription_cancelled", "relation": "or"}),
    },
    "members": {
        "anchor": "member_registered",
        "target": _frames(
            {
                "type": "member",
                "member": {"newsletter": ["both", "pc"], "last_ordered_days_ago": {"from": 3, "to": 40}},
            },
            {"type": "segment", "codes": [SEGMENT], "relation": "not"},
        ),
        "stop": _frames({"type": "list", "codes": ["spring"]}),
    },
    "tagged": {
        "anchor": {"tag_granted": "vip"},
        "target": _frames({"type": "member", "member": {"rank": ["gold"]}}),
        "stop": _frames({**ANY_ORDER, "count": {"op": "gte", "n": 2}, "since": "anchor"}),
    },
    "second_of_a_or_b": {"anchor": {"nth_purchase": {"n": 2, "products": ["A", "B"]}}},
    "listed": {"anchor": {"list_imported": "spring"}, "exclusion": _frames({"type": "scenario"})},
}
SEGMENTS_READ = {"lapsed": [SEGMENT], "members": [SEGMENT], "spent_most": [COMPARING]}

COMPARING_SQL = """
select customer_id, tstzmultirange(tstzrange(min(ordered_at), null)) as valid
from {{ ref('stg_orders') }}
group by customer_id
having sum(amount) >= (select avg(amount) from {{ ref('stg_orders') }})
"""

SELECT = """
select
    customer_id::text as customer_id,
    'ordered'::text as anchor_kind,
    order_id::text as anchor_key,
    ordered_at::timestamptz as anchor_at,
    ordered_on::date as anchor_date,
    tstzmultirange(counts_during)::tstzmultirange as entry_during,
    '{}'::tstzmultirange as stop_during
"""
BY_HAND: dict[str, str] = {
    # nothing tells whose rows depend on whose facts
    "by_hand": f"{SELECT} from {{{{ ref('stg_orders') }}}}",
    "by_hand_and_followed": f"{SELECT} from {{{{ facts_read('orders', ref('stg_orders')) }}}}",
}
FOLLOWED = [
    *("marts.orders", "marts.customers", "eligibility.by_hand_and_followed"),
    *(f"eligibility.{name}" for name in SCENARIOS),
]
"""The tables of which a build computes only the changed customers' rows."""
WHOLE = ["eligibility.by_hand", "eligibility.spent_most"]
"""Those of which it cannot."""
