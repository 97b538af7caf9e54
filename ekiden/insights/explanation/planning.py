"""What planning adds to the conditions, one check each: who entered before, periods, due dates, other scenarios.

Pure. The rules are the planner's (`ekiden/schedule/planning/sql/find_candidates.sql` and `arbitrate.sql`); this says
them of one customer.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from heapq import merge
from zoneinfo import ZoneInfo

from ekiden.counting import counted
from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.evidence import AnchorEvidence, Enrolment, Evidence, Rival, holds
from ekiden.insights.explanation.wording import REASONS, anchor_in_words, local
from ekiden.insights.moments import Moment, at_local
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.rows import RowState, ScheduleRow

REOPEN = "a person would have to take the block back: `ekiden reopen`"

PAST_DATES = {
    "skip": "it is left out",
    "hold": "its row would wait for a release",
    "send_now": "its row would go out at once",
}
"""What becomes of a step 1 whose due date has passed, by the scenario's `past_date_policy`."""


def scenario_checks(scenario: AskedScenario) -> tuple[Check, ...]:
    """Return the checks that are the same for everybody: whether the scenario lets anybody in (R-030, R-135c)."""
    definition = scenario.definition
    enable = "the scenario would have to be enabled (`status: enabled`, then `ekiden build`)"
    run = "step 1 would have to run again (`state: enabled`, then `ekiden build`)"
    return (
        _check("status", f"the scenario is {definition.status}", definition.status == "enabled", enable),
        _check(
            "first_step",
            "step 1 runs" if definition.running_steps() else "step 1 is stopped by force",
            definition.running_steps() > 0,
            run,
        ),
    )


def _check(name: str, wording: str, passes: bool, remedy: str) -> Check:
    return Check(name, wording, passes, remedy=None if passes else remedy)


def planning_checks(
    scenario: AskedScenario,
    evidence: Evidence,
    anchor: AnchorEvidence,
    moment: Moment,
    zone: ZoneInfo,
    batch_time: time,
) -> tuple[Check, ...]:
    """Return what planning asks of an anchor whose conditions hold, in this order."""
    due = scenario.due_date(anchor.on)
    return (
        _not_entered(scenario, evidence, anchor, moment, zone),
        *_not_blocked(evidence, moment.at),
        *_within_reach(scenario, due, moment.day),
        *_no_rival(scenario, evidence.rivals, moment, zone),
        _due(scenario, anchor, due, moment, zone, batch_time),
    )


def entry_judged_at(
    scenario: AskedScenario, anchor: AnchorEvidence, moment: Moment, zone: ZoneInfo, batch_time: time
) -> datetime:
    """Return the instant by which a plan at the moment judges entry: of a day gone by perhaps its own (Q-13).

    As the planner has it (`judged_on_due_date.sql`), never before the anchor, which may come after that day's plan.
    """
    definition = scenario.definition
    day = anchor.on if definition.enrols_at == "anchor" else scenario.due_date(anchor.on)
    if definition.backfill_as_of == "due_date" and day < moment.day:
        return min(moment.at, max(anchor.at, at_local(day, batch_time, zone)))
    return moment.at


def current_enrolment(evidence: Evidence, at: datetime) -> Enrolment | None:
    """Return the enrolment that is running at an instant, the latest of several."""
    running = [
        enrolment
        for enrolment in evidence.enrolments
        if enrolment.entered_at <= at and (enrolment.exited_at is None or enrolment.exited_at > at)
    ]
    return running[-1] if running else None


def earlier_that_keeps_out(
    scenario: AskedScenario, evidence: Evidence, anchor: AnchorEvidence, at: datetime
) -> tuple[Enrolment, str] | None:
    """Return the earlier enrolment that keeps an anchor out, and the rule by which it does (C-06).

    The planner has the same rule in `find_candidates.sql`, the audience in `audience.sql`; `test_keeping_out` asks all.
    """
    reentry, restarts = scenario.definition.reentry, scenario.restarts
    # where each anchor enters by itself, only its own enrolments and those that were blocked have a say
    is_by_itself = reentry == "per_anchor" and not restarts
    for enrolment in _own_and_blocked(evidence, anchor) if is_by_itself else reversed(evidence.enrolments):
        if enrolment.entered_at > at:
            continue
        left_at = enrolment.left_at if enrolment.exited_at and enrolment.exited_at <= at else None
        if left_at and enrolment.exit_reason == "blocked":
            return enrolment, "the customer was blocked in this scenario"
        if (enrolment.anchor_kind, enrolment.anchor_key) == (anchor.kind, anchor.key):
            return enrolment, "this anchor entered already"
        if reentry == "never":
            return enrolment, "nobody enters twice (reentry: never)"
        if restarts:
            stopped = left_at and enrolment.exit_reason not in {None, "superseded"}
            if enrolment.anchor_at >= anchor.at or (stopped and left_at and left_at >= anchor.at):
                return enrolment, "only a later anchor starts the scenario anew (on_retrigger: restart)"
        elif reentry == "after_exit" and (left_at is None or left_at >= anchor.at):
            return enrolment, "what happens during an enrolment is ignored (reentry: after_exit)"
    return None


