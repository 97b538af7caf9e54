"""What the language says of a single order, run by hand: when it counts, what it holds, when it was paid.

Belongs here: rules about one order. Does not belong here: which orders are anchors (`anchors`).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tests.properties.history import Order, Shop
from tests.properties.local_time import LocalTime


def order_ends(order: Order) -> datetime | None:
    """Return from when an order no longer counts, None where it always does (R-102j).

    A return is no cancellation; what was cancelled at an unknown time never counted.
    """
    if order.status == "returned":
        return None
    if order.status == "cancelled" and order.cancelled_at is None:
        return order.ordered_at
    return order.cancelled_at


def counts(order: Order, instant: datetime) -> bool:
    """Whether an order counts at an instant."""
    ends = order_ends(order)
    return order.ordered_at <= instant and (ends is None or instant < ends)


def holds_product(order: Order, codes: Sequence[str]) -> bool:
    """Whether an order holds one of these products."""
    return any(product in codes for product in order.products)


def holds_category(order: Order, codes: Sequence[str], shop: Shop) -> bool:
    """Whether an order holds a product of one of these categories."""
    return any(code in codes for product in order.products for code in shop.product_categories.get(product, ()))


def paid_on(order: Order, shop: Shop, local: LocalTime) -> date | None:
    """Return the date of the payment: the order's own where it counts as paid at once (R-066 to R-068, Q-03)."""
    method_type, paid_display = shop.payment_methods.get(order.payment_method or "", (None, None))
    if method_type in ("coupon", "points") or paid_display == "show":
        return local.date_of(order.ordered_at)
    return order.authorised_on or order.paid_on


def desired_on(order: Order, shop: Shop) -> date | None:
    """Return the desired delivery date, without one so many days after the shipping (R-062, R-063)."""
    if order.desired_delivery_on or not order.shipped_on:
        return order.desired_delivery_on
    return order.shipped_on + timedelta(days=shop.desired_delivery_added_days)
