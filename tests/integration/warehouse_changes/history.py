"""A shop's facts, and what may happen to them from one day to the next.

Belongs here: statements against schema raw, drawn at random. Does not belong here: what is expected of a build.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg

CUSTOMERS = 40
PRODUCTS = ("A", "B", "C")
STATUSES = ("new", "cancelled", "returned")
DAYS = 200
"""Length of the history, from the first of January 2026."""

Change = Callable[[psycopg.Connection, Random], object]


def fill(connection: psycopg.Connection, random: Random) -> None:
    """Make a shop in which every kind of fact occurs."""
    connection.execute(
        "insert into raw.products (product_id, product_name) select p, p from unnest(%s::text[]) p", [list(PRODUCTS)]
    )
    connection.execute("insert into raw.categories (category_code, category_name) values ('K', 'K'), ('L', 'L')")
    connection.execute("insert into raw.product_categories values ('A', 'K'), ('B', 'K'), ('C', 'L')")
    connection.execute("insert into raw.payment_methods values ('card', 'other', 'hide'), ('points', 'points', 'hide')")
    for number in range(CUSTOMERS):
        connection.execute(
            "insert into raw.customers (customer_id, registered_at, member_rank) values (%s, %s, 'gold')",
            [f"顧客 {number}'s", "2026-01-01 03:00+00"],
        )
    for change in CHANGES:
        for _ in range(15):
            change(connection, random)


def _instant(random: Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(DAYS * 24 * 60))


def _customer(random: Random) -> str:
    return f"顧客 {random.randrange(CUSTOMERS)}'s"


def _one(connection: psycopg.Connection, random: Random, table: str, key: str) -> object:
    """Return the key of one row, the same for the same seed; None where there is none."""
    keys = [row[0] for row in connection.execute(f"select {key} from raw.{table} order by 1").fetchall()]  # noqa: S608
    return random.choice(keys) if keys else None


def place_order(connection: psycopg.Connection, random: Random) -> None:
    order, at = f"order {random.getrandbits(48)}", _instant(random)
    connection.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at, payment_method, paid_on, amount)"
        " values (%s, %s, %s, %s, (%s::timestamptz)::date + 1, %s)",
        [order, _customer(random), at, random.choice(["card", "points", None]), at, random.randrange(100)],
    )
    for line in range(random.randrange(1, 3)):
        connection.execute("insert into raw.order_lines values (%s, %s, %s, 1)", [order, line, random.choice(PRODUCTS)])


def change_order(connection: psycopg.Connection, random: Random) -> None:
    status = random.choice(STATUSES)
    connection.execute(
        "update raw.orders set status = %s, cancelled_at = ordered_at + %s::interval where order_id = %s",
        [status, None if status == "new" else "3 days", _one(connection, random, "orders", "order_id")],
    )


def move_order(connection: psycopg.Connection, random: Random) -> None:
    """Give an order to another customer, as a merge of duplicates does."""
    connection.execute(
        "update raw.orders set customer_id = %s where order_id = %s",
        [_customer(random), _one(connection, random, "orders", "order_id")],
    )


def delete_order(connection: psycopg.Connection, random: Random) -> None:
    order = _one(connection, random, "orders", "order_id")
    for table in random.sample(["orders", "order_lines"], random.randrange(1, 3)):
        connection.execute(f"delete from raw.{table} where order_id = %s", [order])  # noqa: S608


def move_line(connection: psycopg.Connection, random: Random) -> None:
    line = _one(connection, random, "order_lines", "order_id")
    connection.execute(
        "update raw.order_lines set order_id = %s, line_no = %s, product_id = %s where order_id = %s and line_no = 0",
        [_one(connection, random, "orders", "order_id"), random.getrandbits(30), random.choice(PRODUCTS), line],
    )


def change_customer(connection: psycopg.Connection, random: Random) -> None:
    connection.execute(
        "update raw.customers set newsletter_status = %s, member_rank = %s, duplicate_status = %s, registered_at = %s"
        " where customer_id = %s",
        [
            *(random.choice(["both", "none"]), random.choice(["gold", None])),
            *(random.choice(["confirmed", "confirmed", "on_hold"]), _instant(random), _customer(random)),
        ],
    )


def remove_or_return_customer(connection: psycopg.Connection, random: Random) -> None:
    customer = _customer(random)
    if connection.execute("delete from raw.customers where customer_id = %s", [customer]).rowcount == 0:
        connection.execute(
            "insert into raw.customers (customer_id, registered_at) values (%s, %s)", [customer, _instant(random)]
        )


def change_attributes(connection: psycopg.Connection, random: Random) -> None:
    """Tags, lists, events and subscriptions come and go."""
    customer, at = _customer(random), _instant(random)
    table, columns = random.choice(
        [
            ("customer_tags", "tag, granted_at, customer_id"),
            ("list_members", "list_code, added_at, customer_id"),
            ("customer_events", "event_id, event_at, customer_id, event_type"),
            ("subscriptions", "subscription_id, started_at, customer_id, cancelled_at"),
        ]
    )
    if random.random() < 0.3:
        connection.execute(f"delete from raw.{table} where customer_id = %s", [customer])  # noqa: S608
        return
    key = {"customer_tags": "vip", "list_members": "spring"}.get(table, f"{random.getrandbits(48)}")
    last = {"customer_events": ["viewed"], "subscriptions": [random.choice([None, "2026-08-01 00:00+00"])]}
    values = [key, at, customer, *last.get(table, [])]
    connection.execute(
        f"insert into raw.{table} ({columns}) values ({', '.join(['%s'] * len(values))}) on conflict do nothing",  # noqa: S608
        values,
    )


def open_message(connection: psycopg.Connection, random: Random) -> None:
    """A provider tells of an open, and sometimes later that it was a machine's."""
    customer = _customer(random)
    if random.random() < 0.3:
        connection.execute(
            "update outreach.delivery_events set is_machine = true where customer_id = %s and not is_machine",
            [customer],
        )
        return
    connection.execute(
        "insert into outreach.delivery_events ("
        " event_key, provider, customer_id, kind, happened_at, is_machine, provider_event_ids, received_at)"
        " values (%s, 'sendgrid', %s, 'open', %s, %s, '{}', now())",
        [random.randbytes(32), customer, _instant(random), random.random() < 0.3],
    )


def change_category(connection: psycopg.Connection, random: Random) -> None:
    connection.execute(
        "update raw.product_categories set category_code = %s where product_id = %s",
        [random.choice(["K", "L"]), random.choice(PRODUCTS)],
    )


def change_payment_method(connection: psycopg.Connection, random: Random) -> None:
    connection.execute(
        "update raw.payment_methods set paid_display = %s where payment_method = %s",
        [random.choice(["show", "hide"]), random.choice(["card", "points"])],
    )


CHANGES: tuple[Change, ...] = (
    *(place_order, change_order, move_order, delete_order, move_line),
    *(change_customer, remove_or_return_customer, change_attributes, change_category, change_payment_method),
)
