"""Why a customer is, or is not, in a scenario at an instant: every check in the order in which it is made.

Pure: from the evidence (`evidence`) to a tree of checks with the first one that fails and what would have
to happen next. The conditions are not judged here again: whether they hold is read from the spans that dbt's macros
made, the same as the table's.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from ekiden.counting import counted
from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.checks import (
    Check,
    condition_checks,
    duplicate_check,
    frame_states,
    section_remedy,
)
from ekiden.insights.explanation.choice import latest_first, that_comes_furthest, that_matter
from ekiden.insights.explanation.evidence import AnchorEvidence, Enrolment, Evidence, Spans, next_beginning
from ekiden.insights.explanation.planning import (
    current_enrolment,
    entry_judged_at,
    planned_too_late,
    planning_checks,
    rows_in_words,
    scenario_checks,
)
from ekiden.insights.explanation.remedies import FrameState
from ekiden.insights.explanation.running import next_of_running
from ekiden.insights.explanation.wording import anchor_in_words, filter_in_words, first_few, local
from ekiden.insights.moments import Moment
from ekiden.scenarios.anchor import ORDER_ANCHORS

DATES = {
    "paid": "be paid",
    "shipped": "be shipped",
    "desired_delivery": "get a delivery date or be shipped",
}
"""What an order needs to be an anchor by a date of its own."""

NEEDED_ANCHORS = {
    "ordered": "an order",
    "paid": "an order that is paid",
    "shipped": "an order that is shipped",
    "desired_delivery": "an order with a delivery date",
    "nth_purchase": "more orders, up to the one that is counted for",
    "member_registered": "the registration",
    "entered": "to come into the segment {argument}",
    "list_imported": "to be put on the list {argument}",
    "tag_granted": "the tag {argument}",
    "event": "an event {argument}",
    "subscription_cancelled": "a subscription that is cancelled",
}
"""What there would have to be for an anchor, by its kind."""

SHOWN_ROWS = 20
"""Rows that are told of, the latest: every step of some passages through the scenario."""


class EntryVerdict(StrEnum):
    """How a customer stands in a scenario at an instant."""

    ENTERED = "entered"
    """An enrolment is running."""
    MAY_ENTER = "may_enter"
    """The next planning run lets the customer in."""
    WAITS = "waits"
    """Everything holds but the day has not come."""
    KEPT_OUT = "kept_out"


@dataclass(frozen=True)
class AnchorExplanation:
    """One anchor: its checks, and when it may enter by its conditions alone. `due_date` is step 1's, local."""

    kind: str
    key: str
    at: datetime
    on: date
    due_date: date
    may_enter: Spans
    conditions: tuple[Check, ...]
    planning: tuple[Check, ...]


@dataclass(frozen=True)
class NoAnchor:
    """What could be an anchor and is none, with the reasons."""

    key: str
    at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """The whole answer. `first_failing` and `next` are sentences; `anchors` are the latest first.

    `folded_anchors` counts the anchors that are left out, for they decide nothing.
    """

    scenario_code: str
    scenario_name: str
    scenario_version: int | None
    customer_id: str
    at: datetime
    is_forecast: bool
    verdict: EntryVerdict
    sentence: str
    first_failing: str | None
    next: str
    customer: tuple[Check, ...]
    anchors: tuple[AnchorExplanation, ...]
    folded_anchors: int
    no_anchors: tuple[NoAnchor, ...]
    scenario: tuple[Check, ...]
    rows: tuple[str, ...]
    delivery: tuple[Check, ...]
    """What a sender would find at this moment; none where another moment is asked about."""
    notes: tuple[str, ...]


