"""Guards: sending holds itself when an invariant of the ledger is broken, or when the shop's data is too old.

A guard pauses all sending and keeps what it found. A person looks, and resumes with one command; the same finding never
pauses again, a new one does. What cannot be asked whether to stop pauses its scenario, until it can be. Belongs here:
from a finding to a pause. Does not belong here: the invariants (`ekiden.schedule.invariants`), the age of data
(`ekiden.warehouse.freshness`), or pauses themselves (`pauses`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from ekiden.counting import counted_rows
from ekiden.database.statements import statement
from ekiden.delivery.pauses import Cause, Pause, lock, pause
from ekiden.scenarios.registry import is_built
from ekiden.schedule.invariants import (
    DUE_ROWS_MAY_BE_SENT,
    INVARIANTS,
    Invariant,
    Offenders,
    due_lists_may_be_exported,
    offenders,
    parameters,
)
from ekiden.schedule.runs import RunContext
from ekiden.schedule.unanswered import Unanswered, unanswered_version
from ekiden.settings import Settings
from ekiden.warehouse.freshness import StaleTable, stale_tables

FRESHNESS = "freshness"
"""The guard of the data's age; those of invariants are called like them."""

STOP_CONDITIONS = "stop_conditions"
"""The guard that nothing is sent without having been asked whether it is to be stopped."""


@dataclass(frozen=True)
class InvariantCheck:
    """What a look at one invariant found, and the pause it made; none if it holds, or if a person knows already."""

    invariant: Invariant
    found: Offenders
    pause: Pause | None

    @property
    def holds(self) -> bool:
        return self.found.total == 0


def check_invariant(
    connection: Connection[Any], invariant: Invariant, *, now: datetime, context: RunContext
) -> InvariantCheck:
    """Look at one invariant, pause all sending if it has offenders that nobody was told of yet, and return both."""
    found = offenders(connection, invariant, now=now)
    made = _pause_for_offenders(connection, invariant, now, context) if found.total else None
    return InvariantCheck(invariant, found, made)


def check_invariants(connection: Connection[Any], *, now: datetime, context: RunContext) -> tuple[InvariantCheck, ...]:
    """Look at every invariant of the ledger as `check_invariant` does, and return what was found of each.

    Reads all of the ledger, so once a day or when a person asks.
    """
    return tuple(check_invariant(connection, invariant, now=now, context=context) for invariant in INVARIANTS)


def check_before_sending(
    connection: Connection[Any], settings: Settings, *, now: datetime, context: RunContext, lists: bool = False
) -> tuple[Pause, ...]:
    """Look at what a send run can afford to look at, and return the pauses that came of it.

    The rows that are due now, and the age of the tables that have a freshness policy. `lists`: the rows that an export
    would take, instead of those that a send run would claim.
    """
    due = due_lists_may_be_exported(settings.local_date(now)) if lists else DUE_ROWS_MAY_BE_SENT
    looked = check_invariant(connection, due, now=now, context=context)
    stale = check_freshness(connection, settings, now=now, context=context)
    return tuple(found for found in (looked.pause, stale) if found is not None)


def pause_unanswered(
    connection: Connection[Any], unanswered: Unanswered, *, now: datetime, context: RunContext
) -> Pause:
    """Pause the scenario a version of which cannot be asked, or all sending where nothing stands that could be asked.

    Return the pause. Resumed before it is mended, it is paused again.
    """
    if is_built(connection):
        version = unanswered_version(connection, unanswered)
        scenario, reason = version.scenario_code, str(version)
    else:
        scenario, reason = None, "the schema eligibility is gone, so nothing can be asked; `ekiden build` makes it anew"
    return pause(
        connection,
        scenario,
        reason=reason,
        now=now,
        context=_guard(STOP_CONDITIONS, context),
        cause=Cause.INVARIANT,
    )


def check_freshness(
    connection: Connection[Any], settings: Settings, *, now: datetime, context: RunContext
) -> Pause | None:
    """Pause all sending if a table is older than it may be and nobody was told of that age yet; return the pause made.

    None where nothing is too old, or people know.
    """
    stale = stale_tables(connection, settings, now=now)
    if not stale:
        return None
    with connection.transaction():
        lock(connection)
        unseen = [table for table in stale if not _is_known(connection, _finding(table))]
        if not unseen:
            return None
        made = pause(
            connection,
            None,
            reason="; ".join(map(str, unseen)),
            now=now,
            context=_guard(FRESHNESS, context),
            cause=Cause.FRESHNESS,
        )
        for table in unseen:
            values = {"guard": FRESHNESS, "finding": _finding(table), "pause_id": made.pause_id, "now": now}
            connection.execute(statement(__file__, "keep_finding"), values)
        return made


def _pause_for_offenders(
    connection: Connection[Any], invariant: Invariant, now: datetime, context: RunContext
) -> Pause | None:
    with connection.transaction():
        # before the lock: who pauses in an emergency must not wait for a query that reads the whole ledger
        gather = statement(__file__, "gather_findings").format(query=invariant.query)
        connection.execute(gather, parameters(invariant, now))
        lock(connection)
        made = _pause_for_findings(connection, invariant, now, context)
        # the transaction may be part of a longer one, which may look at the next invariant
        connection.execute("drop table pg_temp.findings")
        return made


def _pause_for_findings(
    connection: Connection[Any], invariant: Invariant, now: datetime, context: RunContext
) -> Pause | None:
    values = {"guard": invariant.name, "now": now}
    row = connection.execute(statement(__file__, "count_new_findings"), values).fetchone()
    assert row is not None  # an aggregate gives one row
    new, example = row
    if not new:
        return None
    rows = counted_rows(new)
    made = pause(
        connection,
        None,
        reason=f"{invariant.name} is broken by {rows}, such as {example}; `ekiden check` shows all",
        now=now,
        context=_guard(invariant.name, context),
        cause=Cause.INVARIANT,
    )
    connection.execute(statement(__file__, "keep_findings"), {**values, "pause_id": made.pause_id})
    return made


def _guard(name: str, context: RunContext) -> RunContext:
    """Return the guard as the actor, in the run in which it looked."""
    return RunContext(f"guard {name}", context.dagster_run_id, context.git_revision)


def _finding(table: StaleTable) -> str:
    """Return what a person who resumes has seen: this table of that time; newer data that grows old is new to them."""
    return f"{table.name} {table.loaded_at.astimezone(UTC).isoformat() if table.loaded_at else 'is empty'}"


def _is_known(connection: Connection[Any], finding: str) -> bool:
    values = {"guard": FRESHNESS, "finding": finding}
    return connection.execute(statement(__file__, "known_finding"), values).fetchone() is not None
