"""Finding out what became of rows whose sender is gone, or whose outcome is not known.

What was never posted is free again. What was posted is asked of the channel; where a channel cannot be asked, the
attempt stays unknown and nothing is ever repeated by itself. Belongs here: what a send run settles of earlier senders.
Does not belong here: whether a sender lives (`sending.lease`), and what a person settles (`settle`) or an event
(`events.event_outcomes`).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Channel, Delivery, Outcome
from ekiden.delivery.sending.record import Recorded, record
from ekiden.schedule.runs import RunContext, acting
from ekiden.settings import Settings


@dataclass(frozen=True)
class LostClaim:
    """A row on its way without a living sender."""

    schedule_row_id: int
    message_id: UUID
    was_posted: bool
    """False only of what was claimed before a claim counted as posted, in a ledger that is that old."""
    can_be_asked: bool
    """Whether it was posted through the channel that is in use now."""
    is_known_to_be_unknown: bool


def reconcile(
    connection: Connection[Any],
    run_id: UUID,
    *,
    channel: Channel,
    settings: Settings,
    now: datetime,
    context: RunContext,
) -> Recorded:
    """Settle what can be settled now, in batches, within a run that has begun.

    Return how many rows were found sent, freed or left unknown.
    """

    def next_batch(after: int) -> tuple[Recorded, int | None]:
        with acting(connection, "dispatcher", context, run_id, now=now):
            lost = _lost_claims(connection, channel, after, settings.claim_batch_size)
            answers = _settle(lost, channel)
            recorded = record(connection, answers, now=now, settings=settings, run_id=run_id)
        return recorded, lost[-1].schedule_row_id if lost else None

    settled, looked_at = Recorded(), 0
    while True:
        recorded, last = again(connection, partial(next_batch, looked_at))
        if last is None:
            return settled
        settled += recorded
        looked_at = last


def _lost_claims(connection: Connection[Any], channel: Channel, after: int, batch_size: int) -> list[LostClaim]:
    parameters = {
        "channel_name": channel.name,
        "is_answered": channel.find(()) is not None,
        "after": after,
        "batch_size": batch_size,
    }
    with connection.cursor(row_factory=class_row(LostClaim)) as cursor:
        return cursor.execute(statement(__file__, "lost_claims"), parameters).fetchall()


def _settle(lost: list[LostClaim], channel: Channel) -> list[tuple[int, Delivery]]:
    posted = [claim.message_id for claim in lost if claim.was_posted and claim.can_be_asked]
    found = channel.find(posted) if posted else {}
    answers = []
    for claim in lost:
        if not claim.was_posted:
            delivery = Delivery(claim.message_id, Outcome.not_sent, detail="its sender vanished before it was posted")
        elif found is None or not claim.can_be_asked:
            if claim.is_known_to_be_unknown:
                # what was learnt when it was posted says more than this look can
                continue
            delivery = Delivery(claim.message_id, Outcome.unknown, detail="its sender vanished after it was posted")
        else:
            delivery = found.get(claim.message_id) or Delivery(
                claim.message_id, Outcome.not_sent, detail="the channel does not have it"
            )
        # a sender's end says nothing about the message: it is due, and goes with the next batch
        answers.append((claim.schedule_row_id, replace(delivery, costs_a_try=False)))
    return answers
