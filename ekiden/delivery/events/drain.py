"""Draining: what event webhooks told, from requests as they came into the ledger and the suppression list.

Every fact is one row, whatever it was told by, how often and in which order, and has its effects once: any order and
any repetition of the same requests leads to the same tables, but for the time, reason and message of an opt-out, which
are those told first: one is never rewritten. Any number of drainers may run at once. Belongs here: keeping facts, and
whom they forbid to write to. Does not belong here: receiving (`ekiden.webhook`), what an event means (`event_reading`),
and what it says of messages of unknown outcome (`event_outcomes`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from psycopg import Connection

from ekiden.clock import Clock
from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.delivery.counts import Counts
from ekiden.delivery.events.event_outcomes import settle_told, told_outcomes
from ekiden.delivery.events.event_reading import BodyUnreadable, Reading, read_events
from ekiden.delivery.events.providers import Provider
from ekiden.delivery.events.status_reading import ANSWERED_STOP, read_status
from ekiden.delivery.pauses import Cause, pause
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings

READERS: Mapping[Provider, Callable[[bytes, datetime], Reading]] = {
    Provider.SENDGRID: lambda body, received_at: read_events(body),
    Provider.TWILIO: read_status,
}
"""How a provider's requests are read, which came at an instant."""
REQUESTS_AT_ONCE = 10
"""Drained in one transaction: a provider's request has at most 768 KB, so some thousand events."""


@dataclass(frozen=True)
class Drained(Counts):
    """What draining did."""

    requests: int = 0
    events: int = 0
    """As they were told, repetitions included."""
    new_events: int = 0
    unreadable: int = 0
    """Elements of requests that are no events, and requests in which nothing can be read."""
    suppressed: int = 0
    """Entries of the suppression list, made or moved to an earlier time."""
    opted_out: int = 0
    pauses: int = 0
    """Changes of the account that pause all sending."""
    sent: int = 0
    """Messages of unknown outcome that the provider turned out to have accepted."""
    failed: int = 0
    """Messages of unknown outcome that it turned out to have dropped."""


@dataclass(frozen=True)
class Waiting:
    """What a drain would find: requests, since when the oldest waits, and unknown messages it would settle."""

    requests: int
    oldest_received_at: datetime | None
    told_outcomes: int


def waiting(connection: Connection[Any]) -> Waiting:
    """Return what a drain would find now."""
    row = connection.execute(statement(__file__, "count_undrained")).fetchone()
    assert row is not None
    return Waiting(int(row[0]), row[1], told_outcomes(connection))


def drain(
    connection: Connection[Any],
    *,
    settings: Settings,
    clock: Clock,
    context: RunContext,
    most_requests: int | None = None,
) -> Drained:
    """Drain what has come in, all of it or about `most_requests` of each provider, settle what it says, and return what
    was done.

    `clock` yields aware datetimes. What another drainer is at is left to it.
    """
    total = Drained()
    for provider in READERS:
        # each for itself: one that never ends must not keep the others' objections waiting
        of_provider = 0
        while most_requests is None or of_provider < most_requests:
            done = again(connection, partial(_drain_some, connection, provider, settings, clock(), context))
            if not done.requests:
                break
            of_provider += done.requests
            total += done
    settled = settle_told(connection, settings=settings, clock=clock, context=context)
    forget_bodies(connection, settings=settings, now=clock())
    return total + Drained(sent=settled.sent, failed=settled.failed)


def forget_bodies(connection: Connection[Any], *, settings: Settings, now: datetime) -> int:
    """Forget requests as they came that are older than they are kept; return how many. Events stay."""
    forgotten = 0
    while some := connection.execute(
        statement(__file__, "forget_bodies"), {"received_before": now - settings.webhook_keep_bodies}
    ).rowcount:
        forgotten += some
    return forgotten


def _drain_some(
    connection: Connection[Any], provider: Provider, settings: Settings, now: datetime, context: RunContext
) -> Drained:
    with connection.transaction():
        requests = connection.execute(
            statement(__file__, "lock_requests"), {"provider": provider.value, "requests": REQUESTS_AT_ONCE}
        ).fetchall()
        if not requests:
            return Drained()
        readings = [_read(provider, body, received_at) for _, body, received_at in requests]
        received = [received_at for _, _, received_at in requests]
        done = _keep([reading for reading, _ in readings], received, connection, provider, settings, now, context)
        connection.execute(
            statement(__file__, "mark_drained"),
            {
                "requests": [request_id for request_id, _, _ in requests],
                "events": [len(reading.events) for reading, _ in readings],
                "unreadable_events": [reading.unreadable for reading, _ in readings],
                "faults": [fault for _, fault in readings],
                "now": now,
            },
        )
    faulty = sum(fault is not None for _, fault in readings)
    return done + Drained(
        requests=len(requests),
        events=sum(len(reading.events) for reading, _ in readings),
        unreadable=faulty + sum(reading.unreadable for reading, _ in readings),
    )


