"""Who is in a scenario, and how they came in: its enrolments one by one, as a stream (R-202).

Belongs here: reading them from the ledger. Does not belong here: who may come in (`audience`), why one customer did or
did not (`why`), and the rows themselves (`ekiden.schedule.rows`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.database.streams import streamed
from ekiden.schedule.rows import OPEN_STATES
from ekiden.schedule.scenario_codes import refuse_unknown


class EnrolmentState(StrEnum):
    """The states of an enrolment; one that is removed lets the customer enter again."""

    ACTIVE = "active"
    COMPLETED = "completed"
    STOPPED = "stopped"
    REMOVED = "removed"


@dataclass(frozen=True)
class ListedEnrolment:
    """One passage of a customer through the scenario; instants are aware, dates local.

    `next_step_no` and `next_due_date` are of the open row, whose state is `next_row_state`; of an enrolment that waits
    for its first row they are of step 1, and there is no such state. Where nothing is to come all three are None.
    """

    customer_id: str
    entered_at: datetime
    anchor_kind: str
    anchor_key: str
    anchor_at: datetime
    anchor_date: date
    state: str
    state_ja: str
    exit_reason: str | None
    exited_at: datetime | None
    next_step_no: int | None
    next_due_date: date | None
    next_row_state: str | None
    scenario_version: int
    plan_run_id: UUID
    enrolment_id: int


@contextmanager
def enrolments(
    connection: Connection[Any], code: str, states: Sequence[EnrolmentState], *, limit: int | None = None
) -> Iterator[Iterator[ListedEnrolment]]:
    """Yield a scenario's enrolments in these states, the latest first; raises `UnknownScenario`."""
    refuse_unknown(connection, code)
    parameters = {
        "scenario_code": code,
        "states": list(states),
        "open_states": list(OPEN_STATES),
        "limit": limit,
    }
    with streamed(connection, ListedEnrolment, statement(__file__, "enrolments"), parameters) as found:
        yield found
