"""A shop's history in plain values, as the language reference speaks of it.

Belongs here: what can be known of a customer. Does not belong here: what a scenario makes of it (`language`), how it
is drawn (`histories`) or stored (`database`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Order:
    """An order with the products of its lines."""

    order_id: str
    ordered_at: datetime
    products: tuple[str, ...] = ()
    status: str = "new"
    cancelled_at: datetime | None = None
    kind: str = "one_off"
    continuation_no: int | None = None
    payment_method: str | None = None
    authorised_on: date | None = None
    paid_on: date | None = None
    shipped_on: date | None = None
    desired_delivery_on: date | None = None
    site: str | None = None


@dataclass(frozen=True)
class Event:
    """Something a customer did."""

    event_id: str
    event_type: str
    event_at: datetime
    product_id: str | None = None


@dataclass(frozen=True)
class Subscription:
    """A subscription; without `cancelled_at` it runs."""

    subscription_id: str
    started_at: datetime
    cancelled_at: datetime | None = None
    product_id: str | None = None
    cancel_reason: str | None = None


@dataclass(frozen=True)
class Change:
    """A change of a field that has a history."""

    field: str
    changed_at: datetime
    value: str | None


@dataclass(frozen=True)
class Enrolment:
    """A passage through a scenario; a removed one never was."""

    scenario_code: str
    entered_at: datetime
    removed: bool = False


@dataclass(frozen=True)
class Span:
    """A span of membership, open where an end is None; the first instant belongs to it, the last does not."""

    first: datetime | None = None
    last: datetime | None = None

    def __contains__(self, instant: datetime) -> bool:
        return (self.first is None or self.first <= instant) and (self.last is None or instant < self.last)


@dataclass(frozen=True)
class Customer:
    """A customer and all that happened to it."""

    customer_id: str
    registered_at: datetime
    duplicate_status: str = "confirmed"
    site: str | None = None
    postal_code: str | None = None
    address: str | None = None
    gender: str | None = None
    birth_date: date | None = None
    newsletter_status: str = "both"
    member_rank: str | None = None
    last_login_at: datetime | None = None
    custom_fields: Mapping[str, Any] | None = None
    orders: tuple[Order, ...] = ()
    events: tuple[Event, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    tags: Mapping[str, datetime] = field(default_factory=dict)
    lists: Mapping[str, datetime] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    enrolments: tuple[Enrolment, ...] = ()
    segments: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """Spans that do not touch, by segment."""

    def instants(self) -> Iterator[datetime]:
        """Yield every instant at which something happened."""
        yield self.registered_at
        for order in self.orders:
            yield order.ordered_at
            yield from filter(None, [order.cancelled_at])
        for event in self.events:
            yield event.event_at
        for subscription in self.subscriptions:
            yield subscription.started_at
            yield from filter(None, [subscription.cancelled_at])
        yield from self.tags.values()
        yield from self.lists.values()
        yield from (change.changed_at for change in self.changes)
        yield from (enrolment.entered_at for enrolment in self.enrolments)
        yield from filter(None, [self.last_login_at])
        for spans in self.segments.values():
            for span in spans:
                yield from filter(None, [span.first, span.last])

    def dates(self) -> Iterator[date]:
        """Yield every date that is known without a time."""
        for order in self.orders:
            known = (order.authorised_on, order.paid_on, order.shipped_on, order.desired_delivery_on)
            yield from filter(None, known)
        yield from filter(None, [self.birth_date])


@dataclass(frozen=True)
class Shop:
    """What all customers have in common."""

    product_categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The categories of each product."""
    payment_methods: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """The type and the paid display of a payment method."""
    desired_delivery_added_days: int = 5
    time_zone: str = "Asia/Tokyo"


@dataclass(frozen=True)
class History:
    """A shop and its customers."""

    customers: tuple[Customer, ...]
    shop: Shop = Shop()
