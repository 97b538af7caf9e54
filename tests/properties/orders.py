"""What the language says of a single order, run by hand: when it counts, what it holds, when it was paid.

Belongs here: rules about one order. Does not belong here: which orders are anchors (`anchors`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any

from tests.properties.history import Order, Shop
from tests.properties.local_time import LocalTime


def has_status(order: Order, statuses: Sequence[str]) -> bool:
    """Whether an order came to have one of these statuses.

    What has a time of cancellation was cancelled, whatever it is called, unless it was returned.
    """
    was_cancelled = order.cancelled_at is not None and order.status != "returned"
    return order.status in statuses or (was_cancelled and "cancelled" in statuses)


def order_ends(order: Order, uncounted: Sequence[str]) -> datetime | None:
    """Return from when an order no longer counts, None where it always does (R-102j).

    What got such a status at an unknown time never counted.
    """
    return (order.cancelled_at or order.ordered_at) if has_status(order, uncounted) else None


def counts(order: Order, instant: datetime, uncounted: Sequence[str] = ("cancelled",)) -> bool:
    """Whether an order counts at an instant; as a customer's record has it, whatever it has become but cancelled."""
    ends = order_ends(order, uncounted)
    return order.ordered_at <= instant and (ends is None or instant < ends)


def holds_product(order: Order, codes: Sequence[str]) -> bool:
    """Whether an order holds one of these products."""
    return any(product in codes for product in order.products)


def holds_category(order: Order, codes: Sequence[str], shop: Shop) -> bool:
    """Whether an order holds a product of one of these categories."""
    return any(code in codes for product in order.products for code in shop.product_categories.get(product, ()))


def matches_frame(order: Order, frame: Mapping[str, Any], shop: Shop) -> bool:
    """Whether an order holds what a product or category frame asks for."""
    if frame["type"] == "category":
        return holds_category(order, frame["codes"], shop)
    if "codes" in frame:
        return holds_product(order, frame["codes"])
    return any(product not in frame["other_than"] for product in order.products)


def run_of(frame: Mapping[str, Any], section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the frames that must hold in one order with this one, which is among them (Q-05)."""
    frames = section["frames"]
    at = next(place for place, other in enumerate(frames) if other is frame)
    # nothing stands above the first frame for its relation to join
    frames = [frames[0] | {"relation": "and"} if frames[0].get("relation") == "or" else frames[0], *frames[1:]]
    frame = frames[at]
    if section.get("and_scope") != "same_order" or not _joins(frame):
        return [frame]
    above = takewhile(_joins, reversed(frames[:at]))
    below = takewhile(_joins, frames[at + 1 :])
    return [*above, frame, *below]


def _joins(frame: Mapping[str, Any]) -> bool:
    return frame["type"] in ("product", "category") and frame.get("relation") in (None, "and")


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
