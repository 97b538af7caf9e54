"""The checks that an anchor's conditions consist of, one node each. Pure; what planning adds is not here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ekiden.insights.explanation.evidence import (
    AnchorEvidence,
    Evidence,
    Fact,
    FrameEvidence,
    Spans,
    holds,
    next_beginning,
)
from ekiden.insights.explanation.remedies import FrameState, least_changes, remedy
from ekiden.insights.explanation.wording import frame_in_words, local
from ekiden.scenarios.anchor import ORDER_ANCHORS

SECTIONS = {
    "target": (True, "the target holds", "the target does not hold"),
    "exclusion": (False, "nothing excludes", "something excludes"),
    "stop": (False, "no stop condition holds", "a stop condition holds"),
    "stop_then": (False, "no stop condition held at {at}", "a stop condition held at {at}"),
}
"""Whether a section must hold, and what to say where it comes out so and where it does not."""

TOO_LATE = "needs a later anchor"
"""What it takes where a stop held at an instant gone by, by which entry is judged for good."""


FACTS_SINCE_ANCHOR = 20
"""Facts told of a frame that counts from an anchor, the latest: each of a thousand anchors has the later ones again."""


@dataclass(frozen=True)
class Check:
    """One thing that is asked, and what was found.

    `wording` says what was found. `passes` None: it decides nothing by itself, like one frame of several; `holds` is
    whether it is so at the instant and `held` when it is, None where it is no matter of time. `facts` are in order of
    time; `earlier_facts` counts those before them that are left out. `remedy`: what would have to happen, where it
    fails.
    """

    name: str
    wording: str
    passes: bool | None
    holds: bool | None = None
    held: Spans | None = None
    facts: tuple[Fact, ...] = ()
    earlier_facts: int = 0
    remedy: str | None = None
    children: tuple["Check", ...] = ()


def duplicate_check(evidence: Evidence) -> Check:
    """Return whether the customer's record was confirmed in duplicate management (R-048, R-049)."""
    passes = evidence.duplicate_status == "confirmed"
    return Check(
        "duplicate",
        f"the record is {evidence.duplicate_status.replace('_', ' ')} in duplicate management",
        passes,
        remedy=None if passes else "the record would have to be confirmed in duplicate management",
    )


def condition_checks(
    evidence: Evidence,
    frames: Sequence[FrameState],
    anchor: AnchorEvidence,
    at: datetime,
    zone: ZoneInfo,
    entry_at: datetime,
) -> tuple[Check, ...]:
    """Return the checks of one anchor's conditions in the order in which they decide.

    `frames` are the customer's (`frame_states`): of a thousand anchors each would look through a thousand orders again.
    Entry is judged by `entry_at` where that is another instant; a stop keeps out that holds at either.
    """
    if entry_at == at:
        found = _of_the_table(anchor, at, at, zone) if evidence.is_by_hand else ()
        return tuple(found or _of_the_definition(evidence, frames, frames, anchor, at, at, zone))
    then = Check("judged_at", f"entry is judged as of {local(entry_at, zone)} (backfill_as_of: due_date)", None, True)
    if evidence.is_by_hand:
        return (then, *_of_the_table(anchor, at, entry_at, zone))
    frames_then = frame_states(evidence, entry_at)
    return (then, *_of_the_definition(evidence, frames_then, frames, anchor, entry_at, at, zone))


def conditions_passed(evidence: Evidence, anchor: AnchorEvidence, at: datetime, entry_at: datetime) -> tuple[int, bool]:
    """Return how many of an anchor's checks (`condition_checks`) pass before the first that does not, and if all do.

    Without a word, as most of a customer's thousand anchors are only counted. The stop counts once, also where it is
    asked of two instants: an anchor comes no further for being judged by an earlier one.
    """
    goes_on = not any(holds(anchor.stop, asked) for asked in (entry_at, at))
    judged = [holds(anchor.entry, entry_at), goes_on]
    if not evidence.is_by_hand:
        sections = {frame.section for frame in evidence.frames}
        judged = [holds(anchor.stands, entry_at) and entry_at >= anchor.at]
        if "target" in sections:
            judged += [_completes(anchor, anchor.judged_at, entry_at)] if anchor.judged_at else []
            judged.append(holds(anchor.target, entry_at))
        if "exclusion" in sections or evidence.subscribed is not None:
            judged.append(not holds(anchor.excluded, entry_at))
        if "stop" in sections or anchor.void is not None:
            judged.append(goes_on)
    passed = judged.index(False) if False in judged else len(judged)
    return passed, passed == len(judged)