def explain(
    scenario: AskedScenario,
    evidence: Evidence,
    moment: Moment,
    zone: ZoneInfo,
    *,
    delivery: tuple[Check, ...] = (),
    everything: bool = False,
    batch_time: time = time(6, 0),
) -> Explanation:
    """Return why the customer is in the scenario at an instant, or is not; sentences have times in `zone`.

    Of many anchors only those that matter are explained: the latest, those that may enter now or next, those that
    entered, and the one that comes furthest; `everything` explains all. `delivery` is what a sender checks besides.
    `batch_time` is that of the daily plan, unless given what settings say by themselves.
    """
    customer = (duplicate_check(evidence),)
    frames = frame_states(evidence, moment.at)
    everybody = scenario_checks(scenario)
    furthest = that_comes_furthest(scenario, evidence, moment, zone, batch_time)
    explained = {
        id(anchor): _anchor(scenario, evidence, frames, anchor, moment, zone, batch_time)
        for anchor in latest_first(evidence.anchors if everything else that_matter(evidence, furthest, moment.at))
    }
    anchors = tuple(explained.values())
    best = explained[id(furthest)] if furthest else None
    failing = _first_failing(customer, best, everybody) or (
        None if best else _no_anchor_check(scenario, evidence, moment.at, zone)
    )
    running = current_enrolment(evidence, moment.at)
    verdict = _verdict(running, failing)
    if running:
        anew = anchor_in_words(best.kind, best.key, zone) if best and failing is None and scenario.restarts else None
        next_ = next_of_running(scenario, running, evidence, delivery, moment, zone, starts_anew_by=anew)
    elif failing:
        next_ = _next(failing, _judged_from_now_on(scenario, evidence, moment, zone, batch_time), moment, zone)
    else:
        next_ = _next_of_entering(scenario, best, moment, zone, batch_time)
    return Explanation(
        scenario_code=scenario.definition.code,
        scenario_name=scenario.definition.name,
        scenario_version=scenario.version_no,
        customer_id=evidence.customer_id,
        at=moment.at,
        is_forecast=moment.is_forecast,
        verdict=verdict,
        sentence=_sentence(verdict, running, best, zone),
        first_failing=_named(failing, best, zone) if failing and verdict is EntryVerdict.KEPT_OUT else None,
        next=next_,
        customer=customer,
        anchors=anchors,
        folded_anchors=len(evidence.anchors) - len(anchors),
        no_anchors=_no_anchors(scenario, evidence),
        scenario=everybody,
        rows=tuple(_rows(scenario, evidence, zone, everything=everything)),
        delivery=delivery,
        notes=tuple(_notes(evidence, moment)),
    )


def _anchor(
    scenario: AskedScenario,
    evidence: Evidence,
    frames: Sequence[FrameState],
    anchor: AnchorEvidence,
    moment: Moment,
    zone: ZoneInfo,
    batch_time: time,
) -> AnchorExplanation:
    entry_at = entry_judged_at(scenario, anchor, moment, zone, batch_time)
    return AnchorExplanation(
        kind=anchor.kind,
        key=anchor.key,
        at=anchor.at,
        on=anchor.on,
        due_date=scenario.due_date(anchor.on),
        may_enter=anchor.may_enter,
        conditions=condition_checks(evidence, frames, anchor, moment.at, zone, entry_at),
        planning=planning_checks(scenario, evidence, anchor, moment, zone, batch_time),
    )


def _first_failing(
    customer: Sequence[Check], best: AnchorExplanation | None, everybody: Sequence[Check]
) -> Check | None:
    """Return the first check that fails; of anchors that of the one that comes furthest."""
    if best is None:
        return next((check for check in customer if not check.passes), None)
    checks = (*customer, *best.conditions, *everybody, *best.planning)
    return next((check for check in checks if check.passes is False), None)


def _no_anchor_check(scenario: AskedScenario, evidence: Evidence, at: datetime, zone: ZoneInfo) -> Check:
    if evidence.is_by_hand:
        return Check("anchor", "no anchor: its table has no row of this customer", False)
    kind = scenario.definition.anchor_kind
    looked_at = len(evidence.candidates)
    what = "order" if kind in ORDER_ANCHORS else "fact"
    why = f"of {counted(looked_at, what)} none is one" if looked_at else f"there are no {what}s for one"
    return Check("anchor", f"no anchor: {why}", False, remedy=_for_an_anchor(scenario, evidence, at, zone))


def _for_an_anchor(scenario: AskedScenario, evidence: Evidence, at: datetime, zone: ZoneInfo) -> str:
    """Return what there would have to be: an order that only lacks its date, what the target asks for, or a new one."""
    kind = scenario.definition.anchor_kind
    dateless = [candidate.key for candidate in evidence.candidates if candidate.fails == (kind,)]
    if dateless and kind in DATES:
        return f"order {first_few(dateless[-1:])} would have to {DATES[kind]}"
    target = [state for state in frame_states(evidence, at) if state.frame.section == "target"]
    by_target = section_remedy(target, at, zone, wanted=True)
    if by_target and kind in ORDER_ANCHORS:
        return by_target
    anchor = scenario.written["anchor"]
    needed = NEEDED_ANCHORS.get(kind, kind).format(argument=anchor[kind] if isinstance(anchor, dict) else "")
    return f"needs {needed}{' that passes the filters' if evidence.candidates else ''}"


