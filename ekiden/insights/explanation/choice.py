"""Which of a customer's many anchors matter, and which of them comes furthest. Pure; explaining them is not here."""

from collections.abc import Iterable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.checks import conditions_passed
from ekiden.insights.explanation.evidence import AnchorEvidence, Evidence, holds, next_beginning
from ekiden.insights.explanation.planning import entry_judged_at, planning_checks
from ekiden.insights.moments import Moment

FEW_ANCHORS = 5
"""So many anchors are all explained, and of more so many of each kind that matters: about a screen."""


def that_comes_furthest(
    scenario: AskedScenario, evidence: Evidence, moment: Moment, zone: ZoneInfo, batch_time: time
) -> AnchorEvidence | None:
    """Return the anchor that enters, by the planner's choice of several (`find_candidates.sql`).

    None enters: one that is there before one that is not, then by checks, then the latest. None without an anchor.
    """
    ranked = [(_reached(scenario, evidence, anchor, moment, zone, batch_time), anchor) for anchor in evidence.anchors]
    entering = [anchor for (enters, _), anchor in ranked if enters]
    if not entering:
        return max(ranked, key=lambda each: each[0], default=(None, None))[1]
    if scenario.restarts:
        # the last one counts
        latest = max(anchor.at for anchor in entering)
        entering = [anchor for anchor in entering if anchor.at == latest]
    elif scenario.definition.reentry == "per_anchor":
        # each by itself
        return max(entering, key=lambda anchor: (anchor.at, anchor.key))
    return min(entering, key=lambda anchor: (anchor.on, anchor.key))


def _reached(
    scenario: AskedScenario,
    evidence: Evidence,
    anchor: AnchorEvidence,
    moment: Moment,
    zone: ZoneInfo,
    batch_time: time,
) -> tuple[bool, tuple[bool, int, datetime, str]]:
    """Return whether nothing is against an anchor, and how far it comes."""
    entry_at = entry_judged_at(scenario, anchor, moment, zone, batch_time)
    passed, enters = conditions_passed(evidence, anchor, moment.at, entry_at)
    if enters:
        checks = planning_checks(scenario, evidence, anchor, moment, zone, batch_time)
        planning = [check.passes is not False for check in checks]
        enters = all(planning)
        passed += len(planning) if enters else planning.index(False)
    return enters, (anchor.at <= moment.at, passed, anchor.at, anchor.key)


def latest_first(anchors: Iterable[AnchorEvidence]) -> list[AnchorEvidence]:
    """Return anchors from the latest to the earliest."""
    return sorted(anchors, key=lambda anchor: (anchor.at, anchor.key), reverse=True)


def that_matter(evidence: Evidence, furthest: AnchorEvidence | None, at: datetime) -> list[AnchorEvidence]:
    """Return the anchors worth explaining, the one that comes `furthest` among them; few anchors are all."""
    anchors = latest_first(evidence.anchors)
    if len(anchors) <= FEW_ANCHORS:
        return anchors
    entered = {(enrolment.anchor_kind, enrolment.anchor_key) for enrolment in evidence.enrolments}
    coming = [(begins, anchor) for anchor in anchors if (begins := next_beginning(anchor.may_enter, at))]
    chosen = [
        anchors[0],
        *[anchor for anchor in anchors if holds(anchor.may_enter, at)][:FEW_ANCHORS],
        *[anchor for _, anchor in sorted(coming, key=lambda found: found[0])][:1],
        *[anchor for anchor in anchors if (anchor.kind, anchor.key) in entered][:FEW_ANCHORS],
        *([furthest] if furthest else []),
    ]
    return list({id(anchor): anchor for anchor in chosen}.values())
