"""Many cancelled orders of one customer, as a test account has: which completed the target, and which count for a stop.

Belongs here: cancellations that overlap and coincide. Does not belong here: what else a target asks for
(`test_eligibility`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.properties import words
from tests.properties.comparison import Case, disagreements, report
from tests.properties.database import Scratch
from tests.properties.history import Customer, History, Order
from tests.properties.profile import profile

MOST_ORDERS = 20
"""Enough for many of them to be cancelled after another came in, and few enough to be looked at instant by instant."""

FAR_OFF = datetime(8999, 12, 30, tzinfo=UTC)
"""About the last that a load takes: so long before an order the database's calendar has not begun."""

ORDERS: dict[str, Any] = {"type": "order"}


def _counted(frame: dict[str, Any], op: str, n: int, **settings: Any) -> dict[str, Any]:
    return {**frame, "count": {"op": op, "n": n}, **settings}


@st.composite
def cases(draw: st.DrawFn, *, since_anchor: bool = False) -> Case:
    hours = st.integers(0, 24 * 8)
    orders = []
    for number in range(draw(st.integers(2, MOST_ORDERS))):
        ordered_at = words.start_of(words.FIRST_DAY) + timedelta(hours=draw(hours))
        # a few stand, a few do almost for ever, and an hour is often that of another order, or of its cancellation
        soon = ordered_at + timedelta(hours=draw(hours))
        cancelled_at = draw(st.sampled_from([soon] * 7 + [FAR_OFF] + [None] * 2))
        status = "new" if cancelled_at is None else "cancelled"
        product = draw(st.sampled_from(["A", "B"]))
        orders.append(Order(f"c1-o{number}", ordered_at, (product,), status, cancelled_at))
    frames = [
        _counted(
            draw(st.sampled_from([ORDERS, {"type": "product", "codes": ["A"]}])),
            draw(st.sampled_from(["eq", "gte", "lte"])),
            draw(st.integers(1, 6)),
            **draw(st.sampled_from([{}, {"within_days": 2}])),
            **({"relation": draw(st.sampled_from(["and", "or", "not"]))} if place else {}),
        )
        for place in range(draw(st.integers(1, 2)))
    ]
    uncounted = draw(st.sampled_from([{}, {"excluded_order_statuses": []}]))
    if since_anchor:
        section = {"stop": {"frames": [frame | {"since": "anchor"} for frame in frames]}}
    else:
        section = {"target": {"frames": frames}}
    definition = {"code": words.SCENARIO, "name": words.SCENARIO, "anchor": "ordered", **uncounted, **section}
    customer = Customer("c1", words.start_of(words.FIRST_DAY), orders=tuple(orders))
    return Case(definition, History((customer,), words.SHOP))


@profile(share=0.5)
@given(case=cases())
def test_which_of_many_that_were_cancelled_completed_the_target_is_what_the_language_says(
    scratch: Scratch, case: Case
) -> None:
    with scratch.holding(case.history):
        answer = scratch.ask(case.definition, "everyone")
    found = disagreements(case, answer)
    assert not found, report(case, found, "everyone")


@profile(share=0.5)
@given(case=cases(since_anchor=True))
def test_how_many_came_after_each_anchor_and_still_count_is_what_the_language_says(
    scratch: Scratch, case: Case
) -> None:
    with scratch.holding(case.history):
        answer = scratch.ask(case.definition, "everyone")
    found = disagreements(case, answer)
    assert not found, report(case, found, "everyone")
