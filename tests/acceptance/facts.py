"""From a script's customers, orders and events to the shop's raw tables at an instant: pure functions.

Belongs here: what is known when, and where the raw contract keeps it. Does not belong here: SQL (`stage`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tests.acceptance.reading import ScriptFault
from tests.acceptance.script import Customer, Event, Order, Script

Row = Mapping[str, Any]
Facts = Mapping[str, list[Row]]
"""The rows of each raw table, and of the suppression list."""

SUPPRESSION_LIST = "suppression_list"
# these events change other facts or have a table of their own; every other type is an event of the customer
NOT_CUSTOMER_EVENTS = {
    "order_status",
    "newsletter",
    "duplicate",
    "suppressed",
    "subscription_cancelled",
    "list_imported",
    "tag_granted",
}


def visible(script: Script, at: datetime) -> Facts:
    """Return what the shop's tables say at an instant."""
    _check_names(script)
    orders = sorted(
        (order for order in script.orders if (order.recorded or order.at) <= at), key=lambda order: order.at
    )
    # an event's place in the script tells events of one minute apart
    events = sorted(
        (
            (event.at, place, event)
            for place, event in enumerate(script.events, start=1)
            if (event.recorded or event.at) <= at
        ),
        key=lambda known: known[:2],
    )
    happened = [event for _, _, event in events]
    return {
        "customers": [_customer(customer, happened) for customer in script.customers if customer.registered <= at],
        "products": [{"product_id": code, "product_name": f"Product {code}"} for code in _products(script)],
        "categories": [{"category_code": code, "category_name": f"Category {code}"} for code in script.categories],
        "product_categories": [
            {"product_id": product, "category_code": category}
            for category, products in script.categories.items()
            for product in products
        ],
        "orders": [_order(order, happened) for order in orders],
        "order_lines": [line for order in orders for line in _lines(order)],
        "payment_methods": [
            {"payment_method": name, "method_type": method.type, "paid_display": method.paid_display}
            for name, method in script.payment_methods.items()
        ],
        "subscriptions": _subscriptions(script, orders, happened),
        "customer_events": [
            {
                "event_id": f"event_{place:03}",
                "customer_id": event.customer,
                "event_type": event.type,
                "event_at": event.at,
                "product_id": event.product,
            }
            for _, place, event in events
            if event.type not in NOT_CUSTOMER_EVENTS
        ],
        "customer_tags": [
            {"customer_id": event.customer, "tag": event.tag, "granted_at": event.at}
            for event in _first_of_each(happened, "tag_granted", "tag")
        ],
        "list_members": [
            {"list_code": event.scenario, "customer_id": event.customer, "added_at": event.at}
            for event in _first_of_each(happened, "list_imported", "scenario")
        ],
        SUPPRESSION_LIST: [
            {
                "customer_id": event.customer,
                "reason": "suppressed",
                "source": "acceptance",
                "suppressed_at": event.at,
            }
            for event in _first_of_each(happened, "suppressed", "customer")
        ],
    }


def address_of(customer_id: str) -> str:
    """Return a customer's made-up address; an identifier that fits no address is written in hexadecimal."""
    plain = customer_id.isascii() and customer_id.replace("-", "").replace("_", "").isalnum()
    return f"{customer_id.lower() if plain else customer_id.encode().hex()}@customers.invalid"


def _customer(customer: Customer, events: Iterable[Event]) -> Row:
    newsletter, duplicate = customer.newsletter, customer.duplicate
    for event in events:
        if event.customer == customer.id and event.type == "newsletter":
            newsletter = event.status
        elif event.customer == customer.id and event.type == "duplicate":
            duplicate = event.status
    return {
        "customer_id": customer.id,
        "registered_at": customer.registered,
        "family_name": "Sample",
        "given_name": customer.id,
        "email": address_of(customer.id) if customer.has_address else None,
        "newsletter_status": newsletter,
        "duplicate_status": duplicate,
        "access_url": customer.site,
    }


