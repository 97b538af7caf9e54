"""Stops: active enrolments that end before anybody enters, with what waits of them.

Belongs here: forced stops, stop conditions and what an edit re-evaluates, as sets in the planner's transaction. Does
not belong here: the last look before a send (`ekiden.delivery.sending.last_look`), or what a condition means (dbt).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from ekiden.database.statements import qualified, statement
from ekiden.scenarios.definition import FAULTS_KEY
from ekiden.schedule.planning.sweeps import SweepPart, begin_sweep, end_sweep, looked_at
from ekiden.schedule.unanswered import Unanswered, UnansweredVersion, asking, unanswered_version


@dataclass(frozen=True)
class Stopped:
    """How many rows were cancelled, and the versions that could not be asked: what waits of those was left alone."""

    cancelled: int = 0
    unanswered: tuple[UnansweredVersion, ...] = ()


NOTHING_STOPPED = Stopped()


def stop(
    connection: Connection[Any], *, now: datetime, selected: list[int] | None, broken_models: Sequence[str]
) -> Stopped:
    """End what is to be stopped at `now`, in the scenarios `selected` (None: all), and return how much that was.

    Leaves the temporary table `stops` (enrolment_id, reason, left_at) until the transaction ends.
    """
    connection.execute(statement(__file__, "stop_tables"))
    chosen = {"scenario_ids": selected, "broken_models": list(broken_models)}
    _gather(connection, now=now, selected=selected, broken_models=broken_models)
    connection.execute(statement(__file__, "find_forced_stops"))
    versions = connection.execute(
        statement(__file__, "stoppable_versions"), chosen | {"faults_key": FAULTS_KEY}
    ).fetchall()
    unanswered = []
    for scenario_id, version_id, relation_name, live_function, customers, absence_tells in versions:
        # the table speaks for the version it was built from; an older version answers through its own function
        eligibility = (
            sql.SQL("{function}({customers})").format(function=qualified(live_function), customers=customers)
            if live_function
            else qualified(relation_name)
        )
        try:
            # a savepoint: the other versions are asked all the same
            with connection.transaction(), asking(version_id):
                connection.execute(
                    statement(__file__, "find_stops").format(eligibility=eligibility),
                    {
                        "scenario_id": scenario_id,
                        "scenario_version_id": version_id,
                        "now": now,
                        "absence_tells": absence_tells,
                    },
                )
        except Unanswered as error:
            version = unanswered_version(connection, error)
            # where nobody waits for the answer, what is still to be made is of the current version
            if version.open_rows or version.awaiting:
                unanswered.append(version)
    edited = connection.execute(statement(__file__, "edited_scenarios"), chosen).fetchall()
    for scenario_id, version_id, relation_name in edited:
        connection.execute(
            statement(__file__, "find_leavers").format(eligibility=qualified(relation_name)),
            {"scenario_id": scenario_id, "scenario_version_id": version_id, "now": now},
        )
    cancelled = end_found(connection, now)
    left = statement(__file__, "stops_left_alone")
    end_sweep(connection, SweepPart.STOPS, now=now, selected=selected, left=left)
    return Stopped(cancelled, tuple(unanswered))


def end_found(connection: Connection[Any], now: datetime) -> int:
    """End the enrolments found in the temporary table `stops`; return how many rows it cancelled."""
    # the server does not watch temporary tables: without statistics their joins are nested loops
    connection.execute("analyze pg_temp.stops")
    cancelled = connection.execute(statement(__file__, "cancel_stopped"), {"now": now}).rowcount
    connection.execute(statement(__file__, "end_stopped"), {"now": now})
    return cancelled


def _gather(
    connection: Connection[Any], *, now: datetime, selected: list[int] | None, broken_models: Sequence[str]
) -> None:
    """Fill `stoppable` with the active enrolments that may have to be stopped."""
    scenarios = connection.execute(statement(__file__, "scenarios_to_stop"), {"scenario_ids": selected}).fetchall()
    scenario_ids = [scenario_id for (scenario_id,) in scenarios]
    begin_sweep(connection, SweepPart.STOPS, scenario_ids, now=now, broken_models=broken_models)
    versions = connection.execute(statement(__file__, "versions_to_gather")).fetchall()
    if versions:
        connection.execute(
            statement(__file__, "gather_stoppable").format(among=statement(__file__, "enrolments_of_versions")),
            {"scenario_ids": scenario_ids, "version_ids": [version_id for (version_id,) in versions]},
        )
    if looked_at(connection):
        among = statement(__file__, "enrolments_looked_at")
        connection.execute(statement(__file__, "gather_stoppable").format(among=among))
    connection.execute("analyze pg_temp.stoppable")
