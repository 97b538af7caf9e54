"""Who may enter a scenario at an instant, past or coming: one scan of its built table.

A coming instant is a forecast from the facts known now: what the calendar alone will bring. Why somebody is missing is
`ekiden.insights.explanation.explain`'s to say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection, sql

from ekiden.database.statements import qualified, statement
from ekiden.database.streams import streamed
from ekiden.insights.built import AskedScenario
from ekiden.insights.moments import Moment


@dataclass(frozen=True)
class AudienceMember:
    """One anchor of one customer whose entry conditions hold; `due_date` is step 1's, local."""

    customer_id: str
    anchor_kind: str
    anchor_key: str
    anchor_at: datetime
    anchor_date: date
    due_date: date
    standing: str
    """Whether anything keeps it out: `may_enter`, `enrolled` or `stopped` (`Audience`)."""


@dataclass(frozen=True)
class Heads:
    """So many customers with so many anchors."""

    customers: int = 0
    anchors: int = 0


@dataclass(frozen=True)
class Audience:
    """A scenario's audience at an instant, in numbers.

    `eligible` holds all whose entry conditions hold: those whom a stop condition keeps out (`stopped`), whom an earlier
    enrolment keeps out (`enrolled`; also one blocked elsewhere, where that counts), and the rest (`may_enter`). `due`:
    of all of them, those with step 1 due that day.
    """

    scenario_code: str
    at: datetime
    day: date
    is_forecast: bool
    built_at: datetime
    eligible: Heads
    may_enter: Heads
    enrolled: Heads
    stopped: Heads
    due: Heads


def audience(
    connection: Connection[Any], scenario: AskedScenario, moment: Moment, *, blocks_everywhere: bool = False
) -> Audience:
    """Return how many customers and anchors the scenario's built table has at an instant.

    `blocks_everywhere`: a block in one scenario keeps the customer out of all (`Settings.blocks_everywhere`).
    """
    query = statement(__file__, "audience_counts").format(query=_audience(scenario))
    counted = {
        standing: Heads(customers, anchors)
        for standing, customers, anchors in connection.execute(query, _parameters(scenario, moment, blocks_everywhere))
    }
    return Audience(
        scenario_code=scenario.definition.code,
        at=moment.at,
        day=moment.day,
        is_forecast=moment.is_forecast,
        built_at=scenario.built_at,
        eligible=counted.get("eligible", Heads()),
        may_enter=counted.get("may_enter", Heads()),
        enrolled=counted.get("enrolled", Heads()),
        stopped=counted.get("stopped", Heads()),
        due=counted.get("due", Heads()),
    )


@contextmanager
def members(
    connection: Connection[Any],
    scenario: AskedScenario,
    moment: Moment,
    *,
    limit: int | None = None,
    blocks_everywhere: bool = False,
) -> Iterator[Iterator[AudienceMember]]:
    """Yield the audience as a stream: whoever may enter first, each group by due date, customer and anchor."""
    query = statement(__file__, "audience_members").format(query=_audience(scenario))
    parameters = {**_parameters(scenario, moment, blocks_everywhere), "limit": limit}
    with streamed(connection, AudienceMember, query, parameters) as found:
        yield found


def _audience(scenario: AskedScenario) -> sql.Composed:
    return statement(__file__, "audience").format(eligibility=qualified(scenario.relation_name))


def _parameters(scenario: AskedScenario, moment: Moment, blocks_everywhere: bool) -> dict[str, Any]:
    return {
        "at": moment.at,
        "day": moment.day,
        "due_after_days": scenario.due_after_days,
        "scenario_id": scenario.scenario_id,
        "reentry": scenario.definition.reentry,
        "restarts": scenario.restarts,
        "blocks_everywhere": blocks_everywhere,
    }
