"""Whether the database reads the shop's time zone as this process does: each has zone data of its own age.

Due dates and send times are the database's, today, schedules and partitions are ours. Belongs here: comparing the two,
and what is said. Does not belong here: who is told (`ekiden.insights.status`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.errors import InvalidParameterValue

from ekiden.database.statements import statement
from ekiden.schedule.errors import ZoneDataDiffers
from ekiden.settings import Settings

LOOKED_AHEAD = 366
"""Days: a year has every change of the clock in it, and zone data is updated a few times in one."""


def coming_difference(connection: Connection[Any], *, now: datetime, settings: Settings) -> str | None:
    """Return what is wrong where the two differ now or begin to within a year; None where they agree."""
    return _difference(connection, [now + timedelta(days=n) for n in range(LOOKED_AHEAD)], settings)


def refuse_other_zone_data(connection: Connection[Any], *, now: datetime, settings: Settings) -> None:
    """Raise `ZoneDataDiffers` where the two differ now or until the end of today, for which rows are made.

    A plan would take yesterday for today, or messages would go out an hour off, and nobody would know which.
    """
    tomorrow = settings.local_date(now) + timedelta(days=1)
    difference = _difference(connection, [now, datetime.combine(tomorrow, time(), settings.zone)], settings)
    if difference:
        raise ZoneDataDiffers(f"nothing is planned: {difference}")


def _difference(connection: Connection[Any], instants: Sequence[datetime], settings: Settings) -> str | None:
    zone = settings.zone
    values = {
        "instants": instants,
        # by way of UTC: of the zone already, a midnight that the clock skips would be shown as it stands
        "shown": [instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) for instant in instants],
        "time_zone": settings.time_zone,
    }
    try:
        # whoever asks goes on in the same transaction
        with connection.transaction():
            row = connection.execute(statement(__file__, "zone_data_differs_at"), values).fetchone()
    except InvalidParameterValue:
        return f"EKIDEN_TIME_ZONE {settings.time_zone}: the database's zone data is older and has no such zone"
    if row is None or row[0] is None:
        return None
    return (
        f"EKIDEN_TIME_ZONE {settings.time_zone}: Python's zone data and the database's differ from "
        f"{settings.local_date(row[0])} on; update the older one (PYTHONTZPATH= makes Python use its package tzdata)"
    )
