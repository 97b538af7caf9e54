"""Providers' requests as they came, and how many were refused.

Belongs here: keeping them. Does not belong here: judging a request (`sendgrid`, `twilio`), why one is refused
(`refusals`), and reading the events in it (`ekiden.delivery.events.drain`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.events.providers import Provider
from ekiden.webhook.refusals import RefusalReason


@dataclass(frozen=True)
class RefusalCount:
    """How many requests of a provider were refused for one reason."""

    provider: str
    reason: str
    requests: int
    last_refused_at: datetime


@dataclass(frozen=True)
class RequestCounts:
    """What came in and what became of it."""

    requests: int
    repeats: int
    """Further requests with a body that was known; nothing of them was stored twice."""
    undrained: int
    oldest_undrained_at: datetime | None
    faulty: int
    """Authentic requests in whose body nothing can be read."""
    unreadable_events: int
    """Elements of readable requests that are no events."""
    events: int
    """Events as they stand in the ledger, each once."""
    strangers: int
    """Of these, events of messages that are none of this ledger's."""
    contradictions: int
    """Open rows whose message the provider has: once they are ready, they are recorded as sent, and not posted."""
    last_received_at: datetime | None


def keep_request(
    connection: Connection[Any],
    body: bytes,
    *,
    signed_at: datetime,
    received_at: datetime,
    provider: Provider,
    fault: str | None = None,
) -> bool:
    """Keep a request and return whether it is new; the same body again is only counted.

    `fault` says why nothing can be read in it: it is kept for a person to look at, and never drained.
    """
    row = connection.execute(
        statement(__file__, "keep_request"),
        {
            "provider": provider.value,
            "body_sha256": hashlib.sha256(body).digest(),
            "body": body,
            "signed_at": signed_at,
            "received_at": received_at,
            "fault": fault,
        },
    ).fetchone()
    assert row is not None
    return int(row[0]) == 0


def note_refusals(
    connection: Connection[Any], refusals: Mapping[RefusalReason, int], *, now: datetime, provider: Provider
) -> None:
    """Add to the counts of a provider's requests that were refused."""
    connection.execute(
        statement(__file__, "note_refusals"),
        {
            "provider": provider.value,
            "reasons": [reason.value for reason in refusals],
            "requests": list(refusals.values()),
            "now": now,
        },
    )


def refused_requests(connection: Connection[Any]) -> list[RefusalCount]:
    """Return how many requests were refused and why, over all time."""
    with connection.cursor(row_factory=class_row(RefusalCount)) as cursor:
        return cursor.execute(statement(__file__, "refused_requests")).fetchall()


def request_counts(connection: Connection[Any]) -> RequestCounts:
    """Return what came in and what became of it, over all time."""
    with connection.cursor(row_factory=class_row(RequestCounts)) as cursor:
        found = cursor.execute(statement(__file__, "request_counts")).fetchone()
    assert found is not None
    return found
