"""The door of this package for one question: why is a customer in a scenario, or not, and may be written to.

Belongs here: bringing together what was read and what judges it. Does not belong here: either of them.
"""

from typing import Any

from psycopg import Connection

from ekiden.insights.built import asked_scenario
from ekiden.insights.explanation import Explanation, explain
from ekiden.insights.explanation_delivery import delivery_checks, read_delivery
from ekiden.insights.explanation_evidence import read_evidence
from ekiden.insights.moments import Moment
from ekiden.settings import Settings


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
    delivery = read_delivery(connection, found, customer, evidence.rows, settings) if asked.is_now else None
    checks = delivery_checks(delivery, settings) if delivery else ()
    return explain(found, evidence, asked, settings.zone, delivery=checks, everything=everything)