def _verdict(running: Enrolment | None, failing: Check | None) -> EntryVerdict:
    if running:
        return EntryVerdict.ENTERED
    if failing is None:
        return EntryVerdict.MAY_ENTER
    return EntryVerdict.WAITS if failing.name == "due" else EntryVerdict.KEPT_OUT


def _sentence(verdict: EntryVerdict, running: Enrolment | None, best: AnchorExplanation | None, zone: ZoneInfo) -> str:
    if running:
        by = anchor_in_words(running.anchor_kind, running.anchor_key, zone)
        return f"is in the scenario since {local(running.entered_at, zone)}, by {by}"
    match verdict:
        case EntryVerdict.MAY_ENTER if best:
            return f"enters with the next planning run, by {anchor_in_words(best.kind, best.key, zone)}"
        case EntryVerdict.WAITS if best:
            return f"everything holds; waits for the day, by {anchor_in_words(best.kind, best.key, zone)}"
        case _:
            return "is not in the scenario and does not enter now"


def _named(failing: Check, best: AnchorExplanation | None, zone: ZoneInfo) -> str:
    """Return the failing check in words, with the anchor it is about."""
    about = best is not None and failing in (*best.conditions, *best.planning)
    return f"{anchor_in_words(best.kind, best.key, zone)}: {failing.wording}" if best and about else failing.wording


def _next_of_entering(
    scenario: AskedScenario, best: AnchorExplanation | None, moment: Moment, zone: ZoneInfo, batch_time: time
) -> str:
    if best is None:
        return "nothing"
    # a date that has passed says more than the date
    past = [check.wording for check in best.planning if check.name == "past_date"]
    late = planned_too_late(scenario, best.due_date, moment, zone, batch_time)
    return "; ".join([f"nothing: {past[0] if past else best.planning[-1].wording}", *late])


def _next(failing: Check, anchors: Sequence[AnchorEvidence], moment: Moment, zone: ZoneInfo) -> str:
    again = [begins for anchor in anchors if (begins := next_beginning(anchor.may_enter, moment.at))]
    by_itself = f"its conditions hold from {local(min(again), zone)}, if nothing else happens" if again else None
    parts = [part for part in (failing.remedy, by_itself) if part]
    return "; or ".join(dict.fromkeys(parts)) or "nothing is known that would change it"


def _judged_from_now_on(
    scenario: AskedScenario, evidence: Evidence, moment: Moment, zone: ZoneInfo, batch_time: time
) -> list[AnchorEvidence]:
    """Return the anchors whose conditions may still come true: of a day gone by it may be too late for that."""
    return [
        anchor
        for anchor in evidence.anchors
        if entry_judged_at(scenario, anchor, moment, zone, batch_time) >= moment.at
    ]


def _no_anchors(scenario: AskedScenario, evidence: Evidence) -> tuple[NoAnchor, ...]:
    known = {anchor.key for anchor in evidence.anchors}
    return tuple(
        NoAnchor(
            candidate.key,
            candidate.at,
            tuple(filter_in_words(name, scenario.written) for name in candidate.fails)
            or ("it passes every filter alone, but not all together",),
        )
        for candidate in reversed(evidence.candidates)
        if candidate.key not in known
    )


def _rows(scenario: AskedScenario, evidence: Evidence, zone: ZoneInfo, *, everything: bool) -> Iterator[str]:
    told = rows_in_words(evidence.rows, zone)
    shown = told if everything else told[-SHOWN_ROWS:]
    yield from shown
    if more := len(told) - len(shown):
        customer = shlex.quote(evidence.customer_id)
        yield f"and {more} earlier ones: `ekiden rows --scenario {scenario.known_code} --customer {customer}`"


def _notes(evidence: Evidence, moment: Moment) -> list[str]:
    notes = []
    if evidence.is_by_hand:
        notes.append("This scenario's SQL is written by hand: when its conditions hold is known, not why.")
    if evidence.table_differs:
        notes.append("The built table says otherwise: facts came in since. The next `ekiden build` takes them in.")
    if moment.is_forecast:
        notes.append("A forecast from the facts known now: what the calendar alone will bring.")
    return notes
