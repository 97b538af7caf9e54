"""Cases that chance meets too rarely for the few examples of every run: tried first, each time.

Belongs here: definitions with a history in which one rule decides. What is right is the language's to say.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.properties import words
from tests.properties.comparison import Case
from tests.properties.history import Change, Customer, History, Order

START = words.start_of(words.FIRST_DAY)


def _case(
    anchor: object,
    orders: list[Order],
    *,
    tags: Mapping[str, datetime] | None = None,
    changes: tuple[Change, ...] = (),
    count_excludes_status: list[str] | None = None,
    **sections: list[Any] | dict[str, Any],
) -> Case:
    definition = {"code": words.SCENARIO, "name": words.SCENARIO, "anchor": anchor}
    counting = {} if count_excludes_status is None else {"count_excludes_status": count_excludes_status}
    conditions = {name: {"frames": given} if isinstance(given, list) else given for name, given in sections.items()}
    customer = Customer("c1", START, orders=tuple(orders), tags=tags or {}, changes=changes)
    return Case(definition | counting | conditions, History((customer,), words.SHOP))


def _order(number: int, day: int, cancelled: int | None = None, product: str = "A") -> Order:
    at = None if cancelled is None else START + timedelta(days=cancelled)
    ordered_at = START + timedelta(days=day)
    return Order(f"c1-o{number}", ordered_at, (product,), "new" if at is None else "cancelled", at)


TAGGED = {"type": "member", "member": {"tag": list(words.TAGS)}}


def _both(number: int, day: int, cancelled: int | None = None) -> Order:
    return replace(_order(number, day, cancelled), products=("A", "B"))


def _returned(number: int, day: int, at: int | None) -> Order:
    return replace(_order(number, day, at), status="returned")


_A: dict[str, Any] = {"type": "product", "codes": ["A"]}
_B: dict[str, Any] = {"type": "product", "codes": ["B"], "relation": "and"}
_ONE = {"and_scope": "same_order", "frames": [_A, _B]}
_ONE_AFTER_OR = {"and_scope": "same_order", "frames": [_A | {"relation": "or"}, _B]}
_ONE_TWICE = {
    "and_scope": "same_order",
    "frames": [
        {"type": "list", "codes": ["spring"]},
        _B | {"relation": "or"},
        _A | {"relation": "and", "within_days": 3},
        _B | {"count": {"op": "eq", "n": 2}},
    ],
}
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
    # products that two orders hold between them are in no one order, and such an order is no anchor
    *(
        _case(anchor, [_order(1, 0, product="A"), _order(2, 1, product="B"), _both(3, 2, 4), _order(4, 3)], target=_ONE)
        for anchor in ("ordered", "member_registered")
    ),
    # the first frame's `or` joins nothing, and keeps it out of no run
    *(
        _case(
            anchor,
            [_order(1, 0, product="A"), _order(2, 1, product="B"), _both(3, 2)],
            target=_ONE_AFTER_OR,
            stop=_ONE_AFTER_OR,
        )
        for anchor in ("ordered", "member_registered")
    ),
    # of a run, too, orders are counted, and an `or` is no part of it
    _case("member_registered", [_order(1, 0, product="B"), _both(2, 1), _both(3, 2)], stop=_ONE_TWICE),
    # returned at a time, returned at no time, cancelled: what counts is the scenario's to say (R-102j)
    *(
        _case(
            anchor,
            [_order(1, 0, 3), _returned(2, 1, 4), _returned(3, 2, None), _order(4, 5)],
            count_excludes_status=statuses,
            stop=[TWICE],
        )
        for statuses in ([], ["returned"], ["returned", "cancelled"])
        for anchor in ("member_registered", {"nth_purchase": {"n": 2, "products": ["A"]}})
    ),
    # an order that only a `not` names is no anchor
    _case(
        "ordered",
        [_order(1, 0), _order(2, 1, product="B")],
        target=[{"type": "product", "codes": ["A"]}, TWICE_B | {"relation": "not"}],
    ),
    # an order cancelled after the next came in is as if it had never been, for a count, a `not`, and two frames
    *(
        _case("ordered", [_order(1, 0, cancelled), _order(2, 1), _order(3, 4, 6), _order(4, 5)], target=target)
        for cancelled in (1, 2)
        for target in (
            *([TWICE | {"count": {"op": op, "n": n}}] for op, n in (("eq", 1), ("eq", 2), ("gte", 2), ("lte", 1))),
            [{"type": "product", "codes": ["A"], "count": {"op": "eq", "n": 1}, "within_days": 2}],
        )
    ),
    *(
        _case("ordered", [_order(1, 0, 2, product="B"), _order(2, 1), _order(3, 4, product="B")], target=target)
        for target in (
            [_A, _B | {"relation": "not"}],
            [_A, _B],
            [_A, _B | {"relation": "or"}, TWICE | {"relation": "and", "count": {"op": "lte", "n": 1}}],
            [TWICE | {"count": {"op": "eq", "n": 1}}, TWICE | {"relation": "or"}],
        )
    ),
    _case(
        {"nth_purchase": {"n": 1, "products": ["A"]}},
        [_order(1, 0, 2), _order(2, 1), _order(3, 3)],
        target=[TWICE | {"count": {"op": "eq", "n": 1}}],
    ),
    _case(
        "ordered",
        [_order(1, 0, 3), _returned(2, 1, 4), _returned(3, 2, None), _order(4, 5)],
        count_excludes_status=["returned"],
        target=[TWICE | {"count": {"op": "eq", "n": 1}}],
    ),
    # a newsletter status that a file leaves empty is both
    *(
        _case(
            "member_registered",
            [],
            changes=tuple(
                Change("newsletter_status", START + timedelta(days=day), value) for day, value in enumerate(values, 1)
            ),
            target=[{"type": "member", "member": {"newsletter": asked}}],
        )
        for values in (("none", None, "pc"), (None,))
        for asked in ("both", "any", ["none", "pc"])
    ),
    # of several tags the one that was granted first counts, whichever that is (R-101j)
    *(
        _case("ordered", [_order(1, 0), _order(2, 4)], tags=granted, target=[TAGGED])
        for granted in (
            {tag: START + timedelta(days=day) for tag, day in zip(words.TAGS, days, strict=False)}
            for days in ((1, 3), (3, 1), (2, 2), (3,))
        )
    ),
)
