"""The shop of these tests: a few customers, each with one short history.

Belongs here: raw facts and how they get into the database. Does not belong here: what is expected of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

ZONE = ZoneInfo("Asia/Tokyo")
AWKWARD = "O'Brien $live$ \\ {駅伝}"
"""A product code with everything that could end a literal early."""


def day(number: int) -> datetime:
    """Return noon, in the shop, of a day of the story."""
    return datetime(2026, 3, 1, 12, tzinfo=ZONE) + timedelta(days=number)


@dataclass(frozen=True)
class Order:
    """An order of a customer; its id is `<customer>-<number>`, where its number is the day it was placed."""

    placed: int
    products: tuple[str, ...]
    cancelled: int | None = None
    status: str = "new"
    kind: str = "one_off"
    continuation_no: int | None = None
    paid: int | None = None
    shipped: int | None = None


@dataclass(frozen=True)
class Customer:
    """A customer's history."""

    orders: tuple[Order, ...] = ()
    duplicate_status: str = "confirmed"
    subscription: tuple[int, int | None] | None = None
    """The days it began and was cancelled."""


A, B, C = ("A",), ("B",), ("C",)

CUSTOMERS = {
    "never_bought": Customer(),
    "once": Customer((Order(1, A),)),
    "thrice": Customer((Order(1, A), Order(2, A), Order(3, A))),
    "second_cancelled": Customer((Order(1, A), Order(2, A, cancelled=4, status="cancelled"))),
    "cancelled_at_an_unknown_time": Customer((Order(1, A), Order(2, A, status="cancelled"))),
    "only_order_cancelled": Customer((Order(1, A, cancelled=5, status="cancelled"),)),
    "returned": Customer((Order(1, A, status="returned"), Order(2, A))),
    "two_lines": Customer((Order(1, ("A", "A", "A of another size")),)),
    "b_before": Customer((Order(1, B), Order(2, A))),
    "b_after": Customer((Order(1, A), Order(5, B))),
    "b_cancelled": Customer((Order(1, A), Order(5, B, cancelled=7, status="cancelled"))),
    "b_as_well": Customer((Order(1, ("A", "B")),)),
    "c_after": Customer((Order(1, A), Order(3, C))),
    "only_c": Customer((Order(1, C),)),
    "unconfirmed": Customer((Order(1, A),), duplicate_status="unconfirmed"),
    "on_hold": Customer((Order(1, A),), duplicate_status="on_hold"),
    "subscriber": Customer((Order(1, A),), subscription=(0, None)),
    "subscriber_later": Customer((Order(1, A),), subscription=(3, 6)),
    "third_delivery": Customer(
        (
            Order(1, A, kind="subscription", continuation_no=2),
            Order(2, A, kind="subscription", continuation_no=3),
            Order(3, A),
        )
    ),
    "paid_later": Customer((Order(1, A, paid=4, shipped=6), Order(2, A))),
    "awkward": Customer((Order(1, (AWKWARD,)), Order(3, (AWKWARD,)))),
    "came_back": Customer((Order(1, A), Order(150, A))),
}


def load(connection: psycopg.Connection) -> None:
    """Put the shop into the raw tables."""
    orders = [(name, order) for name, customer in CUSTOMERS.items() for order in customer.orders]
    lines = [
        (f"{name}-{order.placed}", number, product)
        for name, order in orders
        for number, product in enumerate(order.products, start=1)
    ]
    rows = {
        "customers (customer_id, registered_at, duplicate_status)": [
            (name, day(0), customer.duplicate_status) for name, customer in CUSTOMERS.items()
        ],
        "products (product_id, product_name)": [
            (product, product) for product in sorted({product for _, _, product in lines})
        ],
        "categories (category_code, category_name)": [("K", "all of A"), ("L", "all of A again")],
        "product_categories (category_code, product_id)": [
            (category, product) for category in ("K", "L") for product in ("A", "A of another size")
        ],
        "payment_methods (payment_method, method_type, paid_display)": [("card", "other", "hide")],
        "orders (order_id, customer_id, ordered_at, status, cancelled_at, kind, continuation_no, payment_method,"
        " paid_on, shipped_on)": [
            (
                f"{name}-{order.placed}",
                name,
                day(order.placed),
                order.status,
                None if order.cancelled is None else day(order.cancelled),
                order.kind,
                order.continuation_no,
                "card",
                None if order.paid is None else day(order.paid).date(),
                None if order.shipped is None else day(order.shipped).date(),
            )
            for name, order in orders
        ],
        "order_lines (order_id, line_no, product_id, quantity)": [(*line, 2) for line in lines],
        "subscriptions (subscription_id, customer_id, started_at, cancelled_at)": [
            (name, name, day(began), None if ended is None else day(ended))
            for name, customer in CUSTOMERS.items()
            if customer.subscription
            for began, ended in [customer.subscription]
        ],
        "customer_events (event_id, customer_id, event_type, event_at)": [
            ("viewed twice, 1", "once", "page_view", day(2)),
            ("viewed twice, 2", "once", "page_view", day(3)),
            ("left a cart", "once", "cart", day(4)),
        ],
        "customer_tags (customer_id, tag, granted_at)": [("once", "会員", day(2)), ("thrice", "other", day(2))],
        "list_members (list_code, customer_id, added_at)": [("spring", "once", day(2))],
    }
    with connection.cursor() as cursor:
        for table, values in rows.items():
            marks = ", ".join(["%s"] * len(values[0]))
            cursor.executemany(f"insert into raw.{table} values ({marks})", values)  # noqa: S608
