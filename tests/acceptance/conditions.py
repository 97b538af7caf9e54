"""From a script's short conditions to frames of Ekiden's own language: pure functions.

Belongs here: what a condition written without a frame means. Does not belong here: what else a scenario says
(`translate`).
"""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from tests.acceptance.reading import ScriptFault, by_own_names
from tests.acceptance.shorthand import Conditions, MemberWords, Target
from tests.acceptance.values import is_false, is_true, listed, typed

Meant = dict[str, Any]
# a frame may be written in short as well: what its type is called there, and its keys
FRAME_KEYS = {"rel": "relation", "code": "codes", "purchase_count": "count"}
# the frames of codes, and what the shorthand calls their codes
CODE_KEYS = {
    "event": ("events", "event"),
    "product": ("products", "product"),
    "category": ("categories", "category"),
    "segment": ("segments", "segment"),
    "list": ("lists", "list"),
}
# from 30 to 39, from 30 on
DASHES = str.maketrans({"–": "-", "~": "-", "〜": "-", "+": "-"})


def target(given: Target) -> Meant:
    """Return who may enter; all must hold."""
    return conditions(given) | said(active_subscriber=given.active_subscriber)


def conditions(given: Conditions) -> Meant:
    """Return conditions that must all hold."""
    return said(frames=frames(given, relation="and"), and_scope=given.and_scope)


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
    scopes = {part.and_scope for part in parts if part.and_scope}
    if len(scopes) > 1:
        raise ScriptFault("what is excluded has one 'and_scope', wherever it stands")
    written = Conditions(frames=_of_all(parts))
    return said(frames=_joined(short, written, relation="or"), and_scope=next(iter(scopes), None))


def _of_all(parts: Sequence[Conditions]) -> list[Mapping[str, Any]]:
    """Return the frames of all parts; those of a later one are alternatives to what stands above."""
    frames: list[Mapping[str, Any]] = []
    for part in parts:
        own = [{FRAME_KEYS.get(key, key): value for key, value in each.items()} for each in part.frames]
        if frames and any(each.get("relation") != "or" for each in own[1:]):
            raise ScriptFault("frames that exclude stand in two places: write them in one")
        frames += [{"relation": "or"} | each if frames else each for each in own[:1]] + own[1:]
    return frames


def stop(given: Conditions) -> Meant:
    """Return what ends an enrolment; what is written in short are alternatives (R-123)."""
    return said(frames=_joined(_alternatives(given), given, relation="or"), and_scope=given.and_scope)


def frames(given: Conditions, *, relation: str) -> list[Meant]:
    """Return conditions as frames; those in short are joined by `relation`."""
    # bands of age first: they are alternatives to each other, and what follows holds besides
    return _joined([*_member_frames(given, given.member), *_happenings(given)], given, relation=relation)


def frame(given: Mapping[str, Any], *, is_first: bool = False) -> list[Meant]:
    """Return a frame that was written out, its own keys as they stand; several where it has several bands of age."""
    meant = typed({FRAME_KEYS.get(key, key): value for key, value in given.items() if value is not None})
    for kind, words in CODE_KEYS.items():
        word = next((word for word in words if word in meant), None)
        # an event may be about products
        if word and "codes" not in meant and meant.get("type", kind) == kind:
            return [meant | {"type": kind, "codes": listed(meant.pop(word))}]
    return _member_frame(meant, is_first=is_first)


def _member_frame(given: Meant, *, is_first: bool) -> list[Meant]:
    """Return a frame with what it says of the member in the language's own way; any other frame as it is."""
    meant = by_own_names(MemberWords, given)
    beside = {key: value for key, value in meant.items() if key not in MemberWords.model_fields}
    asked = meant.get("member", {})
    if not isinstance(asked, Mapping) or meant.get("type", "member") != "member":
        return [given]
    words = dict(by_own_names(MemberWords, asked)) | {key: meant[key] for key in meant if key not in beside}
    if not words:
        return [given]
    relation = meant.get("relation")
    readings = _member(words)
    if len(readings) > 1 and relation == "and" and not is_first:
        raise ScriptFault("several bands of age stand in the first frame, or behind 'or' or 'not'")
    # customers of neither band are those that are not of one and not of the other
    further = "not" if relation == "not" else "or"
    return [
        beside | {"type": "member", "member": member} | ({"relation": further} if place else {})
        for place, member in enumerate(readings)
    ]


def said(**values: Any) -> Meant:
    """Return what was said, without what was not."""
    return {key: value for key, value in values.items() if value not in (None, [], (), {})}


def _joined(short: Sequence[Meant], written: Conditions, *, relation: str) -> list[Meant]:
    long = [
        meant for place, each in enumerate(written.frames) for meant in frame(each, is_first=place == 0 and not short)
    ]
    joined = [each if place == 0 else {"relation": relation} | each for place, each in enumerate(short)]
    if joined and long:
        long[0] = {"relation": relation} | long[0]
    return joined + long


def _happenings(given: Conditions) -> list[Meant]:
    """Return a frame for each kind of thing that happened or that the customer is in."""
    counted = said(count=typed(given.count) if given.count else None, within_days=given.within_days, since=given.since)
    timed = said(within_days=given.within_days, since=given.since)
    if given.order is not None and not is_true(given.order) and not is_false(given.order):
        raise ScriptFault(f"'order' is true or false; given: {given.order!r}")
    found: list[Meant] = []
    for kind, codes in (("product", given.products), ("category", given.categories)):
        if codes:
            found.append({"type": kind, "codes": list(codes)} | counted)
    if given.other_products:
        found.append({"type": "product", "other_than": list(given.other_products)} | counted)
    if is_true(given.order) or (given.count and not found and not given.events):
        found.append({"type": "order"} | counted)
    if given.events:
        # beside products or orders, these are what is counted
        found.append({"type": "event", "codes": list(given.events)} | (timed if found else counted))
    if given.subscription_cancelled is not None and not is_false(given.subscription_cancelled):
        found.append({"type": "subscription_cancelled"} | _cancelled(given.subscription_cancelled) | timed)
    if given.scenarios not in (None, ()) and not is_false(given.scenarios):
        codes = [] if is_true(given.scenarios) else listed(given.scenarios)
        found.append({"type": "scenario"} | said(codes=codes) | timed)
    if timed and not found:
        raise ScriptFault(f"{next(iter(timed))!r} stands beside nothing that happens at an instant")
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
    bands = [typed({"age": band}) for band in _bands(words["age"])] if "age" in words else [{}]
    return [member | band for member, band in product([plain], bands)]


def _bands(given: Any) -> list[Meant]:
    if isinstance(given, Mapping):
        return [dict(given)]
    if isinstance(given, str):
        first, dash, last = given.replace("..", "-").translate(DASHES).partition("-")
        return [said(**{"from": first.strip() or None, "to": (last if dash else first).strip() or None})]
    if isinstance(given, int):
        return [{"from": given, "to": given}]
    if all(isinstance(age, str) and age.isdigit() for age in given) and len(given) == len(("from", "to")):
        return [{"from": given[0], "to": given[1]}]
    return [band for each in given for band in _bands(each)]


def _reading(key: str, value: Any) -> Any:
    if key in ("last_ordered_days_ago", "last_login_days_ago") and isinstance(value, str):
        return {"from": value}  # that many days ago or more
    if key == "birthday" and not isinstance(value, Mapping):
        if not is_true(value):
            raise ScriptFault(f"'birthday' is true, or says days_before and days_after; given: {value!r}")
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
