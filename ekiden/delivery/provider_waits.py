"""Waiting for a provider that asked us to: a rate limit met by one sender is kept by all.

Belongs here: until when. Does not belong here: what an answer says about it (the channels), or the waiting itself.
"""

from datetime import datetime
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.delivery.channels.base import LineBusy


def note_wait(connection: Connection[Any], channel_name: str, busy: LineBusy, *, now: datetime) -> None:
    """Have every sender leave the channel alone until `busy.until`; an earlier end never replaces a later one."""
    with connection.transaction():
        connection.execute(
            statement(__file__, "note_wait"),
            {"channel_name": channel_name, "until": busy.until, "reason": busy.reason, "now": now},
        )


def wait_of(connection: Connection[Any], channel_name: str, now: datetime) -> datetime | None:
    """Return until when the channel is to be left alone, None if it may be used at `now`."""
    row = connection.execute(
        statement(__file__, "provider_wait"), {"channel_name": channel_name, "now": now}
    ).fetchone()
    return row[0] if row else None