def _order(order: Order, events: Iterable[Event]) -> Row:
    # an order that comes in cancelled does not say since when
    status, cancelled_at = order.status, None
    for event in events:
        if event.type == "order_status" and event.order == order.id:
            status = event.status
            cancelled_at = event.at if status == "cancelled" else None
    return {
        "order_id": order.id,
        "customer_id": order.customer,
        "ordered_at": order.at,
        "status": status,
        "cancelled_at": cancelled_at,
        "kind": order.kind,
        "continuation_no": order.continuation_no,
        "payment_method": order.payment,
        "authorised_on": order.authorised,
        "paid_on": order.paid,
        "shipped_on": order.shipped,
        "desired_delivery_on": order.desired_delivery,
    }


def _lines(order: Order) -> list[Row]:
    # a product written three times is one line of quantity 3
    return [
        {"order_id": order.id, "line_no": line_no, "product_id": product, "quantity": quantity}
        for line_no, (product, quantity) in enumerate(Counter(order.lines).items(), start=1)
    ]


def _subscriptions(script: Script, orders: Iterable[Order], events: Iterable[Event]) -> list[Row]:
    """Return one subscription for each span in which a customer had one product on subscription."""
    registered = {customer.id: customer.registered for customer in script.customers}
    happenings: list[tuple[datetime, int, str | None, str | None]] = [
        (order.at, 0, order.customer, product)
        for order in orders
        if order.kind == "subscription"
        for product in dict.fromkeys(order.lines)
    ] + [(event.at, 1, event.customer, event.product) for event in events if event.type == "subscription_cancelled"]
    rows: list[dict[str, Any]] = []
    for at, cancels, customer, product in sorted(happenings, key=lambda known: known[:2]):
        running = [
            row
            for row in rows
            if row["customer_id"] == customer and row["cancelled_at"] is None and product in (None, row["product_id"])
        ]
        if not running:
            # the script may show the end of a subscription without its orders
            started_at = registered[customer or ""] if cancels else at
            running = [_subscription(len(rows) + 1, customer, product, started_at)]
            rows += running
        if cancels:
            for row in running:
                row["cancelled_at"] = at
    return rows


def _subscription(number: int, customer: str | None, product: str | None, started_at: datetime) -> dict[str, Any]:
    return {
        "subscription_id": f"subscription_{number:03}",
        "customer_id": customer,
        "product_id": product,
        "started_at": started_at,
        "cancelled_at": None,
    }


def _first_of_each(events: Iterable[Event], kind: str, key: str) -> list[Event]:
    found: dict[tuple[str | None, Any], Event] = {}
    for event in events:
        if event.type == kind:
            found.setdefault((event.customer, getattr(event, key)), event)
    return list(found.values())


def _products(script: Script) -> list[str]:
    frames = [frame for scenario in script.scenarios for frame in (*scenario.target.frames, *scenario.stop.frames)]
    mentioned = [
        *(code for order in script.orders for code in order.lines),
        *(event.product for event in script.events if event.product),
        *(code for products in script.categories.values() for code in products),
        *(code for scenario in script.scenarios for code in scenario.target.products),
        *(code for scenario in script.scenarios for code in scenario.target.exclude_products),
        *(code for scenario in script.scenarios for code in scenario.stop.products),
        *(code for frame in frames if frame.type == "product" for code in frame.codes),
    ]
    return list(dict.fromkeys(mentioned))


def _check_names(script: Script) -> None:
    customers = {customer.id for customer in script.customers}
    orders = {order.id for order in script.orders}
    for order in script.orders:
        if order.customer not in customers:
            raise ScriptFault(f"order {order.id!r} is of a customer {order.customer!r} who is not in the script")
    for event in script.events:
        if event.customer is not None and event.customer not in customers:
            raise ScriptFault(f"an event is of a customer {event.customer!r} who is not in the script")
        if event.order is not None and event.order not in orders:
            raise ScriptFault(f"an event is of an order {event.order!r} that is not in the script")
