"""The shop of these tests: a few customers, each with one short history.

Belongs here: raw facts and how they get into the database. Does not belong here: what is expected of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

ZONE = ZoneInfo("Asia/Tokyo")
AWKWARD = "O'Brien $live$ \\ {駅伝}"
"""A product code with everything that could end a literal early."""


def day(number: int) -> datetime:
    """Return noon, in the shop, of a day of the story."""
    return datetime(2026, 3, 1, 12, tzinfo=ZONE) + timedelta(days=number)


def midnight(number: int) -> datetime:
    """Return the instant at which a day of the story begins in the shop."""
    return day(number) - timedelta(hours=12)


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
    site: str | None = None
    at: datetime | None = None
    """The instant itself, where noon will not do."""


@dataclass(frozen=True)
class Subscription:
    """A subscription, by the days it began and was cancelled; its id is `<customer>-<product>`."""

    began: int
    cancelled: int | None = None
    product: str = "A"
    reason: str | None = None


@dataclass(frozen=True)
class Customer:
    """A customer's history."""

    orders: tuple[Order, ...] = ()
    duplicate_status: str = "confirmed"
    subscriptions: tuple[Subscription, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further columns of `raw.customers`."""
    history: tuple[tuple[str, int, str | None], ...] = ()
    """Field, day of its change, and what it became."""
    enrolled: tuple[tuple[str, int, str], ...] = ()
    """The scenario, the day of entry and the enrolment's state."""


SITE = "https://shop.example"
OWN = "after_another_scenario"
"""A scenario of the tests that looks at enrolments, its own among them."""

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
    "subscriber": Customer((Order(1, A),), subscriptions=(Subscription(0),)),
    "subscriber_later": Customer((Order(1, A),), subscriptions=(Subscription(3, 6),)),
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
    "first_cancelled": Customer((Order(1, A, cancelled=4, status="cancelled"), Order(2, A), Order(3, A))),
    "returned_later": Customer((Order(1, A, cancelled=4, status="returned"),)),
    "at_midnight": Customer(
        (Order(1, A, at=midnight(2) - timedelta(microseconds=1)), Order(2, A, at=midnight(2))),
    ),
    "of_two_sites": Customer(
        (Order(1, A, site=SITE), Order(2, A, site="https://other.example"), Order(3, A, site="")),
        fields={"access_url": SITE},
    ),
    "of_no_site": Customer((Order(1, A, site=SITE),), fields={"access_url": ""}),
    "ended_subscriptions": Customer(
        subscriptions=(
            Subscription(0, 4, "A", "too expensive"),
            Subscription(0, 6, "B", "had enough"),
            Subscription(0, None, "C"),
        )
    ),
    "vip": Customer((Order(1, A),)),
    "enrolled": Customer(
        enrolled=(("other", 3, "active"), ("another", 5, "stopped"), ("removed", 1, "removed"), (OWN, 2, "active"))
    ),
    "member": Customer(
        fields={
            "address": "東京都千代田区 100% 1-1",
            "postal_code": "1000001",
            "gender": "female",
            "birth_date": "1996-03-05",
            "last_login_at": day(2),
            "newsletter_status": "pc",
            "member_rank": "silver",
            "custom_fields": Jsonb(
                {"size": "L", "points": 12.5, "vip": True, "since": "2020-05-01T10:00", "digits": "0." + "1" * 17_000}
            ),
        },
        history=(
            ("newsletter_status", 0, "both"),
            ("newsletter_status", 5, "pc"),
            ("member_rank", 3, None),
            ("member_rank", 4, "gold"),
            ("member_rank", 6, "silver"),
        ),
    ),
    "born_on_29_february": Customer(fields={"birth_date": "1996-02-29", "gender": "male"}),
    "born_on_the_day_of_registration": Customer(fields={"birth_date": "1990-03-01"}),
}


