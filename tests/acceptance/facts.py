"""From a script's customers, orders and events to the shop's raw tables at an instant: pure functions.

Belongs here: what is known when, and where the raw contract keeps it. Does not belong here: SQL (`stage`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from tests.acceptance.reading import parse
from tests.acceptance.script import EVENT_KEYS, READ_AS, Customer, Event, Order, Script
from tests.acceptance.spans import first_of_each, segment_members, subscriptions, tags
from tests.acceptance.values import listed, typed

Row = Mapping[str, Any]
Facts = Mapping[str, list[Row]]
"""The rows of each raw table, and of the suppression list."""

SUPPRESSION_LIST = "suppression_list"
SEGMENT_MEMBERS = "segment_members"
"""The raw table of those whom a script puts into a segment by name or event."""

LISTED = "list_imported"
# what the suppression list calls its reasons, and what else one may call them
SUPPRESSED = "suppressed"
REASONS = {
    **{reason: reason for reason in ("unsubscribed", "bounced", "complained", "do_not_deliver", "invalid_address")},
    "unsubscribe": "unsubscribed",
    "bounce": "bounced",
    "hard_bounce": "bounced",
    "complaint": "complained",
}
UNCHANGED = object()
# characters of a browser's keys in base64url (RFC 8291)
P256DH_LENGTH, AUTH_LENGTH = 87, 22
# a customer's fields that have a history of their own, and what their events say
HISTORIES = {"newsletter": "newsletter_status", "rank": "member_rank"}


def visible(script: Script, at: datetime) -> Facts:
    """Return what the shop's tables say at an instant."""
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
    recorded = [order for order in script.orders if (order.recorded or order.at) <= at]
    # an order's row and its lines say what is true by now; what they said before is gone
    orders = [_as_changed(order, happened) for order in sorted(recorded, key=lambda order: order.at)]
    customers = [customer for customer in script.customers if customer.registered <= at]
    return {
        "customers": [_customer(customer, happened) for customer in customers],
        "customer_history": [row for customer in customers for row in _history(customer, happened)],
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
        "subscriptions": subscriptions(script, orders, happened, at),
        "customer_events": [
            {
                "event_id": f"event_{place:03}_{kind}",
                "customer_id": event.customer,
                "event_type": kind,
                "event_at": event.at,
                "product_id": event.product,
            }
            for _, place, event in events
            if event.type not in EVENT_KEYS or event.type == "login"
            # a scenario may ask about it by the script's own word
            for kind in dict.fromkeys((event.type, READ_AS.get(event.type, event.type)))
        ],
        "customer_tags": tags(customers, happened),
        "list_members": _lists(script, customers, happened, at),
        "web_push_subscriptions": [
            {
                "endpoint": f"https://push.invalid/{customer_id.encode().hex()}",
                "customer_id": customer_id,
                "p256dh": "A" * P256DH_LENGTH,
                "auth": "A" * AUTH_LENGTH,
                "subscribed_at": registered_at,
            }
            for customer_id, registered_at in _with_browser(customers, happened)
        ],
        SEGMENT_MEMBERS: segment_members(script, customers, happened, at),
        SUPPRESSION_LIST: [
            {
                "customer_id": event.customer,
                "reason": REASONS.get(event.reason or "", SUPPRESSED),
                "source": "acceptance",
                "suppressed_at": event.at,
            }
            for event in first_of_each(happened, "suppressed", lambda event: event.customer)
        ],
    }


def address_of(customer_id: str) -> str:
    """Return a customer's made-up address; an identifier that fits no address is written in hexadecimal."""
    plain = customer_id.isascii() and customer_id.replace("-", "").replace("_", "").isalnum()
    return f"{customer_id.lower() if plain else customer_id.encode().hex()}@customers.invalid"


def _made_up(customer_id: str) -> dict[str, str]:
    """Return where a customer is reached of whom the script does not say it."""
    digest = hashlib.sha256(customer_id.encode()).hexdigest()
    return {
        "email": address_of(customer_id),
        # a number of a mobile, as no provider is asked about it
        "phone": f"090{int(digest, 16) % 10**8:08}",
        "line_user_id": f"U{digest[:32]}",
        "push_token": digest,
    }


def _with_browser(customers: Iterable[Customer], events: Sequence[Event]) -> Iterator[tuple[str, datetime]]:
    """Yield the customers who can be pushed to."""
    for customer in customers:
        now = _now(customer, events)
        if now["push_token"] and now["has_address"]:
            yield customer.id, customer.registered


def _now(customer: Customer, events: Iterable[Event]) -> dict[str, Any]:
    """Return what a customer's record says after its events."""
    made_up = {key: value for key, value in _made_up(customer.id).items() if key not in customer.model_fields_set}
    now: dict[str, Any] = customer.model_dump() | made_up
    for event in events:
        if event.customer != customer.id:
            continue
        match event.type:
            case "newsletter" | "duplicate":
                now[event.type] = event.status
            case "rank":
                now["rank"] = event.rank
            case "login":
                now["last_login"] = event.at
            case "customer_changed":
                now |= _change(event)
    return now


