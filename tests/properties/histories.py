"""Random histories: few customers, few facts, on few instants.

Belongs here: which histories there are. A history for a definition holds mostly what that definition looks at, so that
few facts are enough to disagree on; now and then it holds something else as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.properties import words
from tests.properties.anchors import ORDER_ANCHORS, anchor_kind
from tests.properties.definitions import frames_of
from tests.properties.history import Change, Customer, Enrolment, Event, History, Order, Span, Subscription
from tests.properties.words import days, instants, now_and_then, rarely

FACTS = ("orders", "events", "subscriptions", "tags", "lists", "changes", "enrolments", "segments", "record")
READ_BY_ANCHORS = {
    **dict.fromkeys(ORDER_ANCHORS, "orders"),
    "entered": "segments",
    "event": "events",
    "list_imported": "lists",
    "tag_granted": "tags",
    "subscription_cancelled": "subscriptions",
}
READ_BY_FRAMES = {
    "product": ("orders",),
    "category": ("orders",),
    "order": ("orders",),
    "event": ("events",),
    "subscription_cancelled": ("subscriptions",),
    "scenario": ("enrolments",),
    "segment": ("segments",),
    "list": ("lists",),
    "member": ("record", "changes", "tags"),
}
READ_OF_ORDERS = {"last_ordered_on", "first_ordered_on", "last_ordered_days_ago"}
MOST_CUSTOMERS = 5
"""More than one, as facts of one must not count for another; and an example costs its plans, not its rows."""

maybe_instant = st.none() | instants
maybe_day = st.none() | days
products = st.sampled_from((None, *words.PRODUCTS))
_A, _B, _C = words.PRODUCTS
baskets = st.sampled_from(((_A,), (_A,), (_A,), (_B,), (_B,), (_A, _B), (_C,), (_A, _A), (_B, _C), ()))
UNNAMED = ""
"""Facts get their ids with their customer's."""


