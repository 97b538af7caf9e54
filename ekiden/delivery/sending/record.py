"""Recording what became of messages: sent with its lineage and its next step, failed, tried again, or unknown.

Each call is one transaction of the caller's: the outcome, the message record and the next row stand or fall together.
Belongs here: what an outcome that is known does to the ledger. Does not belong here: what a provider's answer means
(the channels), or how an outcome that nobody knew is found out (`unknown`, `events.event_outcomes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, channel_of, opt_out
from ekiden.delivery.counts import Counts
from ekiden.delivery.unknown.carried import CARRIED_ALREADY
from ekiden.schedule.planning.advance import advance
from ekiden.settings import Settings


@dataclass(frozen=True)
class Recorded(Counts):
    """How many rows took which way."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    tried_again: int = 0
    """Of those failed: surely not sent, and ready again."""


def record(
    connection: Connection[Any],
    answers: Sequence[tuple[int, Delivery]],
    *,
    now: datetime,
    settings: Settings,
    run_id: UUID,
    sender: int | None = None,
    tries_again: bool = True,
) -> Recorded:
    """Record the deliveries of schedule rows, and return how many took which way.

    Each answer is (schedule_row_id, delivery). It is recorded where the row's present attempt waits for one; those of a
    `sender` only where that attempt is its own: while it was held up, another may have settled the row, and tried
    it again. What was surely not sent is ready again while it has tries left, unless not `tries_again`.
    """
    if not answers:
        return Recorded()
    closed = connection.execute(
        statement(__file__, "close_attempts"),
        {
            "rows": as_array(row for row, _ in answers),
            "outcomes": as_array(delivery.outcome.value for _, delivery in answers),
            "provider_message_ids": as_array(delivery.provider_message_id for _, delivery in answers),
            "details": as_array(delivery.detail for _, delivery in answers),
            "now": now,
            "sender": sender,
            "costs_a_try": as_array(delivery.costs_a_try for _, delivery in answers),
        },
    ).fetchall()
    open_rows = {row for (row,) in closed}
    answers = [answer for answer in answers if answer[0] in open_rows]
    accepted = [row for row, delivery in answers if delivery.outcome is Outcome.accepted]
    failed = [(row, delivery) for row, delivery in answers if delivery.outcome in (Outcome.refused, Outcome.not_sent)]
    sent = _record_sent(connection, accepted, now, settings, run_id)
    _record_failed(connection, failed, now)
    _record_opted_out(connection, [row for row, delivery in answers if delivery.has_opted_out], now)
    not_sent = [row for row, delivery in failed if delivery.outcome is Outcome.not_sent]
    tried_again = _try_again(connection, not_sent, now, settings) if tries_again else 0
    return Recorded(sent, len(failed), len(answers) - len(accepted) - len(failed), tried_again)


def _record_sent(connection: Connection[Any], rows: list[int], now: datetime, settings: Settings, run_id: UUID) -> int:
    if not rows:
        return 0
    marked = connection.execute(statement(__file__, "mark_sent"), {"rows": as_array(rows), "now": now})
    sent = [row for (row,) in marked.fetchall()]
    record_messages(connection, sent, run_id)
    advance(connection, sent, now=now, settings=settings, run_id=run_id)
    return len(sent)


def record_messages(connection: Connection[Any], rows: list[int], run_id: UUID) -> None:
    """Write the lineage record of rows that were just sent or exported (R-225)."""
    values = {"rows": as_array(rows), "run_id": run_id, "carried_already": CARRIED_ALREADY}
    connection.execute(statement(__file__, "record_messages"), values)


def _record_failed(connection: Connection[Any], failed: list[tuple[int, Delivery]], now: datetime) -> None:
    if not failed:
        return
    connection.execute(
        statement(__file__, "mark_failed"),
        {
            "rows": [row for row, _ in failed],
            "reasons": [delivery.detail or delivery.outcome.value for _, delivery in failed],
            "now": now,
        },
    )


def _record_opted_out(connection: Connection[Any], rows: list[int], now: datetime) -> None:
    if not rows:
        return
    found = connection.execute(statement(__file__, "written_to"), {"rows": rows}).fetchall()
    asked = [
        NewOptOut(
            customer_id,
            channel=OptOutChannel(channel_of(channel)),
            reason="told the provider, which refused the message",
            message_id=message_id,
        )
        for customer_id, channel, message_id in found
    ]
    opt_out(connection, asked, source="provider", now=now, recorded_by=None)


def _try_again(connection: Connection[Any], rows: list[int], now: datetime, settings: Settings) -> int:
    if not rows:
        return 0
    retried = connection.execute(
        statement(__file__, "retry_failed"),
        {
            "rows": rows,
            "now": now,
            "retry_after": settings.retry_after,
            "max_attempts": settings.max_attempts,
        },
    )
    return retried.rowcount
