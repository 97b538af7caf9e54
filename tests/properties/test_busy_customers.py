"""Customers with thousands of orders or events, as robots and resellers have: the answer comes all the same.

Belongs here: questions that could be asked of every pair of an anchor and what came later. Does not belong here: what
they mean (`test_many_cancelled`, `test_eligibility`).
"""

from typing import Any

import pytest

from tests.properties import words
from tests.properties.database import Scratch
from tests.properties.history import Customer, History

MANY = 20_000
"""A robot's month; it has 200 million pairs, of which a server looks at two or three million a second."""
PATIENCE = "20s"
"""Many times what an answer takes, and a third of what all pairs take."""

ORDERS = """
    insert into raw.orders (order_id, customer_id, ordered_at, status, cancelled_at)
    select
        'o' || n, 'busy', made.ordered_at,
        case when mod(n, 10) = 0 then 'cancelled' else 'new' end,
        case when mod(n, 10) = 0 then made.ordered_at + interval '1 hour' end
    from generate_series(1, %(many)s) as numbers (n),
        lateral (select %(start)s + n * interval '1 minute' as ordered_at) as made
"""
EVENTS = """
    insert into raw.customer_events (event_id, customer_id, event_type, event_at)
    select 'e' || n, 'busy', 'viewed', %(start)s + n * interval '1 minute'
    from generate_series(1, %(many)s) as numbers (n)
"""


@pytest.mark.parametrize(
    ("happened", "anchor", "counted"),
    [
        (EVENTS, {"anchor": {"event": "viewed"}}, {"type": "event", "codes": ["viewed"]}),
        (ORDERS, {"anchor": "ordered"}, {"type": "order"}),
    ],
)
@pytest.mark.parametrize("op", ["eq", "gte", "lte"])
def test_what_came_after_each_of_many_anchors_is_counted_in_no_time(
    scratch: Scratch, happened: str, anchor: dict[str, Any], counted: dict[str, Any], op: str
) -> None:
    stop = {"frames": [counted | {"count": {"op": op, "n": 3}, "since": "anchor"}]}
    definition = {"code": words.SCENARIO, "name": words.SCENARIO, **anchor, "stop": stop}
    start = words.start_of(words.FIRST_DAY)
    with scratch.holding(History((Customer("busy", start),), words.SHOP)):
        scratch.connection.execute(happened, {"many": MANY, "start": start})
        scratch.connection.execute(f"set local statement_timeout = '{PATIENCE}'")
        answer = scratch.ask(definition, "everyone")
    stopped = [row for row in answer.values() if row.stop_during]
    # the last few see nothing come, or too little
    assert MANY * 0.85 < len(stopped) <= MANY