def _some(facts: st.SearchStrategy[Any], at_most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw facts: mostly one or more, now and then none."""
    at_least_one = st.lists(facts, min_size=1, max_size=at_most)
    return st.one_of(at_least_one, at_least_one, st.lists(facts, max_size=at_most)).map(tuple)


def _named(names: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw for each name an instant or nothing."""
    drawn = st.fixed_dictionaries({name: st.one_of(instants, instants, st.none()) for name in names})
    return drawn.map(lambda found: {name: at for name, at in found.items() if at})


def _spans(ends: Sequence[Any], from_ever: bool) -> tuple[Span, ...]:
    """Make spans that do not touch of different instants; the first may have no beginning, the last no end."""
    bounds = [None, *sorted(ends)] if from_ever else sorted(ends)
    if len(bounds) % 2:
        bounds.append(None)
    return tuple(Span(first, last) for first, last in zip(bounds[::2], bounds[1::2], strict=True))


STANDING = {"status": st.just("new"), "cancelled_at": st.none()}
SETTLED = {"status": st.sampled_from(words.STATUSES), "cancelled_at": maybe_instant}
DETAILS = {
    "kind": st.sampled_from(("one_off", "subscription")),
    "continuation_no": rarely(st.integers(1, 2)),
    "payment_method": rarely(st.sampled_from(words.PAYMENT_METHODS)),
    "authorised_on": rarely(days),
    "paid_on": maybe_day,
    "shipped_on": maybe_day,
    "desired_delivery_on": rarely(days),
    "site": st.sampled_from((None, *words.SITES)),
}


def _orders(details: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[Order, ...]]:
    order = st.one_of(
        st.builds(Order, st.just(UNNAMED), instants, baskets, **STANDING, **details),
        st.builds(Order, st.just(UNNAMED), instants, baskets, **SETTLED, **details),
    )
    return _some(order, at_most=6)


events = st.builds(Event, st.just(UNNAMED), st.sampled_from(words.EVENTS), instants, products)
subscriptions = st.builds(
    Subscription, st.just(UNNAMED), instants, maybe_instant, products, rarely(st.sampled_from(words.REASONS))
)
changes = st.one_of(
    st.builds(Change, st.just("newsletter_status"), instants, st.sampled_from((*words.NEWSLETTER, None))),
    st.builds(Change, st.just("member_rank"), instants, st.sampled_from((*words.RANKS, None))),
)
enrolments = st.builds(
    Enrolment, st.sampled_from((*words.OTHER_SCENARIOS, words.SCENARIO)), instants, rarely(st.just(True), False)
)
custom_fields = st.none() | st.dictionaries(
    st.sampled_from(("size", "colour")),
    st.sampled_from((1, "1", 2, 2.5, "x", "xx%", True, None, "2024-02-29", "")),
    max_size=2,
)
RECORD: Mapping[str, st.SearchStrategy[Any]] = {
    "postal_code": st.sampled_from((None, "0123", "9990")),
    "address": st.sampled_from((None, "Kyoto", "50%", "Kyoto 50 off", "a_b", "東京都")),
    "gender": st.sampled_from((None, "female", "male")),
    "birth_date": st.sampled_from((None, *words.BIRTH_DATES)),
    "newsletter_status": st.sampled_from(words.NEWSLETTER),
    "member_rank": st.sampled_from((None, *words.RANKS)),
    "last_login_at": maybe_instant,
    "custom_fields": custom_fields,
}
KINDS: Mapping[str, st.SearchStrategy[Any]] = {
    "orders": _orders({}),
    "events": _some(events, at_most=3),
    "subscriptions": _some(subscriptions, at_most=2),
    "tags": _named(words.TAGS),
    "lists": _named(words.LISTS),
    "changes": st.lists(changes, max_size=3, unique_by=lambda c: (c.field, c.changed_at)).map(tuple),
    "enrolments": _some(enrolments, at_most=2),
    "segments": st.fixed_dictionaries(
        {},
        optional={
            words.SPANNED_SEGMENT: st.builds(_spans, st.lists(instants, max_size=4, unique=True), st.booleans()),
            words.STANDING_SEGMENT: st.just((Span(),)),
        },
    ),
}
detailed_orders = _orders(DETAILS)
duplicate_statuses = rarely(now_and_then, False).map(lambda off: "unconfirmed" if off else "confirmed")


EARLY = words.start_of(words.FIRST_DAY - timedelta(days=30))
registrations = st.just(EARLY) | instants
"""Half of the customers registered before anything else happened, so that all of it shows in what they may enter."""


@cache
def customers(facts: frozenset[str], details: bool) -> st.SearchStrategy[Customer]:
    """Draw a customer, yet without a name, with facts of these kinds."""
    known = {kind: strategy for kind, strategy in KINDS.items() if kind in facts}
    if "orders" in facts and details:
        known["orders"] = detailed_orders
    if "record" in facts:
        known |= RECORD
    site = st.sampled_from((None, *words.SITES))
    return st.builds(Customer, st.just(UNNAMED), registrations, duplicate_statuses, site, **known)


def _with_names(customers: Sequence[Customer]) -> tuple[Customer, ...]:
    return tuple(_with_name(f"c{number}", customer) for number, customer in enumerate(customers, start=1))


def _with_name(name: str, customer: Customer) -> Customer:
    return replace(
        customer,
        customer_id=name,
        orders=tuple(replace(o, order_id=f"{name}-o{n}") for n, o in enumerate(customer.orders, 1)),
        events=tuple(replace(e, event_id=f"{name}-e{n}") for n, e in enumerate(customer.events, 1)),
        subscriptions=tuple(
            replace(s, subscription_id=f"{name}-s{n}") for n, s in enumerate(customer.subscriptions, 1)
        ),
    )


def facts_read(definition: Mapping[str, Any]) -> set[str]:
    """Return the kinds of facts that a definition looks at."""
    read = {READ_BY_ANCHORS.get(anchor_kind(definition), "record")}
    if definition.get("target", {}).get("active_subscriber") == "exclude":
        read.add("subscriptions")
    for _, frame in frames_of(definition):
        read.update(READ_BY_FRAMES[frame["type"]])
        if READ_OF_ORDERS & frame.get("member", {}).keys():
            read.add("orders")
    return read


one_more = st.sampled_from((None,) * len(FACTS) + FACTS)


@st.composite
def histories(draw: st.DrawFn, definition: Mapping[str, Any]) -> History:
    """Draw the history of a few customers, made for a definition."""
    facts = frozenset(facts_read(definition) | {draw(one_more)})
    details = definition["anchor"] != "ordered" or "orders" in definition or "site" in definition
    several = st.lists(customers(facts, details), min_size=1, max_size=MOST_CUSTOMERS)
    return History(_with_names(draw(several)), words.SHOP)
