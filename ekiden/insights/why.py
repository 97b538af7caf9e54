"""The door for one question: why a customer is in a scenario or not, and whether they may be written to.

Belongs here: bringing together what was read and what judges it. Does not belong here: either of them.
"""

from dataclasses import replace
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.insights.built import AskedScenario, asked_scenario
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.delivery import delivery_checks, read_delivery
from ekiden.insights.explanation.evidence import Evidence
from ekiden.insights.explanation.explain import Explanation, explain
from ekiden.insights.explanation.planning import current_enrolment
from ekiden.insights.explanation.reading import read_evidence
from ekiden.insights.explanation.rivals import read_ending, read_rivals
from ekiden.insights.moments import Moment
from ekiden.settings import Settings

LEFT_OUT = "The last plan left this scenario out and let nobody in: `ekiden plan --dry-run` says why."
"""Of SQL written by hand, whose table may break the contract; a definition with faults cannot be asked at all."""


def why(
    connection: Connection[Any],
    scenario: str,
    customer: str,
    asked: Moment,
    *,
    settings: Settings,
    everything: bool = False,
) -> Explanation:
    """Return why a customer is in the scenario of a code at the moment asked about, or is not.

    What a sender would find is told of now alone: of other moments nobody knows it. Raises `NothingBuilt`,
    `UnknownScenario`, `ScenarioIsBroken` and `UnknownCustomer`.
    """
    found = asked_scenario(connection, scenario)
    evidence = read_evidence(connection, found, customer, blocks_everywhere=settings.blocks_everywhere)
    running = current_enrolment(evidence, asked.at)
    evidence = replace(
        evidence,
        rivals=read_rivals(connection, found, customer, asked, settings.zone),
        ending=read_ending(connection, customer, running, asked, settings.zone) if running else None,
    )
    checks = _delivery(connection, found, evidence, asked, settings) if asked.is_now else ()
    explanation = explain(
        found,
        evidence,
        asked,
        settings.zone,
        delivery=checks,
        everything=everything,
        batch_time=settings.batch_time,
    )
    if asked.is_now and found.live_function is None and _was_left_out(connection, found):
        return replace(explanation, notes=(*explanation.notes, LEFT_OUT))
    return explanation


def _delivery(
    connection: Connection[Any], scenario: AskedScenario, evidence: Evidence, asked: Moment, settings: Settings
) -> tuple[Check, ...]:
    running = current_enrolment(evidence, asked.at)
    delivery = read_delivery(
        connection,
        scenario,
        evidence.customer_id,
        evidence.rows,
        settings,
        now=asked.at,
        enrolment_id=running.enrolment_id if running else None,
    )
    return delivery_checks(delivery, settings) if delivery else ()


def _was_left_out(connection: Connection[Any], scenario: AskedScenario) -> bool:
    query = statement(__file__, "last_plan_left_out")
    row = connection.execute(query, {"model_name": scenario.model_name}).fetchone()
    return bool(row and row[0])
