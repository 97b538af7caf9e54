"""Scenario versions that cannot be asked any more whether their stop condition holds: what they ask is gone.

A version keeps its conditions as a function of its own, which somebody can drop, as well as what it reads; in a
database that was restored under another name it reads what is elsewhere. Belongs here: telling that from other errors,
and what to say to whoever can mend it. Does not belong here: what goes on without an answer
(`ekiden.schedule.planning.stops`, `ekiden.delivery.sending.last_look`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, DataError, NotSupportedError, ProgrammingError
from psycopg.errors import ObjectNotInPrerequisiteState
from psycopg.rows import class_row

from ekiden.counting import counted
from ekiden.database.statements import statement
from ekiden.scenarios.definition import FAULTS_KEY, DefinitionFault
from ekiden.scenarios.registry import BrokenScenario

RULE = "version_unanswered"

NAMED_ROWS = 10
"""Open rows that are named, for a person to end: more are counted, a sentence stays one."""


class Unanswered(Exception):
    """A scenario version was asked, and the database says in `said` why it cannot answer."""

    def __init__(self, scenario_version_id: int, said: str) -> None:
        super().__init__(f"scenario version {scenario_version_id} cannot be asked: {said}")
        self.scenario_version_id = scenario_version_id
        self.said = said


@dataclass(frozen=True)
class UnansweredVersion:
    """Such a version, with the open rows that wait for its answer: how many, and the first by what ends them.

    `awaiting` enrolments of it wait for their first row, and are asked by it until then.
    """

    scenario_code: str
    model_name: str
    version_no: int
    git_revision: str | None
    open_rows: int
    sending_rows: int
    awaiting: int
    first_waiting: Sequence[int]
    first_failed: Sequence[int]
    said: str

    def __str__(self) -> str:
        of = f" (git {self.git_revision[:10]})" if self.git_revision else ""
        return (
            f"version {self.version_no}{of} of {self.scenario_code} cannot be asked whether its stop condition holds:"
            f" {self.said}.{self._waiting} `ekiden build` makes what the current"
            f" definition asks; of an earlier one, build that definition once more{self._ends}"
        )

    @property
    def _waiting(self) -> str:
        rows = counted(self.open_rows, "open row")
        told = f" What waits of it ({rows}) is not sent unasked." if self.open_rows or not self.awaiting else ""
        if self.awaiting:
            who = counted(self.awaiting, "customer")
            told += f" Without a row, {who} of it may wait in the scenario for nothing, until step 1 is due."
        return told

    @property
    def _ends(self) -> str:
        """How a person ends its rows instead: each action takes rows of its own states."""
        ways = []
        if self.first_waiting:
            ways.append(f"`ekiden complete {_named(self.first_waiting)}`")
        if self.first_failed:
            ways.append(f"what failed, `ekiden delete {_named(self.first_failed)}` (or `block`)")
        if self.sending_rows:
            ways.append("what is on its way, `ekiden unknown list`")
        return f", or end its rows: {'; '.join(ways)}" if ways else ""

    @property
    def as_broken(self) -> BrokenScenario:
        """Return it as a plan tells what it could not look at."""
        return BrokenScenario(self.model_name, (DefinitionFault(RULE, "stop", str(self)),))


def _named(rows: Sequence[int]) -> str:
    return " ".join(f"--row {row}" for row in rows)


@contextmanager
def asking(scenario_version_id: int) -> Iterator[None]:
    """Raise `Unanswered` where the version's conditions, asked within, are not there, or do not fit what they read."""
    try:
        yield
    # the last is what an unfilled materialized view says
    except (ProgrammingError, DataError, NotSupportedError, ObjectNotInPrerequisiteState) as error:
        raise Unanswered(scenario_version_id, error.diag.message_primary or str(error)) from error


def refuse_what_was_left_out(connection: Connection[Any], scenario_version_id: int) -> None:
    """Raise `Unanswered` for a version that only its table can answer for, where the last build left that empty."""
    found = connection.execute(
        statement(__file__, "left_out_by_build"),
        {"scenario_version_id": scenario_version_id, "faults_key": FAULTS_KEY},
    ).fetchone()
    if found and found[0]:
        raise Unanswered(
            scenario_version_id, "the last build left its model out for its faults (`ekiden validate` shows them)"
        )


def unanswered_version(connection: Connection[Any], unanswered: Unanswered) -> UnansweredVersion:
    """Return what there is to tell; the transaction in which it was asked is rolled back by now."""
    with connection.cursor(row_factory=class_row(UnansweredVersion)) as cursor:
        found = cursor.execute(
            statement(__file__, "unanswered_version"),
            {
                "scenario_version_id": unanswered.scenario_version_id,
                "said": unanswered.said,
                "named_rows": NAMED_ROWS,
            },
        ).fetchone()
    assert found is not None  # versions are never deleted
    return found