def load(connection: psycopg.Connection) -> None:
    """Put the shop into the raw tables, and the enrolments into the ledger."""
    orders = [(name, order) for name, customer in CUSTOMERS.items() for order in customer.orders]
    lines = [
        (f"{name}-{order.placed}", number, product)
        for name, order in orders
        for number, product in enumerate(order.products, start=1)
    ]
    rows = {
        "products (product_id, product_name)": [
            (product, product) for product in sorted({product for _, _, product in lines})
        ],
        "categories (category_code, category_name)": [("K", "all of A"), ("L", "all of A again")],
        "product_categories (category_code, product_id)": [
            (category, product) for category in ("K", "L") for product in ("A", "A of another size")
        ],
        "payment_methods (payment_method, method_type, paid_display)": [("card", "other", "hide")],
        "orders (order_id, customer_id, ordered_at, status, cancelled_at, kind, continuation_no, payment_method,"
        " paid_on, shipped_on, access_url)": [
            (
                f"{name}-{order.placed}",
                name,
                order.at or day(order.placed),
                order.status,
                None if order.cancelled is None else day(order.cancelled),
                order.kind,
                order.continuation_no,
                "card",
                None if order.paid is None else day(order.paid).date(),
                None if order.shipped is None else day(order.shipped).date(),
                order.site,
            )
            for name, order in orders
        ],
        "order_lines (order_id, line_no, product_id, quantity)": [(*line, 2) for line in lines],
        "subscriptions (subscription_id, customer_id, product_id, started_at, cancelled_at, cancel_reason)": [
            (
                f"{name}-{subscription.product}",
                name,
                subscription.product,
                day(subscription.began),
                None if subscription.cancelled is None else day(subscription.cancelled),
                subscription.reason,
            )
            for name, customer in CUSTOMERS.items()
            for subscription in customer.subscriptions
        ],
        "customer_events (event_id, customer_id, event_type, event_at, product_id)": [
            ("viewed twice, 1", "once", "page_view", day(2), "A"),
            ("viewed twice, 2", "once", "page_view", day(3), "B"),
            ("left a cart", "once", "cart", day(4), None),
        ],
        "customer_tags (customer_id, tag, granted_at)": [("once", "会員", day(2)), ("thrice", "other", day(2))],
        "list_members (list_code, customer_id, added_at)": [("spring", "once", day(2))],
        "customer_history (customer_id, field, changed_at, value)": [
            (name, changed, day(number), value)
            for name, customer in CUSTOMERS.items()
            for changed, number, value in customer.history
        ],
    }
    with connection.cursor() as cursor:
        for name, customer in CUSTOMERS.items():
            values = {
                "customer_id": name,
                "registered_at": day(0),
                "duplicate_status": customer.duplicate_status,
                **customer.fields,
            }
            statement = f"insert into raw.customers ({', '.join(values)}) values ({', '.join(['%s'] * len(values))})"  # noqa: S608
            cursor.execute(statement, list(values.values()))
        for table, values_of_rows in rows.items():
            marks = ", ".join(["%s"] * len(values_of_rows[0]))
            cursor.executemany(f"insert into raw.{table} values ({marks})", values_of_rows)  # noqa: S608
    # without the ledger's triggers: these rows need no runs, versions and transitions
    connection.execute("set session_replication_role = replica")
    for name, customer in CUSTOMERS.items():
        for scenario, number, state in customer.enrolled:
            connection.execute(ENROL, {"scenario": scenario, "customer": name, "at": day(number), "state": state})
    connection.execute("reset session_replication_role")


ENROL = """
with scenario as (
    insert into outreach.scenarios (model_name, scenario_code, scenario_name, status, relation_name, updated_at)
    values (%(scenario)s, %(scenario)s, %(scenario)s, 'enabled', %(scenario)s, %(at)s)
    returning scenario_id
)

insert into outreach.enrolments (
    scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date,
    state, exit_reason, entered_at, plan_run_id, partition_date
)
select
    scenario_id, 0, %(customer)s, '', 'ordered', '', %(at)s, current_date,
    %(state)s, case %(state)s when 'stopped' then 'blocked' end, %(at)s, gen_random_uuid(), current_date
from scenario
"""
