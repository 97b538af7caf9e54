"""Cases that chance meets too rarely for the few examples of every run: tried first, each time.

Belongs here: definitions with a history in which one rule decides. What is right is the language's to say.
"""

from datetime import timedelta
from typing import Any

from tests.properties import words
from tests.properties.comparison import Case
from tests.properties.history import Customer, History, Order

START = words.start_of(words.FIRST_DAY)


def _case(anchor: object, orders: list[Order], **sections: list[Any]) -> Case:
    definition = {"code": words.SCENARIO, "name": words.SCENARIO, "anchor": anchor}
    conditions = {name: {"frames": frames} for name, frames in sections.items()}
    return Case(definition | conditions, History((Customer("c1", START, orders=tuple(orders)),), words.SHOP))


def _order(number: int, day: int, cancelled: int | None = None, product: str = "A") -> Order:
    at = None if cancelled is None else START + timedelta(days=cancelled)
    ordered_at = START + timedelta(days=day)
    return Order(f"c1-o{number}", ordered_at, (product,), "new" if at is None else "cancelled", at)


TWICE = {"type": "order", "count": {"op": "gte", "n": 2}}
TWICE_B = {"type": "product", "codes": ["B"], "count": {"op": "gte", "n": 2}}

EXAMPLES = (
    # a counted stop counts what came before the anchor as well (C-12)
    _case("ordered", [_order(1, 0), _order(2, 1), _order(3, 2)], stop=[TWICE]),
    # since the anchor: not what began together with it
    _case("ordered", [_order(1, 0), _order(2, 0), _order(3, 1), _order(4, 2)], stop=[TWICE | {"since": "anchor"}]),
    # "or fewer" is no more, and never none (R-102c)
    _case(
        "member_registered",
        [_order(1, 0, 3), _order(2, 1), _order(3, 2)],
        stop=[TWICE | {"count": {"op": "lte", "n": 1}}],
    ),
    # cancellations make another order the n-th, more than once
    *(
        _case(
            {"nth_purchase": {"n": n, "products": ["A"]}},
            [_order(1, 0, 4), _order(2, 1, 6), _order(3, 2, 5), _order(4, 3)],
        )
        for n in (1, 2, 3)
    ),
    # an order that only a `not` names is no anchor
    _case(
        "ordered",
        [_order(1, 0), _order(2, 1, product="B")],
        target=[{"type": "product", "codes": ["A"]}, TWICE_B | {"relation": "not"}],
    ),
)
