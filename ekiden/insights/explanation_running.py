"""What comes next for a customer who is in the scenario. Pure; whether somebody is, `explanation` says."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation_checks import Check
from ekiden.insights.explanation_evidence import Enrolment, Evidence
from ekiden.insights.explanation_planning import rows_in_words, scenario_checks
from ekiden.insights.explanation_wording import local
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.rows import OPEN_STATES, ScheduleRow


def next_of_running(
    scenario: AskedScenario, running: Enrolment, evidence: Evidence, delivery: Sequence[Check], zone: ZoneInfo
) -> str:
    """Return what has to happen for the next step to reach the customer; `delivery` is what a sender checks."""
    own = [row for row in evidence.rows if row.enrolment_id == running.enrolment_id]
    waiting = next((row for row in own if row.state in OPEN_STATES), None)
    if waiting is None:
        return _without_a_row(scenario, running, evidence, zone)
    if waiting.state != "ready":
        ends = [check.wording for check in delivery if check.name == "last_look"]
        return "; but ".join([*rows_in_words((waiting,), zone), *ends])
    return _ready(waiting, [check for check in (*_frozen(scenario), *delivery) if not check.passes])


def _without_a_row(scenario: AskedScenario, running: Enrolment, evidence: Evidence, zone: ZoneInfo) -> str:
    if running.exited_at:
        # rows are those of now, also where an earlier moment is asked about
        return f"nothing: {running.state} since, {local(running.exited_at, zone)}"
    if any(row.enrolment_id == running.enrolment_id for row in evidence.rows):
        return "nothing: a person deleted the row that waited, so no further step follows"
    due, period = scenario.due_date(running.anchor_date), scenario.definition.period
    if period and ((period.first and due < period.first) or (period.last and due > period.last)):
        return (
            f"step 1 is due on {due}, which is outside the scenario's period by now: the plan of that day ends this"
            " without a message, unless the period is moved back"
        )
    return "nothing: the first step is planned on its day"


def _ready(row: ScheduleRow, against: Sequence[Check]) -> str:
    ready = f"step {row.step_no} is ready, due on {row.due_date}"
    if against:
        told = [f"{check.wording}; {check.remedy}" if check.remedy else check.wording for check in against]
        return f"{ready}, but {'; and '.join(told)}"
    if row.channel in EXPORTED_CHANNELS:
        return f"{ready}: a person has to export its list, `ekiden export`"
    return f"nothing: {ready}"


def _frozen(scenario: AskedScenario) -> Iterator[Check]:
    """Yield whether the scenario is enabled, except where it drains: then it lets nobody in, and sends (C-14)."""
    definition = scenario.definition
    if not (definition.status == "disabled" and definition.disable_mode == "drain"):
        yield scenario_checks(scenario)[0]
