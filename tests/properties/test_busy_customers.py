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
PATIENCE = "40s"
"""Ten times what an answer takes, also while everything else runs; all pairs take over a minute on a quick machine."""

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


OTHERS = """
    insert into raw.orders (order_id, customer_id, ordered_at, status)
    select 'z' || n, 'c' || n / 10, %(start)s, 'new' from generate_series(1, %(many)s) as numbers (n);
    insert into raw.customer_events (event_id, customer_id, event_type, event_at)
    select 'z' || n, 'c' || n / 10, 'viewed', %(start)s from generate_series(1, %(many)s) as numbers (n);
    analyze raw.orders, raw.customer_events;
"""
"""As many facts of usual customers; the server knows of all, as it does after a load."""
OF_EVENTS: dict[str, Any] = {"anchor": {"event": "viewed"}}
OF_ORDERS: dict[str, Any] = {"anchor": "ordered"}
VIEWED: dict[str, Any] = {"type": "event", "codes": ["viewed"]}
ORDERED: dict[str, Any] = {"type": "order"}


def counted(frame: dict[str, Any], op: str, **settings: Any) -> dict[str, Any]:
    return frame | {"count": {"op": op, "n": 3}} | settings


@pytest.mark.parametrize("reading", ["everyone", "given"])
@pytest.mark.parametrize(
    "definition",
    [
        OF_EVENTS | {"stop": {"frames": [VIEWED]}},
        OF_EVENTS | {"stop": {"frames": [VIEWED | {"within_days": 3}]}},
        *[OF_EVENTS | {"stop": {"frames": [counted(VIEWED, op, since="anchor")]}} for op in ("eq", "gte", "lte")],
        OF_EVENTS | {"stop": {"frames": [counted(VIEWED, "gte", within_days=3, since="anchor")]}},
        OF_EVENTS | {"target": {"frames": [counted(VIEWED, "gte", within_days=3)]}},
        OF_ORDERS | {"stop": {"frames": [ORDERED]}},
        OF_ORDERS | {"stop": {"frames": [ORDERED | {"within_days": 3}]}},
        *[OF_ORDERS | {"stop": {"frames": [counted(ORDERED, op, since="anchor")]}} for op in ("eq", "gte", "lte")],
        OF_ORDERS | {"stop": {"frames": [counted(ORDERED, "gte", within_days=3, since="anchor")]}},
        OF_ORDERS | {"target": {"frames": [ORDERED]}},
        OF_ORDERS | {"target": {"frames": [counted(ORDERED, "gte")]}, "exclusion": {"frames": [VIEWED]}},
    ],
    ids=str,
)
def test_a_customer_of_many_orders_or_events_has_an_answer_in_no_time(
    scratch: Scratch, definition: dict[str, Any], reading: str
) -> None:
    start = words.start_of(words.FIRST_DAY)
    with scratch.holding(History((Customer("busy", start),), words.SHOP)):
        scratch.connection.execute(
            EVENTS if definition["anchor"] != "ordered" else ORDERS, {"many": MANY, "start": start}
        )
        for statement in OTHERS.split(";"):
            scratch.connection.execute(statement, {"many": MANY, "start": start})
        scratch.connection.execute(f"set local statement_timeout = '{PATIENCE}'")
        name = {"code": words.SCENARIO, "name": words.SCENARIO}
        answer = scratch.ask(name | definition, reading, ["busy"])
    of_busy = [row for key, row in answer.items() if key.customer_id == "busy"]
    assert len(of_busy) == MANY
    if "stop" in definition:
        # the last few see nothing come, or too little
        assert MANY * 0.85 < sum(1 for row in of_busy if row.stop_during) <= MANY
