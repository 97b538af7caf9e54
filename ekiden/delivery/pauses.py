"""Pausing and resuming sending: one scenario or all of it, with who, when and why; history is kept.

A pause takes effect with the next claim: a sender that runs asks when it locks rows, and once more before it claims
them, in the same transaction. Belongs here: opening, ending and reading pauses. Does not belong here: what makes a
guard pause (`guards`), or the claim itself (`sending.claims`).
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.errors import SaysEnough
from ekiden.schedule.errors import ReasonMissing, UnknownScenario
from ekiden.schedule.runs import RunContext
from ekiden.schedule.scenario_codes import refuse_unknown


class Cause(StrEnum):
    """What made a pause; whatever the cause, a person ends it."""

    OPERATOR = "operator"
    INVARIANT = "invariant"
    FRESHNESS = "freshness"
    PROVIDER = "provider"


@dataclass(frozen=True)
class Pause:
    """One pause; open while nobody has resumed. Instants are aware."""

    pause_id: int
    scenario_code: str | None
    """None: all sending."""
    cause: Cause
    reason: str
    paused_by: str
    paused_at: datetime
    resumed_by: str | None = None
    resumed_at: datetime | None = None
    resume_reason: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cause", Cause(self.cause))

    @property
    def scope(self) -> str:
        return self.scenario_code or "all sending"

    @property
    def resume_command(self) -> str:
        scenario = f"{shlex.quote(self.scenario_code)} " if self.scenario_code else ""
        return f"ekiden resume {scenario}--reason WHY"

    def in_zone(self, zone: ZoneInfo) -> "Pause":
        """Return this pause with its instants in the shop's zone, as people read them."""
        resumed_at = self.resumed_at.astimezone(zone) if self.resumed_at else None
        return replace(self, paused_at=self.paused_at.astimezone(zone), resumed_at=resumed_at)

    def __str__(self) -> str:
        since = f"{self.paused_at:%Y-%m-%d %H:%M %Z}"
        return f"paused: {self.scope}, by {self.paused_by} since {since}: {self.reason}"


class SendingPaused(SaysEnough, RuntimeError):
    """What was to be sent or exported is paused, so nothing was taken."""

    def __init__(self, pauses: Sequence[Pause]) -> None:
        told = "; ".join(map(str, pauses))
        commands = dict.fromkeys(found.resume_command for found in pauses)
        super().__init__(f"{told}. To go on: {', '.join(commands)}")
        self.pauses = tuple(pauses)


def pause(
    connection: Connection[Any],
    scenario: str | None,
    *,
    reason: str,
    now: datetime,
    context: RunContext,
    cause: Cause = Cause.OPERATOR,
) -> Pause:
    """Pause the scenario of this code, or all sending (None), and return the pause.

    Pausing again while a pause of the same scope, cause and reason is open returns that one. Raises
    `UnknownScenario` and `ReasonMissing`.
    """
    _check(reason, context)
    with connection.transaction():
        # first, as it may wait for a plan or a build: nobody's pause waits behind this one
        scenario_id = _scenario_id(connection, scenario)
        lock(connection)
        for known in open_pauses(connection):
            if (known.scenario_code, known.cause, known.reason) == (scenario, cause, reason.strip()):
                return known
        row = connection.execute(
            statement(__file__, "pause"),
            {
                "scenario_id": scenario_id,
                "cause": cause.value,
                "reason": reason.strip(),
                "actor": context.actor.strip(),
                "now": now,
                "dagster_run_id": context.dagster_run_id,
            },
        ).fetchone()
        assert row is not None
        return Pause(row[0], scenario, cause, reason.strip(), context.actor.strip(), now)


def resume(
    connection: Connection[Any], scenario: str | None, *, reason: str, now: datetime, context: RunContext
) -> tuple[Pause, ...]:
    """End the open pauses of the scenario of this code, or those of all sending (None), and return them.

    A scenario that was paused by itself stays so when all sending is resumed, and the other way round. Raises
    `UnknownScenario` and `ReasonMissing`.
    """
    _check(reason, context)
    with connection.transaction():
        scenario_id = _scenario_id(connection, scenario)
        lock(connection)
        ended = [
            pause_id
            for (pause_id,) in connection.execute(
                statement(__file__, "resume"),
                {
                    "scenario_id": scenario_id,
                    "reason": reason.strip(),
                    "actor": context.actor.strip(),
                    "now": now,
                },
            )
        ]
        return tuple(found for found in _read(connection, is_open=False) if found.pause_id in ended)


def open_pauses(connection: Connection[Any], *, zone: ZoneInfo | None = None) -> tuple[Pause, ...]:
    """Return the pauses that hold now, those of all sending first, the oldest first; instants in `zone`, else UTC."""
    found = _read(connection, is_open=True)
    return tuple(each.in_zone(zone) for each in found) if zone else found


def pause_history(connection: Connection[Any]) -> tuple[Pause, ...]:
    """Return every pause there was, the latest first."""
    return tuple(sorted(_read(connection, is_open=None), key=lambda found: -found.pause_id))


def refuse_if_paused(connection: Connection[Any], *scenarios: str, zone: ZoneInfo | None = None) -> None:
    """Raise `SendingPaused` if all sending is paused, or a scenario of one of these codes.

    Its words name instants in `zone`, else UTC.
    """
    holding = [
        found
        for found in open_pauses(connection, zone=zone)
        if found.scenario_code is None or found.scenario_code in scenarios
    ]
    if holding:
        raise SendingPaused(holding)


def lock(connection: Connection[Any]) -> None:
    """Keep others from pausing or resuming until the caller's transaction ends; claims go on reading."""
    connection.execute("lock table outreach.sending_pauses in share row exclusive mode")


def _check(reason: str, context: RunContext) -> None:
    if not reason.strip():
        raise ReasonMissing("say why: who finds sending paused, or going on again, will ask")
    if not context.actor.strip():
        raise ValueError("a pause needs an actor: say who you are")


def _scenario_id(connection: Connection[Any], code: str | None) -> int | None:
    if code is None:
        return None
    refuse_unknown(connection, code)
    row = connection.execute(statement(__file__, "lock_scenario"), {"code": code}).fetchone()
    if row is None:
        raise UnknownScenario(f"the scenario {code!r} is built and was never planned: nothing of it can be sent")
    return int(row[0])


def _read(connection: Connection[Any], *, is_open: bool | None) -> tuple[Pause, ...]:
    with connection.cursor(row_factory=class_row(Pause)) as cursor:
        return tuple(cursor.execute(statement(__file__, "pauses"), {"is_open": is_open}).fetchall())
