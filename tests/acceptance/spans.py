"""Facts that last for a while, out of a script's events: subscriptions, tags,
memberships and opt-outs. Pure functions.

Belongs here: from when until when something holds. Does not belong here: facts of one instant (`facts`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from ekiden.delivery.consent.opt_outs import NewOptOut
from tests.acceptance.script import Customer, Event, Order, Script

Row = Mapping[str, Any]


def subscriptions(script: Script, orders: Iterable[Order], events: Iterable[Event], at: datetime) -> list[Row]:
    """Return one subscription for each span in which a customer had one product on subscription."""
    registered = {customer.id: customer.registered for customer in script.customers}
    starts: list[tuple[datetime, str | None, str | None]] = [
        (order.at, order.customer, product)
        for order in orders
        if order.kind == "subscription"
        for product in dict.fromkeys(order.lines)
    ] + [(event.at, event.customer, event.product) for event in events if event.type == "subscription_started"]
    happenings: list[tuple[datetime, int, str | None, str | None, str | None]] = [
        *((moment, 0, customer, product, None) for moment, customer, product in starts),
        *(
            (event.at, 1, event.customer, event.product, event.reason)
            for event in events
            if event.type == "subscription_cancelled"
        ),
    ]
    rows: list[dict[str, Any]] = [
        {
            "subscription_id": f"given_{number:03}",
            "customer_id": given.customer,
            "product_id": given.product,
            "started_at": given.started,
            "cancelled_at": given.cancelled if given.cancelled and given.cancelled <= at else None,
            "cancel_reason": given.reason if given.cancelled and given.cancelled <= at else None,
        }
        for number, given in enumerate(script.subscriptions, start=1)
        if given.started <= at
    ]
    for moment, cancels, customer, product, reason in sorted(happenings, key=lambda known: known[:2]):
        running = [
            row
            for row in rows
            if row["customer_id"] == customer and row["cancelled_at"] is None and product in (None, row["product_id"])
        ]
        if not running:
            # the script may show the end of a subscription without its orders
            started_at = registered[customer or ""] if cancels else moment
            running = [_subscription(len(rows) + 1, customer, product, started_at)]
            rows += running
        if cancels:
            for row in running:
                row |= {"cancelled_at": moment, "cancel_reason": reason}
    return rows


def tags(customers: Iterable[Customer], events: Iterable[Event]) -> list[Row]:
    """Return the tags customers have, each since it was first granted: granted again, it stays as it was (R-072)."""
    held: dict[tuple[str, str], datetime] = {}
    for customer in customers:
        given = customer.tags if isinstance(customer.tags, dict) else dict.fromkeys(customer.tags, customer.registered)
        held |= {(customer.id, tag): granted_at for tag, granted_at in given.items()}
    for event in events:
        key = (event.customer or "", event.tag or "")
        if event.type == "tag_granted":
            held.setdefault(key, event.at)
        elif event.type == "tag_removed":
            held.pop(key, None)
    return [
        {"customer_id": customer, "tag": tag, "granted_at": granted_at} for (customer, tag), granted_at in held.items()
    ]


def segment_members(script: Script, customers: Iterable[Customer], events: Sequence[Event], at: datetime) -> list[Row]:
    """Return the spans in which customers are in a segment, by name or by event; none for a segment of conditions."""
    known = {customer.id: customer for customer in customers}
    changes: list[tuple[datetime | None, str, str, bool]] = [
        *(
            (segment.since, name, customer, True)
            for name, segment in script.segments.items()
            for customer in segment.customers
        ),
        *((None, name, customer.id, True) for customer in known.values() for name in customer.segments),
        *(
            (event.at, event.segment or "", event.customer or "", event.type == "segment_entered")
            for event in events
            if event.type in ("segment_entered", "segment_left")
        ),
    ]
    spans: dict[tuple[str, str], list[list[datetime | None]]] = {}
    for moment, name, customer, enters in changes:
        if customer not in known or (moment is not None and moment > at):
            continue
        mine = spans.setdefault((name, customer), [])
        is_in = bool(mine) and mine[-1][1] is None
        if enters and not is_in:
            mine.append([moment, None])
        elif not enters:
            if not mine:
                mine.append([None, None])
            mine[-1][1] = moment
    return [
        {
            "segment": name,
            "customer_id": customer,
            "valid": TimestamptzMultirange([TimestamptzRange(first, last) for first, last in mine]),
        }
        for (name, customer), mine in spans.items()
    ]


def opt_outs(script: Script, at: datetime) -> list[NewOptOut]:
    """Return what customers have asked by an instant: not to be written to, by every channel or one."""
    return [
        NewOptOut(customer_id=event.customer, channel=event.channel, site=event.site, opted_out_at=event.at)
        for event in script.events
        if event.type == "opt_out" and (event.recorded or event.at) <= at
    ]


def first_of_each(events: Iterable[Event], kind: str, key: Callable[[Event], Any]) -> list[Event]:
    """Return the first event of a kind for each key."""
    found: dict[Any, Event] = {}
    for event in events:
        if event.type == kind:
            found.setdefault(key(event), event)
    return list(found.values())


def _subscription(number: int, customer: str | None, product: str | None, started_at: datetime) -> dict[str, Any]:
    return {
        "subscription_id": f"subscription_{number:03}",
        "customer_id": customer,
        "product_id": product,
        "started_at": started_at,
        "cancelled_at": None,
        "cancel_reason": None,
    }
