"""The same history, some facts later: what a shop learns as time goes by.

Belongs here: facts that say nothing of the time before them. These do, so they are not drawn here: a payment, shipping
or delivery date in the past; what has no history (address, gender, birth date, custom fields, latest login, site,
duplicate status, categories of products); an order that turns out cancelled at an unknown time, or whose new status
takes the place of one that `excluded_order_statuses` names; a first change of a field that does not say what was there
before; a member of a segment that keeps no spans.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.properties import words
from tests.properties.history import Change, Customer, Enrolment, Event, History, Order, Span, Subscription
from tests.properties.words import rarely, sometimes

FIRST_LATER_DAY = words.DAYS[-1] + timedelta(days=1)
MOMENT = words.start_of(FIRST_LATER_DAY)
"""Everything drawn by `histories` lies before it, everything drawn here does not."""

LATER_DAYS = tuple(FIRST_LATER_DAY + timedelta(days=number) for number in range(3))
later_days = st.sampled_from(LATER_DAYS)
later = words.instants_of(LATER_DAYS)


@st.composite
def with_later_facts(draw: st.DrawFn, history: History, definition: Mapping[str, Any]) -> History:
    """Draw a history that goes on after another."""
    return replace(history, customers=tuple(draw(_customer(c, definition)) for c in history.customers))


@st.composite
def _customer(draw: st.DrawFn, customer: Customer, definition: Mapping[str, Any]) -> Customer:
    name = customer.customer_id
    statuses_have_times = "new" not in definition.get("excluded_order_statuses", [])
    orders = tuple(draw(_order(order, statuses_have_times)) for order in customer.orders)
    if draw(st.booleans()):
        orders += (Order(f"{name}-o9", draw(later), draw(_baskets), shipped_on=draw(rarely(later_days))),)
    events = customer.events
    if draw(st.booleans()):
        events += (Event(f"{name}-e9", draw(st.sampled_from(words.EVENTS)), draw(later)),)
    subscriptions = tuple(
        replace(s, cancelled_at=draw(later), cancel_reason=draw(st.sampled_from(words.REASONS)))
        if s.cancelled_at is None and draw(st.booleans())
        else s
        for s in customer.subscriptions
    )
    if draw(sometimes):
        subscriptions += (Subscription(f"{name}-s9", draw(later), draw(st.none() | later)),)
    enrolments = customer.enrolments
    if draw(sometimes):
        enrolments += (Enrolment(draw(st.sampled_from(words.OTHER_SCENARIOS)), draw(later)),)
    customer = replace(
        customer,
        orders=orders,
        events=events,
        subscriptions=subscriptions,
        enrolments=enrolments,
        tags=draw(_named(words.TAGS)) | dict(customer.tags),
        lists=draw(_named(words.LISTS)) | dict(customer.lists),
        segments=draw(_segments(customer.segments)),
    )
    for field, values in (("newsletter_status", words.NEWSLETTER), ("member_rank", (*words.RANKS, None))):
        if draw(sometimes):
            customer = _changed(customer, Change(field, draw(later), draw(st.sampled_from(values))))
    return customer


_baskets = st.lists(st.sampled_from(words.PRODUCTS), max_size=2).map(tuple)


@st.composite
def _order(draw: st.DrawFn, order: Order, statuses_have_times: bool) -> Order:
    """Go on with an order: it is paid, sent, cancelled or returned."""
    order = replace(
        order,
        # an authorisation that is known dates the payment, so that one may come at any time
        paid_on=order.paid_on or draw(rarely(later_days)),
        shipped_on=order.shipped_on or draw(rarely(later_days)),
    )
    if statuses_have_times and order.status == "new" and order.cancelled_at is None and draw(sometimes):
        status = draw(st.sampled_from(("cancelled", "returned")))
        return replace(order, status=status, cancelled_at=draw(later))
    return order


@st.composite
def _segments(draw: st.DrawFn, segments: Mapping[str, tuple[Span, ...]]) -> dict[str, tuple[Span, ...]]:
    """Leave the segment, or come in."""
    found = dict(segments)
    spans = found.get(words.SPANNED_SEGMENT, ())
    if draw(st.booleans()):
        last = spans[-1] if spans else None
        if last and last.last is None:
            found[words.SPANNED_SEGMENT] = (*spans[:-1], Span(last.first, draw(later)))
        else:
            found[words.SPANNED_SEGMENT] = (*spans, Span(draw(later)))
    return found


def _named(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, datetime]]:
    return st.dictionaries(st.sampled_from(names), later, max_size=1)


def _changed(customer: Customer, change: Change) -> Customer:
    """Return the customer after a change; the first of a field tells what was there before it as well."""
    first = (
        ()
        if any(known.field == change.field for known in customer.changes)
        else (Change(change.field, customer.registered_at, getattr(customer, change.field)),)
    )
    customer = replace(customer, changes=(*customer.changes, *first, change))
    if change.field == "member_rank":
        return replace(customer, member_rank=change.value)
    return replace(customer, newsletter_status=change.value or customer.newsletter_status)