def _own_and_blocked(evidence: Evidence, anchor: AnchorEvidence) -> Iterator[Enrolment]:
    """Yield an anchor's own enrolments and those that were blocked, the latest first; some of them twice."""
    own = evidence.enrolments_by_anchor.get((anchor.kind, anchor.key), ())
    return merge(
        reversed(own),
        reversed(evidence.blocked_enrolments),
        key=lambda enrolment: (enrolment.entered_at, enrolment.enrolment_id),
        reverse=True,
    )


def _not_entered(
    scenario: AskedScenario, evidence: Evidence, anchor: AnchorEvidence, moment: Moment, zone: ZoneInfo
) -> Check:
    found = earlier_that_keeps_out(scenario, evidence, anchor, moment.at)
    if found is None:
        return Check("not_entered", f"no earlier enrolment keeps it out (reentry: {scenario.definition.reentry})", True)
    earlier, rule = found
    by = anchor_in_words(earlier.anchor_kind, earlier.anchor_key, zone)
    wording = f"{rule}: entered {local(earlier.entered_at, zone)} by {by}"
    if earlier.exited_at and earlier.exited_at <= moment.at:
        ended = f"{earlier.state}{f' ({earlier.exit_reason})' if earlier.exit_reason else ''}"
        wording += f", {ended} {local(earlier.exited_at, zone)}"
    remedies = {"never": "nothing: who went through this scenario once does not enter it again"}
    again = remedies.get(scenario.definition.reentry, "needs a later anchor")
    if earlier.exit_reason == "blocked":
        own = [row.state for row in evidence.rows_by_enrolment.get(earlier.enrolment_id, ())]
        # it is the row that is reopened, or who had none yet
        can_be = not own or RowState.BLOCKED in own
        again = REOPEN if can_be else "nothing: the blocked row was deleted, so the block stays"
    return Check("not_entered", wording, False, remedy=again)


def _not_blocked(evidence: Evidence, at: datetime) -> Iterator[Check]:
    if blocks := [block for block in evidence.blocked_in if block.blocked_at <= at]:
        where = ", ".join(block.scenario_code for block in blocks)
        for_good = ", ".join(block.scenario_code for block in blocks if not block.can_be_reopened)
        yield Check(
            "not_blocked",
            f"a person blocked the customer in {where}, and here a block counts everywhere",
            False,
            remedy=f"nothing: the blocked row in {for_good} was deleted, so the block stays" if for_good else REOPEN,
        )


def _within_reach(scenario: AskedScenario, due: date, day: date) -> Iterator[Check]:
    definition = scenario.definition
    skips = definition.past_date_policy == "skip"
    if period := definition.period:
        bounds = " ".join(
            part for part in (period.first and f"from {period.first}", period.last and f"to {period.last}") if part
        )
        inside = (not period.first or due >= period.first) and (not period.last or due <= period.last)
        yield _check(
            "period",
            f"step 1's due date {due} is {'' if inside else 'not '}in the scenario's period {bounds}",
            inside,
            "needs a later anchor" if period.first and due < period.first else "nothing: the period is over by then",
        )
    if definition.look_back_days is not None:
        days = definition.look_back_days
        within = (day - due).days <= days
        yield _check(
            "look_back",
            f"step 1's due date {due} is {'at most' if within else 'more than'} {counted(days, 'day')} before {day}"
            " (look_back_days)",
            within,
            # nobody is let in late where what is late is left out, whichever day is planned
            "needs a later anchor"
            + ("" if skips else f", or a person's backfill of that day: `ekiden plan --date {due}`"),
        )
    if due < day:
        yield _check(
            "past_date",
            f"step 1's due date {due} has passed: {PAST_DATES[definition.past_date_policy]}"
            f" (past_date_policy: {definition.past_date_policy})",
            not skips,
            "needs a later anchor",
        )


