"""Random definitions over the whole language.

Belongs here: what may stand in a definition, as the language's reference has it. Does not belong here: what it means
(`language`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.properties import words
from tests.properties.anchors import ORDER_ANCHORS, anchor_kind
from tests.properties.language import STATES
from tests.properties.words import now_and_then, some, sometimes

Definition = dict[str, Any]
Parts = st.SearchStrategy[Definition]

MOST_FRAMES = 3
"""Of a section: enough for any two relations to meet."""


def mapping(required: Mapping[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> Parts:
    """Draw a mapping whose optional keys are left out half of the time."""
    drawn = st.fixed_dictionaries({**required, **{name: st.none() | value for name, value in optional.items()}})
    return drawn.map(lambda found: {key: value for key, value in found.items() if value is not None})


def _range(values: st.SearchStrategy[Any]) -> Parts:
    """Draw a range, either end of which may be open but not both (R-101n)."""

    def ends(drawn: tuple[Any, Any, str]) -> Definition:
        first, last = sorted(drawn[:2])
        return {"both": {"from": first, "to": last}, "from": {"from": first}, "to": {"to": last}}[drawn[2]]

    return st.tuples(values, values, st.sampled_from(("both", "from", "to"))).map(ends)


dates = words.days.map(date.isoformat)
few_days = st.integers(0, 3)
counts = st.fixed_dictionaries({"op": st.sampled_from(("gte", "eq", "lte")), "n": st.sampled_from((1, 2, 2, 3))})


def _text_match(*parts: str) -> Parts:
    part = st.sampled_from(parts)
    return st.one_of(st.fixed_dictionaries({"equals": part}), st.fixed_dictionaries({"contains": part}))


scalars = st.sampled_from((1, "1", 2, 2.5, "x", True))
custom = st.dictionaries(
    st.sampled_from(("size", "colour")),
    st.one_of(
        scalars,
        st.fixed_dictionaries({"equals": scalars}),
        st.fixed_dictionaries({"contains": st.sampled_from(("x", "%", "1"))}),
        st.fixed_dictionaries({"in": st.lists(scalars, min_size=1, max_size=2)}),
        _range(st.integers(1, 3)),
        _range(st.sampled_from(("2024-02-28", "2024-03-01"))),
    ),
    min_size=1,
    max_size=2,
)

MEMBER: Mapping[str, st.SearchStrategy[Any]] = {
    "gender": st.sampled_from(("female", "male")),
    "address": _text_match("Kyoto", "50%", "_", "東京"),
    "postal_code": _text_match("01", "0123"),
    "newsletter": st.one_of(st.sampled_from((*words.NEWSLETTER, "any")), some(words.NEWSLETTER)),
    "registered_on": _range(dates),
    "rank": some(words.RANKS),
    "last_ordered_on": _range(dates),
    "first_ordered_on": _range(dates),
    "last_ordered_days_ago": _range(few_days),
    "birth_date": _range(st.sampled_from(("1992-02-28", "1992-02-29", "1994-03-01"))),
    "birth_month": st.one_of(st.integers(1, 3), some((1, 2, 3))),
    "age": _range(st.integers(29, 34)),
    "birthday": mapping({}, days_before=st.integers(0, 2), days_after=st.integers(0, 2)),
    "last_login_on": _range(dates),
    "last_login_days_ago": _range(few_days),
    "tag": some(words.TAGS),
    "custom": custom,
}
members = st.lists(st.sampled_from(sorted(MEMBER)), min_size=1, max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: MEMBER[name] for name in names})
)

products = st.one_of(
    mapping({"type": st.just("product"), "codes": some(words.PRODUCTS)}, count=counts, within_days=few_days),
    mapping({"type": st.just("product"), "other_than": some(words.PRODUCTS)}, count=counts, within_days=few_days),
)
FRAMES: Mapping[str, Parts] = {
    "product": products,
    "category": mapping(
        {"type": st.just("category"), "codes": some(words.CATEGORIES)}, count=counts, within_days=few_days
    ),
    "order": mapping({"type": st.just("order")}, count=counts, within_days=few_days),
    "event": mapping(
        {"type": st.just("event"), "codes": some(words.EVENTS)},
        products=some(words.PRODUCTS),
        count=counts,
        within_days=few_days,
    ),
    "subscription_cancelled": mapping(
        {"type": st.just("subscription_cancelled")},
        codes=some(words.PRODUCTS),
        reasons=some(words.REASONS),
        within_days=few_days,
    ),
    "scenario": mapping({"type": st.just("scenario")}, codes=some(words.OTHER_SCENARIOS), within_days=few_days),
    "segment": mapping({"type": st.just("segment"), "codes": some(tuple(words.SEGMENTS))}),
    "list": mapping({"type": st.just("list"), "codes": some(words.LISTS)}),
    "member": mapping({"type": st.just("member"), "member": members}),
}


OFTEN = ("product", "category", "order", "event", "member", "member", "member")
"""What has most to say is drawn more often."""
frame_types = st.lists(st.sampled_from((*FRAMES, *OFTEN)), min_size=1, max_size=MOST_FRAMES)
SECTIONS = ("target", "exclusion", "stop")
filled_sections = st.sampled_from((("stop",), ("target",), ("exclusion",), ("target", "stop"), (), SECTIONS))
"""Mostly one: what one section says, another may hide."""
since = st.sampled_from((None, "anchor", "all_time"))


@st.composite
def sections(draw: st.DrawFn, name: str, relations: tuple[str, ...] = ("and", "or", "not")) -> list[Definition]:
    """Draw the frames of a section."""
    kinds = draw(frame_types)
    frames = []
    for number, kind in enumerate(kinds):
        frame = dict(draw(FRAMES[kind]))
        if number:
            frame["relation"] = draw(st.sampled_from(relations))
        elif "not" in relations and draw(sometimes):
            frame["relation"] = "not"
        if name == "stop" and kind not in STATES and (begins := draw(since)):
            frame["since"] = begins
        frames.append(frame)
    return frames


@st.composite
def one_order(draw: st.DrawFn, name: str) -> Definition:
    """Draw a section of frames that are mostly about one and the same order."""
    kinds = st.sampled_from(("product", "product", "category", "category", "order", "event"))
    frames = []
    for number in range(draw(st.integers(2, MOST_FRAMES + 1))):
        kind = draw(kinds)
        frame = dict(draw(FRAMES[kind]))
        if number:
            frame["relation"] = draw(st.sampled_from(("and", "and", "and", "or", "not")))
        elif draw(now_and_then):
            frame["relation"] = "not"
        if name == "stop" and (begins := draw(since)):
            frame["since"] = begins
        frames.append(frame)
    return {"frames": frames, "and_scope": "same_order"}


ANCHORS: Mapping[str, st.SearchStrategy[Any]] = {
    "ordered": st.none(),
    "paid": st.none(),
    "shipped": st.none(),
    "desired_delivery": st.none(),
    "member_registered": st.none(),
    "nth_purchase": st.fixed_dictionaries({"n": st.integers(1, 3), "products": some(words.PRODUCTS)}),
    "entered": st.just(words.SPANNED_SEGMENT),
    "event": st.sampled_from(words.EVENTS),
    "list_imported": st.sampled_from(words.LISTS),
    "tag_granted": st.sampled_from(words.TAGS),
    "subscription_cancelled": st.none()
    | mapping({}, products=some(words.PRODUCTS), reasons=some(words.REASONS)).filter(bool),
}
LIKELY = ("ordered", "member_registered") * 4
"""Orders and the registration anchor as often as all others: the one has most rules, the other hides nothing."""

anchors = st.sampled_from((*LIKELY, *ANCHORS)).flatmap(
    lambda kind: ANCHORS[kind].map(lambda argument: kind if argument is None else {kind: argument})
)

statuses = some(("cancelled", "returned", "new"), at_most=3)
uncounted_statuses = st.lists(st.sampled_from(("cancelled", "returned")), max_size=2, unique=True)
order_filters = mapping(
    {},
    kind=st.sampled_from(("one_off", "subscription", "all")),
    continuation_no=st.integers(1, 2),
    period=_range(dates),
    products=some(words.PRODUCTS),
    categories=some(words.CATEGORIES),
)


@st.composite
def definitions(draw: st.DrawFn, relations: tuple[str, ...] = ("and", "or", "not")) -> Definition:
    """Draw what the conditions of a scenario may be; its steps and settings do not change them."""
    anchor = draw(anchors)
    definition: Definition = {"code": words.SCENARIO, "name": words.SCENARIO, "anchor": anchor}
    if anchor_kind(definition) in ORDER_ANCHORS:
        if draw(now_and_then) and (filters := draw(order_filters)):
            definition["orders"] = filters
        if draw(sometimes):
            definition["excluded_order_statuses"] = draw(statuses)
        if draw(sometimes):
            definition["recheck_order_status"] = True
    if draw(now_and_then):
        definition["site"] = draw(st.sampled_from(words.SITES))
    if draw(now_and_then):
        start, last_order = draw(dates), definition.get("orders", {}).get("period", {}).get("to", "9999-12-31")
        # later than that, nobody would ever be written to, which is a fault
        definition["start"] = min(start, last_order)
    for name in draw(filled_sections):
        # under `and` alone, the order of frames is to make no difference: here it makes the runs
        if "or" in relations and draw(sometimes):
            definition[name] = draw(one_order(name))
        else:
            definition[name] = {"frames": draw(sections(name, relations))}
    if {"target", "stop"} <= definition.keys() and draw(sometimes):
        _ask_again(draw, definition["target"]["frames"], definition["stop"]["frames"])
    if draw(sometimes):
        definition["count_excludes_status"] = draw(uncounted_statuses)
    if draw(now_and_then):
        definition.setdefault("target", {})["active_subscriber"] = "exclude"
    return definition


def _ask_again(draw: st.DrawFn, frames: list[Definition], later: list[Definition]) -> None:
    """Have a frame of `later` ask for what one of `frames` asks for, with a count of its own or without."""
    number = draw(st.integers(0, len(later) - 1))
    asked = {key: value for key, value in draw(st.sampled_from(frames)).items() if key != "relation"}
    if draw(st.booleans()):
        asked.pop("count", None)
    elif asked["type"] in ("product", "category", "order", "event"):
        asked["count"] = draw(counts)
    later[number] = {key: value for key, value in later[number].items() if key == "relation"} | asked


def frames_of(definition: Mapping[str, Any]) -> list[tuple[str, Definition]]:
    """Return all frames with the names of their sections."""
    return [(section, frame) for section in SECTIONS for frame in definition.get(section, {}).get("frames", [])]
