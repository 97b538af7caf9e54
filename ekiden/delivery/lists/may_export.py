"""Whether lists may be exported now: what was asked for, the guards, and the pauses.

Belongs here: what is looked at before an export begins and before it is committed, for the list as a whole. Does not
belong here: single rows (`export`), or what makes a guard pause (`ekiden.delivery.guards`).
"""

from datetime import datetime
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.delivery.guards import check_before_sending
from ekiden.delivery.lists.exported import ExportRefused, Selection
from ekiden.delivery.pauses import Pause, open_pauses, refuse_if_paused
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.runs import RunContext
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings


def check_asked(connection: Connection[Any], selection: Selection) -> None:
    """Raise `ExportRefused` for a channel that has no lists, `UnknownScenario` for a code that nobody knows."""
    if selection.channel is not None and selection.channel not in EXPORTED_CHANNELS:
        allowed = ", ".join(EXPORTED_CHANNELS)
        raise ExportRefused(f"{selection.channel} is not exported; the channels of lists are {allowed}")
    refuse_unknown(connection, selection.scenario)


def check_before_exporting(
    connection: Connection[Any], selection: Selection, *, now: datetime, settings: Settings, context: RunContext
) -> None:
    """Look at what a send run looks at, of lists; raise `SendingPaused` if all sending or the scenario is paused."""
    check_before_sending(connection, settings, now=now, context=context, lists=True)
    refuse_if_paused(connection, *selection.scenarios, zone=settings.zone)


def refuse_if_paused_meanwhile(connection: Connection[Any], selection: Selection, settings: Settings) -> None:
    """Raise `SendingPaused` if what is on the list was paused since the export began."""
    listed = [code for (code,) in connection.execute(statement(__file__, "listed_scenarios"))]
    # the one asked for also where none of its rows is on the list: a pause may have come before they were locked
    refuse_if_paused(connection, *listed, *selection.scenarios, zone=settings.zone)


def count_paused(connection: Connection[Any], selection: Selection, now: datetime, settings: Settings) -> int:
    """Return how many rows would be on the list if nothing were paused."""
    found = connection.execute(statement(__file__, "count_paused_lists"), asked_for(selection, now, settings))
    row = found.fetchone()
    assert row is not None  # an aggregate gives one row
    return int(row[0])


def pauses_told(connection: Connection[Any], selection: Selection, settings: Settings) -> tuple[Pause, ...]:
    """Return the pauses that concern a list: none where it is of one scenario, as that one is not paused."""
    return () if selection.scenario else open_pauses(connection, zone=settings.zone)


def asked_for(selection: Selection, now: datetime, settings: Settings) -> dict[str, object]:
    """Return which due rows a selection means, as values of a statement."""
    return {
        "today": settings.local_date(now),
        "channels": [selection.channel] if selection.channel else list(EXPORTED_CHANNELS),
        "scenario": selection.scenario,
    }
