"""How the deployment stands now: what is paused and why, what waits, what ran last. Nothing here changes anything.

Belongs here: the figures a person on duty looks at first. Does not belong here: single rows
(`ekiden.schedule.rows`), and what the guards do about what they find (`ekiden.delivery.guards`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.channels import carried_channels
from ekiden.delivery.latency import Latency, latency_since
from ekiden.delivery.pauses import Pause, open_pauses
from ekiden.delivery.sending.provider_waits import ProviderWait, waits_at
from ekiden.insights.moments import at_local
from ekiden.scenarios.definition import EXPORTED_CHANNELS, SENT_CHANNELS
from ekiden.schedule.planning.missed import MissedRange, find_missed_days
from ekiden.schedule.zone_data import coming_difference
from ekiden.settings import Settings
from ekiden.warehouse.freshness import StaleTable, stale_tables

LATENCY_OVER = timedelta(hours=24)
"""A day has all of its send times in it."""


@dataclass(frozen=True)
class WaitingRows:
    """How many open rows wait for what."""

    due: int
    """Ready messages whose time has come, of scenarios that are not paused, which this deployment can send."""
    due_paused: int
    """The same of paused scenarios."""
    late: int
    """Of `due`: more than the allowed lateness late and never released, so the next send holds them (T5)."""
    late_paused: int
    """The same of `due_paused`: the first send after they are resumed holds them."""
    not_carried: int
    """Ready messages whose time has come, of channels that this deployment has not configured: they wait."""
    switched_off: int
    """Ready rows whose time has come, lists too, of scenarios that are switched off: they wait (C-14)."""
    ready_later: int
    lists_due: int
    """Rows for direct mail and outbound calls that an export would take, paused or not."""
    held: int
    failed: int
    on_their_way: int
    unknown: int
    """Of those on their way: posted, and nobody knows whether they were sent."""
    unknown_past_limit: int
    """Of those: for longer than `unknown_after`, so that nothing but a person will settle them."""
    lost: int
    """Of those on their way: their sender is gone; the next send run settles them."""


@dataclass(frozen=True)
class NotCarried:
    """Rows that are due and wait until their channel is configured."""

    channel: str
    rows: int
    oldest_send_at: datetime


@dataclass(frozen=True)
class LastRun:
    """The latest run of one kind, of plans the latest that had a day to plan.

    `finished_at` None: it is under way, or its process vanished.
    """

    kind: str
    actor: str
    partition_from: date | None
    partition_to: date | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: str | None = None
    """What it failed with, in the error's own words; empty where it had none, as of who was interrupted."""


@dataclass(frozen=True)
class DeploymentStatus:
    """How the deployment stands; instants are aware."""

    pauses: tuple[Pause, ...]
    rows: WaitingRows
    not_carried: tuple[NotCarried, ...]
    waits: tuple[ProviderWait, ...]
    """Channels whose provider is left alone for a while: their due rows wait."""
    latency: Latency | None
    """Of what was sent in the last `LATENCY_OVER`; None: nothing was."""
    last_runs: tuple[LastRun, ...]
    next_plan_at: datetime
    """When Dagster's schedule `plan_today` plans next, where it runs and is switched on: the ledger knows neither."""
    missed: tuple[MissedRange, ...]
    last_build_at: datetime | None
    stale: tuple[StaleTable, ...]
    zone_data: str | None = None
    """What is wrong where the database reads the time zone otherwise than this process does, or will within a year."""


def next_plan_at(now: datetime, settings: Settings) -> datetime:
    """Return the first batch time after `now`."""
    today = settings.local_date(now)
    coming = (at_local(today + timedelta(days=days), settings.batch_time, settings.zone) for days in (0, 1))
    return next(at for at in coming if at > now)


def deployment_status(connection: Connection[Any], *, now: datetime, settings: Settings) -> DeploymentStatus:
    """Return how the deployment stands at `now`."""
    values = {
        "now": now,
        "today": settings.local_date(now),
        "time_zone": settings.time_zone,
        "sent_channels": list(SENT_CHANNELS),
        "carried_channels": list(carried_channels(settings)),
        "exported_channels": list(EXPORTED_CHANNELS),
        "max_lateness": settings.max_lateness,
        "unknown_after": settings.unknown_after,
    }
    with connection.cursor(row_factory=class_row(WaitingRows)) as cursor:
        rows = cursor.execute(statement(__file__, "waiting_rows"), values).fetchone()
    assert rows is not None  # an aggregate gives one row
    with connection.cursor(row_factory=class_row(NotCarried)) as cursor:
        not_carried = tuple(cursor.execute(statement(__file__, "not_carried"), values).fetchall())
    with connection.cursor(row_factory=class_row(LastRun)) as cursor:
        last_runs = tuple(cursor.execute(statement(__file__, "last_runs"), values).fetchall())
    built = connection.execute("select max(built_at) from changed.built_tables").fetchone()
    return DeploymentStatus(
        open_pauses(connection),
        rows,
        not_carried,
        waits_at(connection, now),
        latency_since(connection, now - LATENCY_OVER),
        last_runs,
        next_plan_at(now, settings),
        find_missed_days(connection, now=now, settings=settings),
        built[0] if built else None,
        stale_tables(connection, settings, now=now),
        coming_difference(connection, now=now, settings=settings),
    )