def _of_the_table(anchor: AnchorEvidence, at: datetime, entry_at: datetime, zone: ZoneInfo) -> Iterator[Check]:
    enters = holds(anchor.entry, entry_at)
    wording = "the entry conditions hold" if enters else "the entry conditions do not hold"
    yield Check("entry", f"{wording}, as the table has it", enters, enters, anchor.entry)
    if entry_at != at:
        yield _stop_of_the_table("stop_then", anchor, entry_at, zone, remedy=TOO_LATE)
    yield _stop_of_the_table("stop", anchor, at, zone)


def _stop_of_the_table(
    name: str, anchor: AnchorEvidence, at: datetime, zone: ZoneInfo, remedy: str | None = None
) -> Check:
    stops = holds(anchor.stop, at)
    _, passing, failing = SECTIONS[name]
    wording = (failing if stops else passing).format(at=local(at, zone))
    return Check(
        name, f"{wording}, as the table has it", not stops, stops, anchor.stop, remedy=remedy if stops else None
    )


def _of_the_definition(
    evidence: Evidence,
    entry_frames: Sequence[FrameState],
    stop_frames: Sequence[FrameState],
    anchor: AnchorEvidence,
    entry_at: datetime,
    at: datetime,
    zone: ZoneInfo,
) -> Iterator[Check]:
    target = _frames_of("target", entry_frames, anchor, entry_at)
    exclusion = _frames_of("exclusion", entry_frames, anchor, entry_at)
    yield _stands(anchor, entry_at, zone)
    if target:
        checked = _section("target", target, anchor.target, entry_at, zone)
        if anchor.judged_at:
            yield _completed(anchor, anchor.judged_at, entry_at, checked, zone)
        yield checked
    if exclusion or evidence.subscribed is not None:
        subscription = _subscription(evidence, entry_at)
        yield _section("exclusion", exclusion, anchor.excluded, entry_at, zone, besides=subscription)
    if entry_at != at:
        for stopped in _stop("stop_then", entry_frames, anchor, entry_at, zone):
            yield stopped if stopped.passes else replace(stopped, remedy=TOO_LATE)
    yield from _stop("stop", stop_frames, anchor, at, zone)


def _stop(
    name: str, states: Sequence[FrameState], anchor: AnchorEvidence, at: datetime, zone: ZoneInfo
) -> Iterator[Check]:
    stop = _frames_of("stop", states, anchor, at)
    if stop or anchor.void is not None:
        yield _section(name, stop, anchor.stop, at, zone, besides=_order_status(anchor, at))


def _frames_of(
    section: str, frames: Sequence[FrameState], anchor: AnchorEvidence, at: datetime
) -> tuple[FrameState, ...]:
    return tuple(
        _state(state.frame, anchor, at) if state.frame.since_anchor else state
        for state in frames
        if state.frame.section == section
    )


def frame_states(evidence: Evidence, at: datetime) -> tuple[FrameState, ...]:
    """Return all frames as they are at an instant for a customer; what counts from an anchor does not hold yet."""
    return tuple(_state(frame, None, at) for frame in evidence.frames)


def section_remedy(states: Sequence[FrameState], at: datetime, zone: ZoneInfo, *, wanted: bool) -> str | None:
    """Return what would have to happen for a section to come out as wanted; alternatives are joined by "or"."""
    sets = least_changes(states, wanted)
    return (
        " or ".join(
            # what frames of one order need is said of each of them, and needed once
            dict.fromkeys(" and ".join(dict.fromkeys(remedy(states[i], at, zone) for i in indexes)) for indexes in sets)
        )
        or None
    )


def _state(frame: FrameEvidence, anchor: AnchorEvidence | None, at: datetime) -> FrameState:
    spans = frame.held
    facts = frame.facts
    if frame.since_anchor:
        spans = anchor.frames.get((frame.section, frame.number), ()) if anchor else ()
        facts = tuple(fact for fact in facts if anchor is None or _begins_after(fact, anchor.at))
    counting = tuple(fact for fact in facts if fact.during and fact.during.holds(at))
    relation = frame.written.get("relation") or "and"
    return FrameState(replace(frame, facts=facts), relation, holds(spans, at), spans, counting)


def _begins_after(fact: Fact, instant: datetime) -> bool:
    return bool(fact.during and fact.during.begins and fact.during.begins > instant)


