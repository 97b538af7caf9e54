"""Stops: active enrolments that end before anybody enters, with what waits of them.

Belongs here: forced stops, stop conditions and what an edit re-evaluates, as sets in the planner's transaction. Does
not belong here: the last look before a send (`ekiden.delivery.claim`), or what a condition means (dbt).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from ekiden.database.statements import qualified, statement


def stop(
    connection: Connection[Any], *, now: datetime, selected: list[int] | None, broken_models: Sequence[str]
) -> int:
    """End what is to be stopped at `now`, in the scenarios `selected` (None: all); return how many rows it cancelled.

    Leaves the temporary table `stops` (enrolment_id, reason) until the transaction ends.
    """
    connection.execute(
        "create temporary table stops (enrolment_id bigint primary key, reason text not null) on commit drop"
    )
    connection.execute(statement(__file__, "find_forced_stops"), {"scenario_ids": selected})
    chosen = {"scenario_ids": selected, "broken_models": list(broken_models)}
    versions = connection.execute(statement(__file__, "versions_with_open_enrolments"), chosen).fetchall()
    for scenario_id, version_id, is_current, relation_name, live_function, customers in versions:
        # the table speaks for the version it was built from; an older version answers through its own function
        eligibility = (
            sql.SQL("{function}({customers})").format(function=qualified(live_function), customers=customers)
            if live_function and not is_current
            else qualified(relation_name)
        )
        connection.execute(
            statement(__file__, "find_stops").format(eligibility=eligibility),
            {"scenario_id": scenario_id, "scenario_version_id": version_id, "now": now},
        )
    edited = connection.execute(statement(__file__, "edited_scenarios"), chosen).fetchall()
    for scenario_id, version_id, relation_name in edited:
        connection.execute(
            statement(__file__, "find_leavers").format(eligibility=qualified(relation_name)),
            {"scenario_id": scenario_id, "scenario_version_id": version_id, "now": now},
        )
    return end_found(connection, now)


def end_found(connection: Connection[Any], now: datetime) -> int:
    """End the enrolments found in the temporary table `stops`; return how many rows it cancelled."""
    cancelled = connection.execute(statement(__file__, "cancel_stopped"), {"now": now}).rowcount
    connection.execute(statement(__file__, "end_stopped"), {"now": now})
    return cancelled
