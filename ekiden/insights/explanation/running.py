"""What comes next for a customer who is in the scenario. Pure; whether somebody is, `explain` says."""

from collections.abc import Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.evidence import Ending, Enrolment, Evidence
from ekiden.insights.explanation.planning import PAST_DATES, rows_in_words, scenario_checks
from ekiden.insights.explanation.wording import local
from ekiden.insights.moments import Moment
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.rows import OPEN_STATES, RowState, ScheduleRow


def next_of_running(
    scenario: AskedScenario,
    running: Enrolment,
    evidence: Evidence,
    delivery: Sequence[Check],
    moment: Moment,
    zone: ZoneInfo,
    *,
    starts_anew_by: str | None = None,
) -> str:
    """Return what has to happen for the next step to reach the customer; `delivery` is what a sender checks.

    `starts_anew_by` is a later anchor that nothing is against, in words.
    """
    if running.exited_at:
        # rows are those of now, also where an earlier moment is asked about
        return f"nothing: {running.state} since, {local(running.exited_at, zone)}"
    own = evidence.rows_by_enrolment.get(running.enrolment_id, ())
    waiting = next((row for row in own if row.state in OPEN_STATES), None)
    if waiting is None:
        # who is ended for another reason does not start anew
        if starts_anew_by and not evidence.ending:
            return f"the next plan starts it anew, by {starts_anew_by}"
        if own:
            return "nothing: a person deleted the row that waited, so no further step follows"
        return _without_a_row(scenario, scenario.due_date(running.anchor_date), evidence.ending, moment)
    plans = list(_by_a_plan(waiting, evidence.ending, moment, starts_anew_by))
    if waiting.state != RowState.READY:
        ends = [check.wording for check in delivery if check.name == "last_look"]
        return "; but ".join([*rows_in_words((waiting,), zone), *ends, *plans])
    return _ready(waiting, [check for check in (*_frozen(scenario), *delivery) if not check.passes], plans)


def _by_a_plan(
    waiting: ScheduleRow, ending: Ending | None, moment: Moment, starts_anew_by: str | None
) -> Iterator[str]:
    """Yield what the next plan makes of a row; of now its sender's checks tell the rest."""
    if waiting.state not in (RowState.READY, RowState.HELD):
        return
    if ending is None:
        if starts_anew_by:
            yield f"the next plan starts it anew, by {starts_anew_by}"
    elif moment.is_now:
        if ending.is_plans_alone:
            yield f"the next plan ends it: {ending.why}"
    # what is ready has gone out by a coming day after its own
    elif waiting.state == RowState.HELD or waiting.due_date >= moment.day:
        yield f"the next plan ends it: {ending.why}"


def _without_a_row(scenario: AskedScenario, due: date, ending: Ending | None, moment: Moment) -> str:
    """Return what becomes of who waits for a first step that is due on a day."""
    definition = scenario.definition
    # by a coming moment the row was made on its day
    is_born = moment.is_forecast and due < moment.day
    if ending and not is_born:
        return f"the next plan ends this without a message: {ending.why}"
    if not definition.running_steps():
        return "step 1 is stopped by force: the next plan ends this without a message"
    if frozen := next((check for check in _frozen(scenario) if not check.passes), None):
        return f"step 1 {'is' if due >= moment.day else 'was'} due on {due}, but {frozen.wording}; {frozen.remedy}"
    period = definition.period
    if period and ((period.first and due < period.first) or (period.last and due > period.last)):
        return (
            f"step 1 is due on {due}, which is outside the scenario's period by now: the plan of that day ends this"
            " without a message, unless the period is moved back"
        )
    if due < moment.day and not is_born:
        policy = definition.past_date_policy
        outcome = "the next plan ends this without a message" if policy == "skip" else PAST_DATES[policy]
        return f"step 1 was due on {due}: {outcome}"
    return "nothing: the first step is planned on its day"


def _ready(row: ScheduleRow, against: Sequence[Check], plans: Sequence[str]) -> str:
    ready = f"step {row.step_no} is ready, due on {row.due_date}"
    told = [f"{check.wording}; {check.remedy}" if check.remedy else check.wording for check in against]
    if told or plans:
        return f"{ready}, but {'; and '.join([*told, *plans])}"
    if row.channel in EXPORTED_CHANNELS:
        return f"{ready}: a person has to export its list, `ekiden export`"
    return f"nothing: {ready}"


def _frozen(scenario: AskedScenario) -> Iterator[Check]:
    """Yield whether the scenario is enabled, except where it drains: then it lets nobody in, and sends (C-14)."""
    definition = scenario.definition
    if not (definition.status == "disabled" and definition.disable_mode == "drain"):
        yield scenario_checks(scenario)[0]
