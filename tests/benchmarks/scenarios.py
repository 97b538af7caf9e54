"""The scenarios of the benchmarks: twenty that mix anchors and conditions as a shop of this size would, and the drips.

Belongs here: definitions only, as they stand under `config.meta.scenario`. Does not belong here: facts (`shop`).
"""

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.shop import category, product
from tests.benchmarks.shop_tables import PRODUCTS

Definition = dict[str, Any]
SEGMENT = "lapsed_90_days"
ANY_ORDER = {"type": "order"}


def twenty(shift: int = 0) -> dict[str, Definition]:
    """Return the twenty scenarios by model name; with a `shift`, the same about less popular products."""

    def products(*ranks: int) -> list[str]:
        return [product((rank + shift - 1) % PRODUCTS + 1) for rank in ranks]

    def bought(*ranks: int, **settings: Any) -> dict[str, Any]:
        return {"type": "product", "codes": products(*ranks), **settings}

    def of_category(*numbers: int, **settings: Any) -> dict[str, Any]:
        return {"type": "category", "codes": [category((n + shift - 1) % 50 + 1) for n in numbers], **settings}

    definitions = {
        "first_order": _scenario(_counted(ANY_ORDER, "eq", 1), stop=[ANY_ORDER]),
        "refill_of_the_favourite": _scenario(bought(1), stop=[bought(1)]),
        "cross_sell": _scenario(bought(2), exclusion=[bought(3, 4, 5)], stop=[bought(3, 4, 5)]),
        "second_of_a_category": _scenario(_counted(of_category(1), "eq", 2), stop=[of_category(1)]),
        "up_to_four": _scenario(
            _counted(bought(10, 11, 12), "lte", 4), exclusion=[_counted(ANY_ORDER, "gte", 20)], stop=[bought(13)]
        ),
        "shipped_once": _scenario(of_category(5), anchor="shipped", orders={"kind": "one_off"}, stop=[ANY_ORDER]),
        "paid": _scenario(
            bought(7, 8), anchor="paid", orders={"period": {"from": "2025-07-01"}}, stop=[bought(9, since="all_time")]
        ),
        "delivered_without_the_other": _scenario(
            bought(20), bought(21, relation="or"), bought(22, relation="not"), anchor="desired_delivery"
        ),
        "third_delivery": _scenario(
            anchor="ordered",
            orders={"kind": "subscription", "continuation_no": 3},
            stop=[{"type": "subscription_cancelled"}],
        ),
        "welcome": _scenario(
            {**ANY_ORDER, "relation": "not"}, anchor="member_registered", stop=[{**ANY_ORDER, "since": "all_time"}]
        ),
        "win_back": _scenario(anchor={"entered": SEGMENT}, source="segment", stop=[ANY_ORDER]),
        "second_of_ten": _scenario(
            anchor={"nth_purchase": {"n": 2, "products": products(*range(1, 11))}}, active_subscriber="exclude"
        ),
        "viewed_and_left": _scenario(
            anchor={"event": "viewed"}, source="event", exclusion=[{**ANY_ORDER, "within_days": 30}], stop=[ANY_ORDER]
        ),
        "cart_recovery": _scenario(
            anchor={"event": "carted"},
            source="event",
            exclusion=[_counted({"type": "event", "codes": ["carted"], "within_days": 30}, "gte", 3)],
            stop=[{**ANY_ORDER, "since": "anchor"}],
        ),
        "cancelled_subscription": _scenario(
            anchor="subscription_cancelled", source="subscription_cancel", stop=[bought(1, 2)]
        ),
        "women_in_their_thirties": _scenario(
            bought(3),
            {"type": "member", "member": {"gender": "female", "age": {"from": 30, "to": 39}}, "relation": "and"},
        ),
        "birthday_of_the_listed": _scenario(
            {"type": "member", "member": {"birthday": {"days_before": 7, "days_after": 7}}},
            anchor={"list_imported": "spring"},
            source="csv_list",
        ),
        "two_months_quiet": _scenario(
            {"type": "member", "member": {"last_ordered_days_ago": {"from": 30, "to": 60}}},
            anchor={"list_imported": "spring"},
            source="csv_list",
        ),
        "readers_of_the_newsletter": _scenario(
            of_category(10),
            exclusion=[
                {"type": "member", "member": {"newsletter": ["none"]}},
                {"type": "segment", "codes": [SEGMENT], "relation": "or"},
            ],
            stop=[ANY_ORDER],
        ),
        "mixed": _scenario(
            bought(30),
            of_category(20, relation="or"),
            _counted({**ANY_ORDER, "relation": "and"}, "gte", 3),
            bought(31, relation="not"),
            exclusion=[{"type": "event", "codes": ["opened"], "within_days": 7}],
            stop=[_counted(of_category(20), "gte", 2), bought(31, relation="or", since="anchor")],
        ),
    }
    suffix = f"_{shift}" if shift else ""
    return {name + suffix: {"code": name + suffix, "name": name, **given} for name, given in definitions.items()}


def drips() -> dict[str, Definition]:
    """Return what django-drip's three drips are: steps one, seven and twenty-one days after an order day.

    Not for the unsubscribed nor for anyone who has bought since. Each is a scenario of one step: a drip knows no chain.
    """
    return {
        f"drip_{days}": {
            "code": f"drip_{days}",
            "name": f"{days} days after an order",
            **_scenario(
                exclusion=[{"type": "member", "member": {"newsletter": ["none"]}}], stop=[ANY_ORDER], offset_days=days
            ),
            "look_back_days": 0,
        }
        for days in (1, 7, 21)
    }


def segments_read(definitions: Mapping[str, Definition]) -> dict[str, list[str]]:
    """Return the segments that each scenario's model must name besides its definition."""
    return {name: [SEGMENT] for name, definition in definitions.items() if SEGMENT in repr(definition)}


def _scenario(
    *target: Mapping[str, Any],
    anchor: object = "ordered",
    exclusion: list[Mapping[str, Any]] | None = None,
    stop: list[Mapping[str, Any]] | None = None,
    active_subscriber: str = "include",
    offset_days: int = 3,
    **settings: Any,
) -> Definition:
    return {
        "status": "enabled",
        "anchor": anchor,
        "target": {"frames": [dict(frame) for frame in target], "active_subscriber": active_subscriber},
        "exclusion": {"frames": exclusion or []},
        "stop": {"frames": stop or []},
        "look_back_days": 2,
        "steps": [{"offset_days": offset_days, "send_time": "10:00", "content": "sample/step_1"}],
        **settings,
    }


def _counted(frame: Mapping[str, Any], op: str, n: int) -> dict[str, Any]:
    return {**frame, "count": {"op": op, "n": n}}
