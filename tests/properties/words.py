"""The few words and instants that histories and definitions are made of: few, so that they meet.

Belongs here: the made-up shop's vocabulary. Does not belong here: how it is put together (`definitions`, `histories`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.properties.history import Shop

Value = TypeVar("Value")

SCENARIO = "mine"
OTHER_SCENARIOS = ("other", "third")
PRODUCTS = ("A", "B", "C's 50%_\\")
CATEGORIES = ("K", "L")
EVENTS = ("viewed", "carted")
TAGS = ("vip", "会員")
LISTS = ("spring", "autumn")
SPANNED_SEGMENT, STANDING_SEGMENT = "loyal", "insiders"
"""A segment of spans, and one without `valid`: who is in it always was."""
SEGMENTS = {SPANNED_SEGMENT: ("customer_id", "valid"), STANDING_SEGMENT: ("customer_id",)}
SITES = ("https://a.example", "https://b.example")
REASONS = ("too dear", "moved")
RANKS = ("gold", "silver")
NEWSLETTER = ("both", "pc", "mobile", "none")
STATUSES = ("new", "cancelled", "returned")
PAYMENT_METHODS = ("card", "coupon", "shown", "unknown")

SHOP = Shop(
    product_categories={"A": ("K",), "B": ("K", "L")},
    payment_methods={"card": ("other", "hide"), "coupon": ("coupon", None), "shown": (None, "show")},
)
ZONE = ZoneInfo(SHOP.time_zone)

FIRST_DAY = date(2024, 2, 27)
"""Two days before a 29 February."""
TIMES = (time(12), time(0), time(23, 59, 59, 999_999), time(0, 0, 0, 1))
"""Noon, and what lies on and beside a local midnight."""

BIRTH_DATES = (date(1992, 2, 29), date(1994, 3, 1), date(1990, 2, 28), FIRST_DAY)


def start_of(day: date) -> datetime:
    """Return the instant at which a day begins in the shop, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def instants_of(days: Sequence[date]) -> st.SearchStrategy[datetime]:
    """Draw an instant of one of these days, in UTC."""
    return st.sampled_from([datetime.combine(day, moment, ZONE).astimezone(UTC) for day in days for moment in TIMES])


DAYS = tuple(FIRST_DAY + timedelta(days=number) for number in range(6))
days = st.sampled_from(DAYS)
instants = instants_of(DAYS)


def rarely(strategy: st.SearchStrategy[Value], otherwise: Value | None = None) -> st.SearchStrategy[Value | None]:
    """Draw from `strategy` one time in three; the rest, and what failures shrink to, is the other value."""
    other = st.just(otherwise)
    return st.one_of(other, other, strategy)


sometimes = rarely(st.just(True), False)
now_and_then = rarely(sometimes, False)


def some(values: tuple[Value, ...], at_most: int = 2) -> st.SearchStrategy[list[Value]]:
    """Draw one or a few different values."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=at_most, unique=True)
