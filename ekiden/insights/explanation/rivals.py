"""The exclusive scenarios that have a customer (C-07), and which enrolments the next plan ends before anybody enters.

Belongs here: reading them and the customer's own, and asking about their stops by the sender's own rule
(`ekiden.delivery.sending.last_look`). Does not belong here: who gives way to whom (`planning`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import qualified, statement
from ekiden.delivery.sending.last_look import DueRow, stopped_now
from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.evidence import Ending, Enrolment, Rival
from ekiden.insights.moments import Moment
from ekiden.schedule.unanswered import Unanswered, asking


@dataclass(frozen=True)
class _Enrolment(DueRow):
    """An enrolment, with its open row if it has one."""

    scenario_code: str
    priority: int | None
    entered_at: datetime
    is_on_its_way: bool
    held_since: datetime | None
    """Since when its row is held by nobody's choice; None where it is not."""
    hold_expires_after_days: int | None
    is_reevaluated: bool
    """Whether the next plan asks it for its entry conditions again, after an edit."""


def read_rivals(
    connection: Connection[Any], scenario: AskedScenario, customer_id: str, asked: Moment, zone: ZoneInfo
) -> tuple[Rival, ...]:
    """Return the exclusive scenarios that have the customer, if the scenario asked about competes with any.

    Those that had the customer at a past moment; for now and for a coming one those of now, as nobody knows others.
    """
    if not scenario.is_exclusive:
        return ()
    is_past = not (asked.is_now or asked.is_forecast)
    parameters = {
        "customer_id": customer_id,
        "scenario_id": scenario.scenario_id,
        "as_of": asked.at if is_past else None,
        "enrolment_id": None,
    }
    return tuple(
        Rival(
            each.scenario_code,
            each.priority,
            each.entered_at,
            each.is_on_its_way,
            # what a plan at a past moment ended is not among them
            ending.why if not is_past and (ending := _ending(connection, each, asked, zone)) else None,
        )
        for each in _read(connection, parameters)
    )


def read_ending(
    connection: Connection[Any], customer_id: str, running: Enrolment, asked: Moment, zone: ZoneInfo
) -> Ending | None:
    """Return why a plan at the moment ends the customer's own enrolment, if it does; of a past moment nobody asks."""
    if running.exited_at or not (asked.is_now or asked.is_forecast):
        return None
    parameters = {
        "customer_id": customer_id,
        "scenario_id": None,
        "as_of": None,
        "enrolment_id": running.enrolment_id,
    }
    # nothing is found of whose row a person deleted: nothing of it is left to be ended
    return next((_ending(connection, each, asked, zone) for each in _read(connection, parameters)), None)


def _read(connection: Connection[Any], parameters: dict[str, Any]) -> list[_Enrolment]:
    with connection.cursor(row_factory=class_row(_Enrolment)) as cursor:
        return cursor.execute(statement(__file__, "exclusive_enrolments"), parameters).fetchall()


def _ending(connection: Connection[Any], enrolment: _Enrolment, asked: Moment, zone: ZoneInfo) -> Ending | None:
    """Return why a plan at the moment ends the enrolment before it lets anybody in, if it does."""
    if enrolment.is_on_its_way:
        return None
    if enrolment.is_force_stopped:
        return Ending("its next step is stopped by force", is_plans_alone=False)
    if _is_stopped(connection, enrolment, asked):
        return Ending("its stop condition holds", is_plans_alone=False)
    if enrolment.is_reevaluated and not _may_still_enter(connection, enrolment, asked):
        return Ending("its entry conditions hold no more after an edit", is_plans_alone=True)
    days = enrolment.hold_expires_after_days
    if enrolment.held_since and days is not None:
        expires = enrolment.held_since.astimezone(zone).date() + timedelta(days=days)
        return Ending("its hold expires", is_plans_alone=True) if expires < asked.day else None
    return None


def _is_stopped(connection: Connection[Any], enrolment: _Enrolment, asked: Moment) -> bool:
    try:
        with connection.transaction(), asking(enrolment.scenario_version_id):
            return bool(stopped_now(connection, [enrolment], asked.at))
    except Unanswered:
        # the plan leaves it as it is
        return False


def _may_still_enter(connection: Connection[Any], enrolment: _Enrolment, asked: Moment) -> bool:
    query = statement(__file__, "anchor_enters").format(eligibility=qualified(enrolment.relation_name))
    parameters = {
        "customer_id": enrolment.customer_id,
        "anchor_kind": enrolment.anchor_kind,
        "anchor_key": enrolment.anchor_key,
        "at": asked.at,
    }
    return connection.execute(query, parameters).fetchone() is not None