def _customer(customer: Customer, events: Iterable[Event]) -> Row:
    now = _now(customer, events)
    if not now["has_address"]:
        now |= dict.fromkeys(_made_up(customer.id))
    return {
        "customer_id": customer.id,
        "registered_at": customer.registered,
        "family_name": "Sample",
        "given_name": customer.id,
        # an address that is written as nothing is none
        "email": now["email"] or None,
        "email_2": now["email_2"] or None,
        "mail_format": now["mail_format"],
        "phone": now["phone"] or None,
        "line_user_id": now["line_user_id"] or None,
        "newsletter_status": now["newsletter"],
        "duplicate_status": now["duplicate"],
        "access_url": now["site"],
        "gender": now["gender"],
        "birth_date": now["birth_date"],
        "postal_code": now["postal_code"],
        "address": now["address"],
        "member_rank": now["rank"],
        "last_login_at": now["last_login"],
        "custom_fields": None if now["custom"] is None else Jsonb(typed(now["custom"], "custom")),
    }


def _history(customer: Customer, events: Iterable[Event]) -> list[Row]:
    """Return the values a customer's fields had, where one of them ever changed."""
    rows = []
    for word, field in HISTORIES.items():
        changes = [
            (event.at, value)
            for event in events
            if event.customer == customer.id and (value := _changed_to(event, word)) is not UNCHANGED
        ]
        values = [(customer.registered, getattr(customer, word)), *changes] if changes else []
        rows += [
            {"customer_id": customer.id, "field": field, "changed_at": changed_at, "value": value}
            # of several at one instant the last counts
            for changed_at, value in dict(values).items()
        ]
    return rows


def _changed_to(event: Event, word: str) -> Any:
    if event.type == word:
        return event.status if word == "newsletter" else event.rank
    return _change(event).get(word, UNCHANGED) if event.type == "customer_changed" else UNCHANGED


def _change(event: Event) -> dict[str, Any]:
    """Return what an event changes of its customer, by the fields' own names."""
    return parse(Customer, {"id": event.customer} | event.change).model_dump(exclude_unset=True)


def _as_changed(order: Order, events: Iterable[Event]) -> Order:
    """Return an order as its events leave it."""
    least = {"id": order.id, "customer": order.customer, "at": order.at}
    for event in events:
        if event.order == order.id:
            given = parse(Order, least | _change_of_order(event)).model_dump(exclude_unset=True)
            order = order.model_copy(update=given)
    return order


def _change_of_order(event: Event) -> dict[str, Any]:
    return {"status": event.status} if event.type == "order_status" else event.change


def _order(order: Order, events: Iterable[Event]) -> Row:
    # an order that comes in cancelled does not say since when
    cancelled_at = None
    for event in events:
        if event.order == order.id and "status" in (change := _change_of_order(event)):
            # the contract keeps the instant of a return as well
            cancelled_at = event.at if change["status"] in ("cancelled", "returned") else None
    return {
        "order_id": order.id,
        "customer_id": order.customer,
        "ordered_at": order.at,
        "status": order.status,
        "cancelled_at": cancelled_at,
        "kind": order.kind,
        "continuation_no": order.continuation_no,
        "payment_method": order.payment,
        "authorised_on": order.authorised,
        "paid_on": order.paid,
        "shipped_on": order.shipped,
        "desired_delivery_on": order.desired_delivery,
        "access_url": order.site,
    }


def _lines(order: Order) -> list[Row]:
    # a product written three times is one line of quantity 3
    return [
        {"order_id": order.id, "line_no": line_no, "product_id": product, "quantity": quantity}
        for line_no, (product, quantity) in enumerate(Counter(order.lines).items(), start=1)
    ]


def _lists(script: Script, customers: Iterable[Customer], events: Iterable[Event], at: datetime) -> list[Row]:
    registered = {customer.id: customer.registered for customer in customers}
    added = [
        *((customer.registered, name, customer.id) for customer in customers for name in customer.lists),
        *(
            (given[name] if isinstance(given, dict) else registered[name], code, name)
            for code, given in script.lists.items()
            for name in given
            if name in registered
        ),
        *((event.at, event.list_code or event.scenario, event.customer) for event in events if event.type == LISTED),
    ]
    first: dict[tuple[Any, Any], datetime] = {}
    for moment, code, customer in sorted(added, key=lambda known: known[0]):
        if moment <= at:
            first.setdefault((code, customer), moment)
    return [
        {"list_code": code, "customer_id": customer, "added_at": moment} for (code, customer), moment in first.items()
    ]


def _products(script: Script) -> list[str]:
    parts = [part for scenario in script.scenarios for part in (scenario.target, scenario.exclusion, scenario.stop)]
    frames = [frame for part in parts for frame in part.frames]
    mentioned = [
        *(code for order in script.orders for code in order.lines),
        *(code for event in script.events if event.order for code in listed(event.change.get("lines"))),
        *(event.product for event in script.events if event.product),
        *(code for products in script.categories.values() for code in products),
        *(code for scenario in script.scenarios for code in scenario.target.products),
        *(code for scenario in script.scenarios for code in scenario.target.exclude_products),
        *(code for scenario in script.scenarios for code in scenario.stop.products),
        *(code for frame in frames if frame.get("type") == "product" for code in listed(frame.get("codes"))),
    ]
    return list(dict.fromkeys(mentioned))
