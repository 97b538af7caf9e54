"""Conditions, facts and spans in words. Pure; what is true of a customer is decided in `explain`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ekiden.counting import counted, in_number
from ekiden.insights.explanation.evidence import Fact, Spans
from ekiden.local_time import to_the_minute, to_the_second
from ekiden.scenarios.anchor import ORDER_ANCHORS

SHOWN_FACTS = 5
"""Orders or events that a sentence lists; the tree of a customer with hundreds would be unreadable."""

ORDER_FRAMES = ("product", "category", "order")
REASONS = {
    "past_due": "it was due before the day on which it was planned, so a person must release it: `ekiden release`",
    "missed_send": "its time passed by too far, so a person must release it: `ekiden release`",
    "past_time": "its time of the day had passed when it was planned: `ekiden release`",
    "operator": "a person holds it: `ekiden release`",
    "stop_condition": "a stop condition came true",
    "force_stopped": "the step was stopped by force",
    "newsletter_status": "the customer's newsletter status did not admit it",
    "suppressed": "the customer or the address is on the suppression list",
    "opted_out": "the customer has opted out of such messages",
    "no_address": "the customer has no address that this step may use",
    "content_invalid": "its content could not be rendered",
}
"""What a row's reason means, and the way on where there is one."""

COUNTS = {"eq": "exactly {n}", "gte": "at least {n}", "lte": "1 to {n}"}


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Return an instant in the shop's time, as precise as it needs to be."""
    there = moment.astimezone(zone)
    return to_the_minute(there, zone) if there.second == there.microsecond == 0 else to_the_second(there, zone)


def spans_in_words(spans: Spans, zone: ZoneInfo) -> str:
    """Return when something holds, like "2026-03-02 12:00 to 2026-03-06 12:00, since 2026-04-01 00:00"."""
    if not spans:
        return "never"
    return ", ".join(_span_in_words(span.begins, span.ends, zone) for span in spans)


def _span_in_words(begins: datetime | None, ends: datetime | None, zone: ZoneInfo) -> str:
    if begins is None:
        return "always" if ends is None else f"until {local(ends, zone)}"
    return f"since {local(begins, zone)}" if ends is None else f"{local(begins, zone)} to {local(ends, zone)}"


def fact_in_words(fact: Fact, zone: ZoneInfo) -> str:
    """Return one thing that a frame counts, and when it counts."""
    if fact.during is None:
        return f"{fact.key}, which never counts"
    begins, ends = fact.during.begins, fact.during.ends
    from_when = f" of {local(begins, zone)}" if begins else ""
    return f"{fact.key}{from_when}" + (f", until {local(ends, zone)}" if ends else "")


def listed(things: Sequence[str], joined_by: str = "or") -> str:
    """Return "A", "A or B", "A, B or C"."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} {joined_by} {things[-1]}" if things else ""


def first_few(keys: Sequence[str]) -> str:
    """Return the first few of many keys."""
    more = len(keys) - SHOWN_FACTS
    return f"{', '.join(keys[:SHOWN_FACTS])} and {more} more" if more > 0 else listed(list(keys), "and")


def codes(frame: Mapping[str, Any]) -> str:
    """Return a frame's codes as alternatives, the first few of many."""
    return alternatives(frame.get("codes") or ())


def alternatives(values: Sequence[Any]) -> str:
    """Return "A, B or C", or "A, B, C, D, E or 5 others"."""
    words = [str(value) for value in values]
    more = len(words) - SHOWN_FACTS
    return listed([*words[:SHOWN_FACTS], f"{more} others"] if more > 1 else words)


