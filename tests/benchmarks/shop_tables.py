"""What a generated shop's tables hold, drawn by column from a random generator.

Belongs here: one function per table, and how its columns are drawn. Does not belong here: sizes, files and databases
(`shop`). Instants are microseconds since 1970, UTC; customers, products and orders are numbers from 1 on until they are
written.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

END = datetime(2026, 6, 30, 15, tzinfo=UTC)
"""The last instant of the history: midnight in Tokyo."""
KNOWN_UNTIL = END + timedelta(hours=9)
"""When benchmarks ask: nothing that happens later is in the shop."""
YEARS = 3
SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND
TOKYO = 9 * 3600 * SECOND  # no daylight saving time: local dates by addition
PRODUCTS = 10_000
CATEGORIES = 50
ZIPF = 0.9  # the most popular product has 6 % of the lines, as measured in real shops of this size
LINES_PER_ORDER = (0.30, 0.28, 0.20, 0.12, 0.06, 0.04)  # one to six lines, 2.48 in the mean
INSTANT = pa.timestamp("us", tz="UTC")


def catalogue() -> dict[str, pa.Table]:
    """Return products, categories, which products are in which, and payment methods."""
    ranks = np.arange(1, PRODUCTS + 1)
    numbers = np.arange(1, CATEGORIES + 1)
    categories = (ranks - 1) % CATEGORIES + 1
    return {
        "products": pa.table({"product_id": _ids("p", ranks, 5), "product_name": _ids("Product ", ranks, 5)}),
        "categories": pa.table(
            {"category_code": _ids("k", numbers, 2), "category_name": _ids("Category ", numbers, 2)}
        ),
        "product_categories": pa.table({"product_id": _ids("p", ranks, 5), "category_code": _ids("k", categories, 2)}),
        "payment_methods": pa.table(
            {
                "payment_method": ["card", "bank", "points"],
                "method_type": ["other", "other", "points"],
                "paid_display": ["hide", "hide", "hide"],
            }
        ),
    }


def customers(draw: np.random.Generator, registered: np.ndarray) -> pa.Table:
    """Return customers who registered at these instants."""
    count = len(registered)
    numbers = np.arange(1, count + 1)
    born = np.datetime64("1940-01-01") + draw.integers(0, 66 * 365, count)
    return pa.table(
        {
            "customer_id": _ids("c", numbers),
            "registered_at": pa.array(registered, INSTANT),
            "family_name": pa.array(np.array(["佐藤", "鈴木", "高橋", "田中"])[numbers % 4]),
            "given_name": pa.array(np.array(["葵", "蓮", "陽菜"])[numbers % 3]),
            "email": pc.binary_join_element_wise(_ids("c", numbers), "@customer.invalid", ""),
            "postal_code": pc.binary_join_element_wise(_digits(draw.integers(0, 999, count), 3), "-0001", ""),
            "gender": _choice(draw, count, ("female", "male", None), (0.55, 0.4, 0.05)),
            "birth_date": pa.array(born),
            "newsletter_status": _choice(draw, count, ("both", "pc", "mobile", "none"), (0.7, 0.1, 0.1, 0.1)),
            "duplicate_status": _choice(draw, count, ("confirmed", "unconfirmed"), (0.99, 0.01)),
            "access_url": _choice(draw, count, ("https://shop.example", "https://outlet.example"), (0.9, 0.1)),
        }
    )


def orders(draw: np.random.Generator, numbers: np.ndarray, customers: np.ndarray, at: np.ndarray) -> pa.Table:
    """Return these orders of these customers, with what became of them."""
    count = len(at)
    local_day = ((at + TOKYO) // DAY).astype("datetime64[D]")
    fate = draw.random(count)
    cancelled_at = at + draw.integers(1, 3 * DAY, count)
    cancelled = (fate < 0.03) & (cancelled_at <= micros(KNOWN_UNTIL))
    returned = (fate >= 0.03) & (fate < 0.04)
    repeated = draw.random(count) < 0.1
    payment = draw.choice(np.array(["card", "bank", "points"]), count, p=[0.8, 0.15, 0.05])
    shipped = local_day + draw.integers(1, 4, count)
    return pa.table(
        {
            "order_id": _ids("o", numbers, 9),
            "customer_id": _ids("c", customers),
            "ordered_at": pa.array(at, INSTANT),
            "status": pa.array(np.select([cancelled, returned], ["cancelled", "returned"], "shipped")),
            "cancelled_at": pa.array(cancelled_at, INSTANT, mask=~cancelled),
            "kind": pa.array(np.where(repeated, "subscription", "one_off")),
            "continuation_no": pa.array(draw.integers(1, 13, count), pa.int32(), mask=~repeated),
            "payment_method": pa.array(payment),
            "authorised_on": pa.array(local_day, mask=payment != "card"),
            "paid_on": pa.array(local_day + draw.integers(0, 8, count), mask=payment != "bank"),
            "shipped_on": pa.array(shipped, mask=cancelled),
            "desired_delivery_on": pa.array(shipped + 2, mask=draw.random(count) < 0.7),
            "access_url": _choice(draw, count, ("https://shop.example", "https://outlet.example"), (0.9, 0.1)),
            "amount": pa.array(draw.integers(1000, 30000, count)),
        }
    )


def order_lines(draw: np.random.Generator, numbers: np.ndarray) -> pa.Table:
    """Return one to six lines for each of these orders."""
    in_order = draw.choice(len(LINES_PER_ORDER), len(numbers), p=LINES_PER_ORDER) + 1
    starts = np.repeat(np.cumsum(in_order) - in_order, in_order)
    count = int(in_order.sum())
    popularity = np.cumsum(np.arange(1, PRODUCTS + 1) ** -ZIPF)
    return pa.table(
        {
            "order_id": _ids("o", np.repeat(numbers, in_order), 9),
            "line_no": pa.array(np.arange(count) - starts + 1, pa.int32()),
            "product_id": _ids("p", _skewed(draw, popularity, count) + 1, 5),
            "quantity": pa.array(draw.integers(1, 4, count)),
            "amount": pa.array(draw.integers(300, 9000, count)),
        }
    )


def subscriptions(draw: np.random.Generator, count: int, customers: int) -> pa.Table:
    started = instants(draw, count, micros(END) - YEARS * 365 * DAY, micros(END))
    ended = np.minimum(started + draw.integers(20 * DAY, 600 * DAY, count), micros(END))
    return pa.table(
        {
            "subscription_id": _ids("s", np.arange(1, count + 1)),
            "customer_id": _ids("c", draw.integers(1, customers + 1, count)),
            "product_id": _ids("p", draw.integers(1, 101, count), 5),
            "started_at": pa.array(started, INSTANT),
            "cancelled_at": pa.array(ended, INSTANT, mask=draw.random(count) < 0.5),
            "cancel_reason": _choice(draw, count, ("price", "quality", None), (0.3, 0.3, 0.4)),
        }
    )


def events(draw: np.random.Generator, count: int, customers: int) -> pa.Table:
    at = np.sort(instants(draw, count, micros(END) - 365 * DAY, micros(END)))
    kinds, shares = ("viewed", "searched", "carted", "opened", "clicked"), (0.5, 0.15, 0.1, 0.2, 0.05)
    return pa.table(
        {
            "event_id": _ids("e", np.arange(1, count + 1), 9),
            "customer_id": _ids("c", draw.integers(1, customers + 1, count)),
            "event_type": _choice(draw, count, kinds, shares),
            "event_at": pa.array(at, INSTANT),
            "product_id": _ids("p", draw.integers(1, 1001, count), 5),
        }
    )


def tags(draw: np.random.Generator, customers: int) -> pa.Table:
    tagged = np.flatnonzero(draw.random(customers) < 0.2) + 1
    at = instants(draw, len(tagged), micros(END) - 365 * DAY, micros(END))
    tags = _choice(draw, len(tagged), ("vip", "sample"), (0.3, 0.7))
    return pa.table({"customer_id": _ids("c", tagged), "tag": tags, "granted_at": pa.array(at, INSTANT)})


def list_members(draw: np.random.Generator, customers: int) -> pa.Table:
    listed = np.flatnonzero(draw.random(customers) < 0.05) + 1
    at = instants(draw, len(listed), micros(END) - 30 * DAY, micros(END))
    codes = pa.array(["spring"] * len(listed))
    return pa.table({"list_code": codes, "customer_id": _ids("c", listed), "added_at": pa.array(at, INSTANT)})


def buyers(draw: np.random.Generator, count: int, *, customers: int, seed: int) -> np.ndarray:
    """Return the positions, from 0, of who places each order; some order a hundred times as often as others do.

    The same seed gives every customer the same habit.
    """
    habits = np.random.default_rng(seed).lognormal(0.0, 1.0, customers)
    return _skewed(draw, np.cumsum(habits), count)


def micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def instants(draw: np.random.Generator, count: int, first: int, last: int) -> np.ndarray:
    return draw.integers(first, last, count)


def _skewed(draw: np.random.Generator, cumulated: np.ndarray, count: int) -> np.ndarray:
    """Return `count` positions, each drawn by its weight; `cumulated` holds the running sums of the weights."""
    return np.searchsorted(cumulated, draw.random(count) * cumulated[-1], side="right")


def _choice(
    draw: np.random.Generator, count: int, words: tuple[str | None, ...], shares: tuple[float, ...]
) -> pa.Array:
    return pa.array(words).take(pa.array(draw.choice(len(words), count, p=shares)))


def _ids(prefix: str, numbers: np.ndarray, digits: int = 7) -> pa.Array:
    return pc.binary_join_element_wise(prefix, _digits(numbers, digits), "")


def _digits(numbers: np.ndarray, digits: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
