"""Anchors, run by hand: which ones a customer has, and whether one stands at an instant (R-060 to R-078).

Belongs here: the rules of the language's reference about anchors. Does not belong here: conditions (`language`), a
single order (`orders`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tests.properties.history import Customer, Order, Shop, Span, Subscription
from tests.properties.local_time import LocalTime, given_date
from tests.properties.orders import (
    counts,
    desired_on,
    has_status,
    holds_category,
    holds_product,
    matches_frame,
    paid_on,
    run_of,
)

ORDER_ANCHORS = ("ordered", "paid", "shipped", "desired_delivery", "nth_purchase")

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Anchor:
    """What the steps count from. An order's has its order, a segment's its span."""

    key: str
    at: datetime
    on: date
    order: Order | None = None
    span: Span | None = None


def anchor_kind(definition: Definition) -> str:
    """Return the anchor's name."""
    anchor = definition["anchor"]
    return anchor if isinstance(anchor, str) else next(iter(anchor))


def uncounted(definition: Definition) -> Sequence[str]:
    """Return the statuses with which an order does not count (R-102j)."""
    statuses: Sequence[str] = definition.get("count_excludes_status", ["cancelled"])
    return statuses


def matches(subscription: Subscription, products: Sequence[str] | None, reasons: Sequence[str] | None) -> bool:
    """Whether a subscription is to one of these products, and ended for one of these reasons."""
    return (not products or subscription.product_id in products) and (
        not reasons or subscription.cancel_reason in reasons
    )


def cancelled_at(subscription: Subscription) -> datetime | None:
    """Return when a subscription was cancelled; one that ended before it began ended as it began."""
    return subscription.cancelled_at and max(subscription.cancelled_at, subscription.started_at)


class Anchors:
    """The anchors that a definition gives a customer."""

    def __init__(self, definition: Definition, customer: Customer, shop: Shop) -> None:
        self.definition = definition
        self.customer = customer
        self.shop = shop
        self.local = LocalTime(shop.time_zone)
        self.kind = anchor_kind(definition)
        anchor = definition["anchor"]
        self.argument: Any = None if isinstance(anchor, str) else anchor[self.kind]
        start = definition.get("start")
        self.start = self.local.start_of(given_date(start)) if start else None

    def all(self) -> list[Anchor]:
        """Return everything that is an anchor at some instant."""
        return [
            anchor
            for anchor in self._candidates()
            if (self.start is None or anchor.at >= self.start) and self._is_of_the_site(anchor)
        ]

    def stands(self, anchor: Anchor, instant: datetime) -> bool:
        """Whether the anchor is one at this instant, apart from having been reached."""
        if anchor.span:
            return instant in anchor.span
        if not anchor.order:
            return True
        if instant < anchor.order.ordered_at or self.order_is_off(anchor.order, instant):
            return False
        return self.kind != "nth_purchase" or self._nth_order(instant) == anchor.order

    def order_is_off(self, order: Order, instant: datetime) -> bool:
        """Whether the order has, at this instant, a status that is excluded; at an unknown time: always (C-08)."""
        if not has_status(order, self.definition.get("excluded_order_statuses", ["cancelled"])):
            return False
        return order.cancelled_at is None or order.cancelled_at <= instant

    def _candidates(self) -> Iterator[Anchor]:
        customer, argument = self.customer, self.argument
        match self.kind:
            case "ordered" | "nth_purchase" | "paid" | "shipped" | "desired_delivery":
                yield from filter(None, map(self._order_anchor, filter(self._order_may_anchor, customer.orders)))
            case "member_registered":
                yield self._anchor(customer.customer_id, customer.registered_at)
            case "tag_granted":
                yield from (self._anchor(tag, at) for tag, at in customer.tags.items() if tag == argument)
            case "list_imported":
                yield from (self._anchor(code, at) for code, at in customer.lists.items() if code == argument)
            case "event":
                yield from (self._anchor(e.event_id, e.event_at) for e in customer.events if e.event_type == argument)
            case "subscription_cancelled":
                wanted = argument or {}
                for subscription in customer.subscriptions:
                    at = cancelled_at(subscription)
                    if at and matches(subscription, wanted.get("products"), wanted.get("reasons")):
                        yield self._anchor(subscription.subscription_id, at)
            case "entered":
                yield from self._entries(customer.segments.get(argument, ()))

    def _anchor(self, key: str, at: datetime, span: Span | None = None) -> Anchor:
        return Anchor(key, at, self.local.date_of(at), span=span)

    def _entries(self, spans: Sequence[Span]) -> Iterator[Anchor]:
        """Yield an anchor for each span of membership; one begun before `start` enters at `start` (R-041).

        Nobody comes in before the registration either.
        """
        earliest = max(filter(None, [self.start, self.customer.registered_at]))
        for span in spans:
            at = earliest if span.first is None else max(earliest, span.first)
            if at in span:
                yield self._anchor(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", at, span)

    def _order_anchor(self, order: Order) -> Anchor | None:
        """Return the anchor of an order, None as long as its date is not known (R-080)."""
        if self.kind in ("ordered", "nth_purchase"):
            return Anchor(order.order_id, order.ordered_at, self.local.date_of(order.ordered_at), order)
        on = {
            "paid": paid_on(order, self.shop, self.local),
            "shipped": order.shipped_on,
            "desired_delivery": desired_on(order, self.shop),
        }[self.kind]
        if on is None:
            return None
        # an order that is paid on its own day does not come after its own anchor
        return Anchor(order.order_id, max(self.local.start_of(on), order.ordered_at), on, order)

    def _order_may_anchor(self, order: Order) -> bool:
        """Whether an order passes the filters, and holds a product of the target (R-085, Q-15)."""
        filters = self.definition.get("orders", {})
        period = filters.get("period", {})
        on = self.local.date_of(order.ordered_at)
        return (
            filters.get("kind", "all") in ("all", order.kind)
            and filters.get("continuation_no") in (None, order.continuation_no)
            and (not period.get("from") or given_date(period["from"]) <= on)
            and (not period.get("to") or on <= given_date(period["to"]))
            and (not filters.get("products") or holds_product(order, filters["products"]))
            and (not filters.get("categories") or holds_category(order, filters["categories"], self.shop))
            and self._holds_product_of_the_target(order)
        )

    def _holds_product_of_the_target(self, order: Order) -> bool:
        target = self.definition.get("target", {})
        frames = [f for f in target.get("frames", []) if f.get("relation") != "not"]
        naming = [f for f in frames if f["type"] in ("product", "category") and f.get("codes")]
        if not naming or any(f["type"] == "order" for f in frames):
            return True
        return any(all(matches_frame(order, each, self.shop) for each in run_of(f, target)) for f in naming)

    def _nth_order(self, instant: datetime) -> Order | None:
        """Return the n-th of the orders that hold a product of the set and count at this instant (R-078)."""
        counting = [
            order
            for order in self.customer.orders
            if holds_product(order, self.argument["products"]) and counts(order, instant, uncounted(self.definition))
        ]
        counting.sort(key=lambda order: (order.ordered_at, order.order_id))
        return counting[self.argument["n"] - 1] if len(counting) >= self.argument["n"] else None

    def _is_of_the_site(self, anchor: Anchor) -> bool:
        """Whether the site is the order's, or the member's where no order is the anchor (R-088, R-089, Q-04)."""
        wanted = self.definition.get("site")
        return not wanted or wanted == (anchor.order.site if anchor.order else self.customer.site)
