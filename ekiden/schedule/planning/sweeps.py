"""How far scenarios were swept, and whom the next sweep has to look at: only those for whom something can be new.

Belongs here: the notes that a sweep takes and leaves (`outreach.sweeps`), for the two parts that look for customers.
Does not belong here: what is looked for (`ekiden.schedule.planning.entry`, `ekiden.schedule.planning.stops`), and how a
build notes what it changed (`changed.follow_eligibility`).

Since the last sweep a customer can have become new because rows of theirs changed, because time passed a bound of a
span or brought an anchor within reach, or because an enrolment of theirs ended; or because the last sweep could not do
what it found. Where one of these is not known, everybody is looked at: slower, and never another answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import statement


class SweepPart(StrEnum):
    """What a sweep looks for."""

    ENTRIES = "entries"
    STOPS = "stops"


@dataclass(frozen=True)
class SweepStart:
    """How a scenario is swept this time: whole, if there is a reason, else from where the last sweep came to.

    The dates are the anchors' that the last sweep reached, both included; `swept_from` None is since ever. `swept_at`
    is the instant at which it judged.
    """

    scenario_id: int
    whole_because: str | None
    swept_from: date | None
    swept_to: date | None
    swept_at: datetime | None


def begin_sweep(
    connection: Connection[Any],
    part: SweepPart,
    scenario_ids: Sequence[int],
    *,
    now: datetime,
    broken_models: Sequence[str],
    blocks_everywhere: bool = False,
    batch_time: time | None = None,
) -> dict[int, SweepStart]:
    """Return how each scenario is swept by this part of a sweep at `now`, by id.

    Leaves the temporary tables `sweeping` and `looked_at` (scenario_id, customer_id): the customers for whom something
    can be new, of the scenarios that are not swept whole. Call it before anything is read that the part judges by.
    `blocks_everywhere`: what ends or begins in one scenario can let a customer into another (T13). `batch_time`: when
    entry on a day gone by is judged, where the scenario asks as of its due date (Q-13).
    """
    connection.execute(statement(__file__, "sweep_tables"))
    parameters = {
        "part": part,
        "scenario_ids": list(scenario_ids),
        "now": now,
        "broken_models": list(broken_models),
        "blocks_everywhere": blocks_everywhere,
        "batch_time": batch_time,
    }
    connection.execute(statement(__file__, "begin_sweeps"), parameters)
    connection.execute(statement(__file__, "look_at"), parameters)
    with connection.cursor(row_factory=class_row(SweepStart)) as cursor:
        starts = cursor.execute(statement(__file__, "sweep_starts"), parameters).fetchall()
    return {start.scenario_id: start for start in starts}


def looked_at(connection: Connection[Any]) -> frozenset[int]:
    """Return the scenarios that have customers to look at, once all are gathered; refreshes their statistics."""
    # the server does not watch temporary tables: without statistics their joins are nested loops
    connection.execute("analyze pg_temp.looked_at")
    rows = connection.execute("select distinct scenario_id from pg_temp.looked_at").fetchall()
    return frozenset(scenario_id for (scenario_id,) in rows)


def end_sweep(
    connection: Connection[Any],
    part: SweepPart,
    *,
    now: datetime,
    selected: Sequence[int] | None,
    left: sql.SQL,
    blocks_everywhere: bool = False,
    batch_time: time | None = None,
) -> None:
    """Note that the part is done for the scenarios `selected` (None: all); `left` finds whom it could not settle.

    Within the sweep's transaction, so that what is noted as swept is.
    """
    parameters = {
        "part": part,
        "scenario_ids": None if selected is None else list(selected),
        "now": now,
        "blocks_everywhere": blocks_everywhere,
        "batch_time": batch_time,
    }
    connection.execute(statement(__file__, "end_sweeps"), parameters)
    connection.execute(statement(__file__, "carry_over").format(found=left), parameters)


def forget_swept_changes(connection: Connection[Any], *, blocks_everywhere: bool) -> None:
    """Remove the notes of changes that every sweep has taken in which reads them."""
    connection.execute(statement(__file__, "forget_swept_changes"), {"blocks_everywhere": blocks_everywhere})