def _read(provider: Provider, body: bytes, received_at: datetime) -> tuple[Reading, str | None]:
    """Return what a body holds, and why nothing can be read in it: one bad request must not stop the others."""
    try:
        return READERS[provider](body, received_at), None
    except BodyUnreadable as fault:
        return Reading((), 0), str(fault)


def _keep(
    readings: Sequence[Reading],
    received: Sequence[datetime],
    connection: Connection[Any],
    provider: Provider,
    settings: Settings,
    now: datetime,
    context: RunContext,
) -> Drained:
    """Keep the events that are new, add to the others what is new of them, and do what they ask for.

    Those known ask for it once more only where an address is new of them.
    """
    told = [
        {**vars(event), "received_at": received_at}
        for reading, received_at in zip(readings, received, strict=True)
        for event in reading.events
    ]
    if not told:
        return Drained()
    values = {"events": orjson.dumps(told).decode(), "provider": provider.value}
    told_events = statement(__file__, "told_events").format()
    kept = connection.execute(statement(__file__, "keep_events").format(found=told_events), values)
    new = [event for (event,) in kept]
    addressed: list[int] = []
    if len(new) < len({event["event_key"] for event in told}):
        # a statement of its own: only so does it see what another drainer has kept in the meantime
        merged = connection.execute(statement(__file__, "merge_events").format(found=told_events), values)
        addressed = [event for event, is_addressed_now in merged if is_addressed_now]
    if not (new or addressed):
        return Drained()
    return Drained(new_events=len(new)) + _take_effect(connection, [*new, *addressed], provider, settings, now, context)


def _take_effect(
    connection: Connection[Any],
    new: list[int],
    provider: Provider,
    settings: Settings,
    now: datetime,
    context: RunContext,
) -> Drained:
    values = {"events": new, "provider": provider.value, "answered_stop": ANSWERED_STOP}
    objections = statement(__file__, "objecting_events")
    suppressed = sum(
        connection.execute(statement(__file__, name).format(found=objections), values).rowcount
        for name in ("suppress_addresses", "suppress_customers")
    )
    left = (
        _answered_stop(connection, values)
        if provider is Provider.TWILIO
        else _left_groups(connection, values, settings)
    )
    opted_out = opt_out(connection, left, source=provider.value, now=now, recorded_by=None)
    pauses = 0
    for (about,) in connection.execute(statement(__file__, "account_changes"), values).fetchall():
        if stops_sending(about):
            reason = f"SendGrid says of the account: {about or 'its status changed'}"
            pause(connection, None, reason=reason, now=now, context=context, cause=Cause.PROVIDER)
            pauses += 1
    return Drained(suppressed=suppressed, opted_out=opted_out, pauses=pauses)


def _left_groups(connection: Connection[Any], values: Mapping[str, Any], settings: Settings) -> list[NewOptOut]:
    sites = {str(group): site for group, site in settings.sendgrid_groups.items()}
    return [
        NewOptOut(
            customer_id,
            address,
            OptOutChannel.MAIL,
            # a group that nobody has named a site for: of which part we do not know, so of all mail
            sites.get(group_id or ""),
            left_at,
            f"left the unsubscribe group {group_id or '(not named)'}",
            # somebody else's message is none of the ledger's
            message_id if customer_id else None,
        )
        for customer_id, address, group_id, left_at, message_id in connection.execute(
            statement(__file__, "left_groups"), values
        )
    ]


def _answered_stop(connection: Connection[Any], values: Mapping[str, Any]) -> list[NewOptOut]:
    return [
        NewOptOut(
            customer_id,
            channel=OptOutChannel.SMS,
            opted_out_at=known_since,
            reason="answered STOP to an SMS",
            message_id=message_id,
        )
        for customer_id, known_since, message_id in connection.execute(statement(__file__, "answered_stop"), values)
    ]


def stops_sending(status: str | None) -> bool:
    """Return whether an account of this new status may have been stopped: every one but an activation, so that a word
    we do not know pauses rather than goes on.
    """
    word = (status or "").lower()
    return "activat" not in word or "deactivat" in word