def _stands(anchor: AnchorEvidence, at: datetime, zone: ZoneInfo) -> Check:
    if holds(anchor.stands, at) and at >= anchor.at:
        return Check("anchor", "the anchor stands", True, True, anchor.stands)
    if begins := anchor.at if at < anchor.at else next_beginning(anchor.stands, at):
        return Check("anchor", f"the anchor stands only from {local(begins, zone)}", False, False, anchor.stands)
    remedy_ = (
        f"needs a new order: order {anchor.key} does not stand any more"
        if anchor.kind in ORDER_ANCHORS
        else "it would have to happen again"
    )
    return Check("anchor", "the anchor does not stand any more", False, False, anchor.stands, remedy=remedy_)


def _completes(anchor: AnchorEvidence, judged_at: datetime, at: datetime) -> bool:
    """Return whether the target held as the anchor order came in, without the orders that are cancelled by `at`."""
    return holds(anchor.target, judged_at) if anchor.recounted is None else holds(anchor.recounted, at)


def _completed(anchor: AnchorEvidence, judged_at: datetime, at: datetime, target: Check, zone: ZoneInfo) -> Check:
    """Return whether the target held as the anchor order came in: the order that completes it is the anchor (Q-15)."""
    completes, held = _completes(anchor, judged_at, at), holds(anchor.target, judged_at)
    # said only where it makes the difference
    left_out = ", without the orders cancelled since" if completes != held else ""
    if completes:
        wording = f"the target held as the order came in, at {local(judged_at, zone)}{left_out}"
        return Check("target_when_ordered", wording, True)
    return Check(
        "target_when_ordered",
        f"the target did not hold yet as the order came in, at {local(judged_at, zone)}{left_out}: the order with which"
        " it comes true is the anchor",
        False,
        remedy=target.remedy or "needs a later order, one with which the target holds",
    )


def _subscription(evidence: Evidence, at: datetime) -> Check | None:
    if evidence.subscribed is None:
        return None
    runs = holds(evidence.subscribed, at)
    end = "the running subscription would have to be cancelled" if runs else None
    return Check("active_subscriber", "a subscription is running", None, runs, evidence.subscribed, remedy=end)


def _order_status(anchor: AnchorEvidence, at: datetime) -> Check | None:
    if anchor.void is None:
        return None
    stops = holds(anchor.void, at)
    again = f"order {anchor.key} would have to stand again" if stops else None
    return Check("recheck_order_status", "the anchor order's status stops", None, stops, anchor.void, remedy=again)


def _section(
    name: str,
    states: Sequence[FrameState],
    spans: Spans,
    at: datetime,
    zone: ZoneInfo,
    besides: Check | None = None,
) -> Check:
    """Return a section's check with its frames below it; `besides` is what else keeps it from passing."""
    wanted, *said = SECTIONS[name]
    passing, failing = (wording.format(at=local(at, zone)) for wording in said)
    holds_now = holds(spans, at)
    children = (*(_frame(state) for state in states), *([besides] if besides else []))
    if holds_now == wanted:
        return Check(name, passing, True, holds_now, spans, children=children)
    changes = sorted({index for indexes in least_changes(states, wanted) for index in indexes})
    reasons = [f"{'because of' if states[i].held else 'for want of'} {_condition(states[i])}" for i in changes]
    if besides and besides.holds:
        reasons.append(f"because {besides.wording}")
    remedies = [section_remedy(states, at, zone, wanted=wanted), besides.remedy if besides else None]
    return Check(
        name,
        f"{failing}, {' and '.join(dict.fromkeys(reasons))}",
        False,
        holds_now,
        spans,
        remedy=", and ".join(each for each in remedies if each) or None,
        children=children,
    )


def _frame(state: FrameState) -> Check:
    relation = f"{state.relation.upper()} " if state.frame.number > 1 or state.relation == "not" else ""
    name = f"{state.frame.section}.frames[{state.frame.number - 1}]"
    facts = state.frame.facts[-FACTS_SINCE_ANCHOR:] if state.frame.since_anchor else state.frame.facts
    earlier = len(state.frame.facts) - len(facts)
    return Check(name, f"{relation}{_condition(state)}", None, state.held, state.spans, facts, earlier)


def _condition(state: FrameState) -> str:
    frame = state.frame
    return frame_in_words(frame.written, since_anchor=frame.since_anchor, in_one_order=frame.in_one_order)