def one_more(frame: Mapping[str, Any], in_one_order: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return one thing that a frame counts, like "order of A or B"; a run's frames all count the same orders (Q-05)."""
    if not in_one_order:
        return _one_more(frame)
    first, *others = in_one_order
    return ", together with ".join([_one_more(first), *map(_one_line, others)])


def _one_line(frame: Mapping[str, Any]) -> str:
    """Return what a line of an order must be."""
    if frame["type"] == "category":
        return f"one from category {codes(frame)}"
    return f"a product other than {alternatives(frame['other_than'])}" if frame.get("other_than") else codes(frame)


def _one_more(frame: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one sentence for each type of frame
    match frame["type"]:
        case "product" if frame.get("other_than"):
            return f"order with a product other than {alternatives(frame['other_than'])}"
        case "product":
            return f"order of {codes(frame)}"
        case "category":
            return f"order from category {codes(frame)}"
        case "event":
            about = f" about {alternatives(frame['products'])}" if frame.get("products") else ""
            return f"event {codes(frame)}{about}"
        case "subscription_cancelled":
            reasons = f" for {alternatives(frame['reasons'])}" if frame.get("reasons") else ""
            return f"cancelled subscription{f' of {codes(frame)}' if frame.get('codes') else ''}{reasons}"
        case "scenario":
            return f"enrolment in {f'scenario {codes(frame)}' if frame.get('codes') else 'any other scenario'}"
        case "segment":
            return f"membership of segment {codes(frame)}"
        case "list":
            return f"entry on list {codes(frame)}"
        case "member":
            return f"member with {member_in_words(frame.get('member') or {})}"
        case kind:
            return str(kind)


def frame_in_words(
    frame: Mapping[str, Any], *, since_anchor: bool = False, in_one_order: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return a frame's condition, like "at least 2 orders of A within 30 days"."""
    thing = one_more(frame, in_one_order)
    if count := frame.get("count"):
        number = COUNTS[count["op"]].format(n=count["n"])
        noun, _, rest = thing.partition(" ")
        thing = f"{number} {in_number(count['n'], noun)}{f' {rest}' if rest else ''}"
    else:
        thing = f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"
    within = f" within {counted(frame['within_days'], 'day')}" if frame.get("within_days") is not None else ""
    return thing + within + (" after the anchor" if since_anchor else "")


def member_in_words(member: Mapping[str, Any]) -> str:
    """Return member conditions, like "age 30 to 39 and gender female"."""
    return listed([f"{name.replace('_', ' ')} {_value(wanted)}" for name, wanted in member.items()], "and")


def _value(wanted: Any) -> str:
    if isinstance(wanted, Mapping):
        if set(wanted) <= {"from", "to"}:
            return " ".join(f"{end} {wanted[end]}" for end in ("from", "to") if wanted.get(end) is not None)
        return listed([f"{name.replace('_', ' ')} {_value(value)}" for name, value in wanted.items()], "and")
    if isinstance(wanted, Iterable) and not isinstance(wanted, str):
        return alternatives(list(wanted))
    return str(wanted)


def anchor_in_words(kind: str, key: str, zone: ZoneInfo) -> str:
    """Return which anchor, like "ordered: order 123" or "entered: 2026-03-02 12:00"."""
    return f"{kind.replace('_', ' ')}: {'order ' if kind in ORDER_ANCHORS else ''}{key_in_words(kind, key, zone)}"


def key_in_words(kind: str, key: str, zone: ZoneInfo) -> str:
    """Return an anchor's key as people read it; that of an entry into a segment is its instant, in the shop's time."""
    if kind != "entered":
        return key
    try:
        entered_at = datetime.fromisoformat(key)
    except ValueError:
        # SQL written by hand makes keys of its own
        return key
    return local(entered_at, zone) if entered_at.tzinfo else key


FILTERS = {
    "paid": "it has no date of payment",
    "shipped": "it has not been shipped",
    "desired_delivery": "it has neither a desired delivery date nor been shipped",
    "nth_purchase": "it is not the purchase that is counted for",
    "orders.kind": "its kind is not {wanted}",
    "orders.continuation_no": "it is not delivery {wanted} of a subscription",
    "orders.period": "it was not placed in {wanted}",
    "orders.products": "it holds none of the products {wanted}",
    "orders.categories": "it holds nothing from the categories {wanted}",
    "site": "its site is not {wanted}",
    "start": "it is from before {wanted}",
    "target": "it holds nothing that the target asks for",
}
"""Why a candidate is no anchor, by the filter that it does not pass."""


def filter_in_words(name: str, written: Mapping[str, Any]) -> str:
    """Return what a filter of the scenario misses in a candidate."""
    wanted: Any = written
    for part in name.split("."):
        wanted = wanted.get(part) if isinstance(wanted, Mapping) else None
    if name == "target" and (wanted or {}).get("and_scope") == "same_order":
        return "it does not hold what the target asks for in one order"
    return FILTERS.get(name, f"it does not pass {name}").format(wanted=_value(wanted))
