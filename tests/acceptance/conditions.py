"""From a script's short conditions to frames of Ekiden's own language: pure functions.

Belongs here: what a condition written without a frame means. Does not belong here: what else a scenario says
(`translate`).
"""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from tests.acceptance.shorthand import Conditions, MemberWords, Target
from tests.acceptance.values import is_true, listed, typed

Meant = dict[str, Any]
# a frame may be written in short as well: what its type is called there, and its keys
FRAME_KEYS = {"rel": "relation", "code": "codes"}


def target(given: Target) -> Meant:
    """Return who may enter; all must hold."""
    return said(
        frames=frames(given, relation="and"),
        active_subscriber=given.active_subscriber,
        and_scope=given.and_scope,
    )


def exclusion(of_target: Target, given: Conditions) -> Meant:
    """Return who may not enter: whoever did or is any of it."""
    excluded = Conditions(
        products=of_target.exclude_products,
        categories=of_target.exclude_categories,
        segments=of_target.exclude_segments,
        lists=of_target.exclude_lists,
        events=of_target.exclude_events,
        tag=of_target.exclude_tags or None,
        member=of_target.exclude_member,
    )
    parts = [excluded, *([of_target.exclude] if of_target.exclude else []), given]
    short = [frame for part in parts for frame in _alternatives(part)]
    written = Conditions(frames=[frame for part in parts for frame in part.frames])
    return said(frames=_joined(short, written, relation="or"), and_scope=given.and_scope)


def stop(given: Conditions) -> Meant:
    """Return what ends an enrolment; what is written in short are alternatives (R-123)."""
    return said(frames=_joined(_alternatives(given), given, relation="or"), and_scope=given.and_scope)


def frames(given: Conditions, *, relation: str) -> list[Meant]:
    """Return conditions as frames; those in short are joined by `relation`."""
    # bands of age first: they are alternatives to each other, and what follows holds besides
    return _joined([*_member_frames(given, given.member), *_happenings(given)], given, relation=relation)


def frame(given: Mapping[str, Any]) -> Meant:
    """Return a frame that was written out; its own keys are kept as they stand."""
    meant = typed({FRAME_KEYS.get(key, key): value for key, value in given.items() if value is not None})
    if "type" not in meant:
        for kind, key in (("product", "products"), ("category", "categories"), ("event", "events")):
            if key in meant:
                meant |= {"type": kind, "codes": listed(meant.pop(key))}
                return meant
        for kind in ("segment", "list", "product", "category", "event"):
            if kind in meant:
                meant |= {"type": kind, "codes": listed(meant.pop(kind))}
                return meant
        if "member" in meant:
            meant["type"] = "member"
    if meant.get("type") == "member" and "member" not in meant:
        words = {key: meant.pop(key) for key in list(meant) if key in MemberWords.model_fields}
        if len(readings := _member(words)) == 1:
            meant["member"] = readings[0]
    return meant


def said(**values: Any) -> Meant:
    """Return what was said, without what was not."""
    return {key: value for key, value in values.items() if value not in (None, [], (), {})}


def _joined(short: Sequence[Meant], written: Conditions, *, relation: str) -> list[Meant]:
    long = [frame(each) for each in written.frames]
    joined = [each if place == 0 else {"relation": relation} | each for place, each in enumerate(short)]
    if joined and long:
        long[0] = {"relation": relation} | long[0]
    return joined + long


def _happenings(given: Conditions) -> list[Meant]:
    """Return a frame for each kind of thing that happened or that the customer is in."""
    counted = said(count=typed(given.count) if given.count else None, within_days=given.within_days, since=given.since)
    timed = said(within_days=given.within_days, since=given.since)
    found: list[Meant] = []
    for kind, codes in (("product", given.products), ("category", given.categories)):
        if codes:
            found.append({"type": kind, "codes": list(codes)} | counted)
    if given.other_products:
        found.append({"type": "product", "other_than": list(given.other_products)} | timed)
    if is_true(given.order) or (given.count and not found):
        found.append({"type": "order"} | counted)
    if given.events:
        found.append({"type": "event", "codes": list(given.events)} | timed)
    if given.subscription_cancelled not in (None, False, "false"):
        found.append({"type": "subscription_cancelled"} | _cancelled(given.subscription_cancelled) | timed)
    if given.scenarios not in (None, (), False, "false"):
        codes = [] if is_true(given.scenarios) else listed(given.scenarios)
        found.append({"type": "scenario"} | said(codes=codes) | timed)
    for kind, codes in (("segment", given.segments), ("list", given.lists)):
        if codes:
            found.append({"type": kind, "codes": list(codes)})
    return found


def _alternatives(given: Conditions) -> list[Meant]:
    """Return a frame for each condition, every member's key by itself."""
    words = given.member | _member_words(given)
    return [
        *_happenings(given),
        *({"type": "member", "member": member} for key, value in words.items() for member in _member({key: value})),
    ]


def _member_frames(given: MemberWords, written: Mapping[str, Any]) -> list[Meant]:
    """Return one member frame in which all must hold; several bands of age are alternatives."""
    words = dict(written) | _member_words(given)
    readings = _member(words) if words else []
    return [
        {"type": "member", "member": member} | ({"relation": "or"} if place else {})
        for place, member in enumerate(readings)
    ]


def _member_words(given: MemberWords) -> Meant:
    return {
        key: getattr(given, key) for key in MemberWords.model_fields if getattr(given, key) not in (None, (), [], {})
    }


def _member(words: Mapping[str, Any]) -> list[Meant]:
    """Return the member conditions that short words mean, one for each band of age."""
    plain = typed({key: _reading(key, value) for key, value in words.items() if key != "age"})
    bands = [typed({"age": band})["age"] for band in _bands(words["age"])] if "age" in words else [None]
    return [member | said(age=band) for member, band in product([plain], bands)]


def _bands(given: Any) -> list[Meant]:
    if isinstance(given, Mapping):
        return [dict(given)]
    if isinstance(given, str):
        first, _, last = given.replace("–", "-").replace("..", "-").partition("-")
        return [said(**{"from": first.strip(), "to": (last or first).strip()})]
    if all(isinstance(age, str) and age.isdigit() for age in given) and len(given) == len(("from", "to")):
        return [{"from": given[0], "to": given[1]}]
    return [band for each in given for band in _bands(each)]


def _reading(key: str, value: Any) -> Any:
    if key in ("last_ordered_days_ago", "last_login_days_ago") and isinstance(value, str):
        return {"from": value}  # that many days ago or more
    if key == "birthday" and not isinstance(value, Mapping):
        return {}
    if key in ("address", "postal_code") and isinstance(value, str):
        return {"contains": value}
    if key.endswith("_on") or key == "birth_date":
        return {"from": value, "to": value} if isinstance(value, str) else value
    if key == "birth_month" and re.fullmatch(r"\d+", str(value)):
        return [value]
    return value


def _cancelled(given: Any) -> Meant:
    if is_true(given):
        return {}
    if isinstance(given, Mapping):
        return said(
            codes=listed(given.get("products", given.get("codes", given.get("product")))),
            reasons=listed(given.get("reasons", given.get("reason"))),
        )
    return {"codes": listed(given)}
