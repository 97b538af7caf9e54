"""Waiting for a provider that asked us to: a rate limit met by one sender is kept by all.

Belongs here: until when. Does not belong here: what an answer says about it (the channels), or the waiting itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.channels.base import ProviderBusy

SENDERS_APART = timedelta(minutes=5)
"""How far the clocks of machines that send may be apart. What was noted later than that from now was noted by a clock
that has been set back since, and would keep the channel silent until that time comes again."""


@dataclass(frozen=True)
class ProviderWait:
    """A channel that is left alone until an instant, and why."""

    channel_name: str
    until: datetime
    reason: str


def note_wait(connection: Connection[Any], channel_name: str, busy: ProviderBusy, *, now: datetime) -> None:
    """Have every sender leave the channel alone until `busy.until`; an earlier end never replaces a later one."""
    with connection.transaction():
        connection.execute(
            statement(__file__, "note_wait"),
            {"channel_name": channel_name, "until": busy.until, "reason": busy.reason, **_times(now)},
        )


def wait_of(connection: Connection[Any], channel_name: str, now: datetime) -> ProviderWait | None:
    """Return until when the channel is to be left alone, None if it may be used at `now`."""
    return next((wait for wait in waits_at(connection, now) if wait.channel_name == channel_name), None)


def waits_at(connection: Connection[Any], now: datetime) -> tuple[ProviderWait, ...]:
    """Return the channels that are left alone at `now`."""
    with connection.cursor(row_factory=class_row(ProviderWait)) as cursor:
        return tuple(cursor.execute(statement(__file__, "provider_waits"), _times(now)).fetchall())


def _times(now: datetime) -> dict[str, datetime]:
    return {"now": now, "latest": now + SENDERS_APART}