def _no_rival(scenario: AskedScenario, rivals: tuple[Rival, ...], moment: Moment, zone: ZoneInfo) -> Iterator[Check]:
    """Yield who is in the way of an exclusive scenario: the better priority wins, of equals who was there (C-07)."""
    if scenario.is_exclusive:
        mine = scenario.priority if scenario.priority is not None else float("inf")
        there = [rival for rival in rivals if rival.entered_at <= moment.at]
        staying = [rival for rival in there if rival.ends is None]
        better = [rival for rival in staying if (float("inf") if rival.priority is None else rival.priority) <= mine]
        named = "".join(
            f"; in {rival.scenario_code} (priority {rival.priority or 'none'}) since {local(rival.entered_at, zone)}"
            + (f", which the next plan ends first: {rival.ends}" if rival.ends else "")
            for rival in there
        )
        which = f"exclusive scenario of the same or a better priority than {scenario.priority or 'none'}"
        yield _check(
            "exclusive",
            f"{'an' if better else 'no'} {which} keeps the customer{named}",
            not better,
            f"the enrolment in {better[0].scenario_code} would have to end" if better else "",
        )
        yield from _on_their_way(rival for rival in there if rival.is_on_its_way)


def _on_their_way(rivals: Iterable[Rival]) -> Iterator[Check]:
    """Yield in which worse scenarios a message is on its way, which keeps a better one waiting."""
    for rival in rivals:
        code = rival.scenario_code
        yield Check(
            "on_its_way",
            f"a message of {code} is just being sent, or failed, so the customer is not taken out of it",
            False,
            remedy=f"that message would have to be sent, or ended by a person: `ekiden rows --scenario {code}`",
        )


def _due(
    scenario: AskedScenario, anchor: AnchorEvidence, due: date, moment: Moment, zone: ZoneInfo, batch_time: time
) -> Check:
    at_anchor = scenario.definition.enrols_at == "anchor"
    enters = anchor.on if at_anchor else due
    entry = f"; the customer enters on the anchor's day, {anchor.on}" if at_anchor else ""
    remedy = f"nothing: the customer enters on {enters}, and step 1 is due on {due}"
    # what the calendar alone ends before that day, like an age or some days since an order, is known already
    if enters > moment.day and not holds(anchor.may_enter, at_local(enters, batch_time, zone)):
        remedy = f"on {enters}, when the customer would enter, its conditions do not hold, as far as is known now"
    return _check(
        "due", f"step 1 {'is' if due >= moment.day else 'was'} due on {due}{entry}", enters <= moment.day, remedy
    )


def planned_too_late(
    scenario: AskedScenario, due: date, moment: Moment, zone: ZoneInfo, batch_time: time
) -> Iterator[str]:
    """Yield what becomes of a step 1 that is due on the moment's day, where it is not planned in time."""
    definition = scenario.definition
    if due != moment.day:
        return
    if not moment.is_forecast and moment.at > at_local(due, batch_time, zone):
        if definition.past_date_policy == "skip" or definition.look_back_days == 0:
            yield "if no plan lets the customer in today, tomorrow's leaves it out"
        elif definition.past_date_policy == "hold":
            yield "if no plan lets the customer in today, tomorrow's holds its row"
    # a list has no time of day
    if definition.past_time_today == "hold" and definition.steps[0].channel not in EXPORTED_CHANNELS:
        yield "if its time of day has passed when it is planned, its row waits for a release"


def rows_in_words(rows: tuple[ScheduleRow, ...], zone: ZoneInfo) -> tuple[str, ...]:
    """Return the customer's rows in this scenario, and why those that wait do."""
    return tuple(_row(row, zone) for row in sorted(rows, key=lambda row: (row.enrolment_id, row.step_no)))


def _row(row: ScheduleRow, zone: ZoneInfo) -> str:
    when = row.sent_at or row.send_at
    # of others it is a person's words, or the provider's
    is_ours = row.state in (RowState.HELD, RowState.SKIPPED, RowState.CANCELLED)
    reason = REASONS.get(row.reason or "", row.reason) if is_ours else row.reason
    return (
        f"step {row.step_no}, due {row.due_date}: {row.state} ({row.state_ja})"
        + (f", {local(when, zone)}" if when else "")
        + (f"; {reason}" if reason else "")
    )
