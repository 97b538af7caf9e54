"""What a script's parts call each other: whatever names nothing, or two things, is a fault of the script.

Belongs here: names of customers, orders and events across the parts. Does not belong here: the shape of one part
(`script`), scenarios as they change (`cast`), and rows, which are there only once the script plays (`play`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from tests.acceptance.reading import ScriptFault, by_own_names
from tests.acceptance.script import (
    EVENT_KEYS,
    EVENT_TYPES,
    READ_AS,
    Customer,
    EditScenario,
    Event,
    OnRows,
    Order,
    Script,
)

SIMILAR = 0.8  # of difflib's 0 to 1: 'suppresed' and 'optout' are slips, 'search' and 'cart_add' are events

READ_BY_EKIDEN = ("opened", "clicked", "login")
"""Types that count without a scenario naming them: send times go by opens and clicks, the record has the login."""

SAID_OTHERWISE = {
    "opt_out": ("unsubscribe", "unsubscribed", "unsubscription", "objection"),
    "suppressed": ("bounce", "bounced", "hard_bounce", "complained", "complaint", "spam_report", "blacklisted"),
    "newsletter": ("consent", "consent_changed", "consent_withdrawn", "opt_in", "opted_in", "resubscribed"),
    "order_status": ("cancel", "cancelled", "order_cancelled", "returned", "order_returned", "restored"),
    "order_changed": ("paid", "order_paid", "shipped", "order_shipped", "delivered", "authorised"),
    "customer_changed": ("address_changed", "email_changed", "site_changed", "profile_changed"),
}
"""What somebody may call a thing that the language has, by the type that it has for it."""

FIXED = {Customer: ("id", "registered", "tags", "segments", "lists"), Order: ("id", "customer", "at", "recorded")}
"""What no event changes: tags, segments and lists have events of their own."""


def check_names(script: Script) -> None:
    """Raise `ScriptFault` for the first name in a script that names nothing, or two things."""
    customers, orders = _known_once(script)
    for order in script.orders:
        if order.customer not in customers:
            raise ScriptFault(f"order {order.id!r} is of a customer {order.customer!r} who is not in the script")
    named = [name for segment in script.segments.values() for name in segment.customers]
    for name in [*named, *(name for given in script.lists.values() for name in given)]:
        if name not in customers:
            raise ScriptFault(f"a list or segment names a customer {name!r} who is not in the script")
    for subscription in script.subscriptions:
        if subscription.customer not in customers:
            raise ScriptFault(f"a subscription is of a customer {subscription.customer!r} who is not in the script")
    mentioned = set(_mentioned(script))
    for place, event in enumerate(script.events):
        if event.customer is not None and event.customer not in customers:
            raise ScriptFault(f"an event is of a customer {event.customer!r} who is not in the script")
        if event.order is not None and event.order not in orders:
            raise ScriptFault(f"an event is of an order {event.order!r} that is not in the script")
        if event.order is not None and event.customer not in (None, orders[event.order]):
            raise ScriptFault(f"events[{place}]: order {event.order!r} is not of customer {event.customer!r}")
        _check_type(f"events[{place}]", event, mentioned)
        _check_change(f"events[{place}]", event)
    for place, operation in enumerate(script.timeline):
        if isinstance(operation, OnRows) and operation.customer not in (None, *customers):
            raise ScriptFault(f"timeline[{place}]: there is no customer {operation.customer!r} in the script")


def _known_once(script: Script) -> tuple[set[str], Mapping[str, str]]:
    """Return the customers, and whose each order is; each stands in the script once, and so do the scenarios."""
    for what, names in (
        ("scenario", [scenario.code for scenario in script.scenarios]),
        ("customer", [customer.id for customer in script.customers]),
        ("order", [order.id for order in script.orders]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                raise ScriptFault(f"{what} {name!r} is in the script {times} times; give each a name of its own")
    return {customer.id for customer in script.customers}, {order.id: order.customer for order in script.orders}


def _check_type(place: str, event: Event, mentioned: set[str]) -> None:
    """Refuse what would be an event that nobody asks about, and means something that the language says otherwise.

    An event that no scenario asks about and that resembles nothing is let be: it may stand there to change nothing.
    """
    if event.type in {*EVENT_KEYS, *READ_BY_EKIDEN, *READ_AS, *mentioned}:
        return
    otherwise = [kind for kind, words in SAID_OTHERWISE.items() if event.type.lower() in words]
    similar = get_close_matches(event.type.lower(), [*EVENT_KEYS, *EVENT_TYPES, *READ_BY_EKIDEN], n=1, cutoff=SIMILAR)
    if found := [*otherwise, *(EVENT_TYPES.get(word, word) for word in similar)]:
        raise ScriptFault(
            f"{place}: no scenario asks about an event of type {event.type!r}, so it would change nothing; "
            f"is {found[0]!r} meant? tests/acceptance/README.md lists the types"
        )


def _check_change(place: str, event: Event) -> None:
    """Refuse a change of what a customer or an order keeps for good."""
    for kind, shape in (("customer_changed", Customer), ("order_changed", Order)):
        if event.type == kind and (wrong := sorted(set(by_own_names(shape, event.change)) & set(FIXED[shape]))):
            raise ScriptFault(f"{place}: {kind!r} cannot change {wrong[0]!r}")


def _mentioned(script: Script) -> Iterator[str]:
    """Yield every word that stands somewhere in the scenarios, their edits or the segments."""
    for part in (*script.scenarios, *script.segments.values()):
        yield from _words(part.model_dump(exclude_unset=True))
    for operation in script.timeline:
        if isinstance(operation, EditScenario):
            yield from _words(operation.change)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _words(value.values())
    elif isinstance(value, Iterable):
        for item in value:
            yield from _words(item)
