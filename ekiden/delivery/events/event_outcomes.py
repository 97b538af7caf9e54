"""What the provider's events say of messages of unknown outcome: accepted (T7, with lineage and next step) or dropped.

Read from the ledger and not from what has just come in: an event may come before the attempt is known to be unknown.
A row whose sender is at it is left to its sender. Belongs here: settling by events. Does not belong here: events
themselves (`drain`), what a channel can be asked (`unknown.reconcile`), and what a person settles.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from psycopg import Connection

from ekiden.clock import Clock
from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.sending.record import Recorded, record
from ekiden.schedule.run_summaries import ReconcileSummary
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.settings import Settings

PROVIDER_BEHIND = timedelta(minutes=5)
"""How far the provider's clock may be behind ours."""


def told_outcomes(connection: Connection[Any]) -> int:
    """Return how many rows of unknown outcome the provider has told of since."""
    row = connection.execute(statement(__file__, "count_told_outcomes"), {"clocks_apart": PROVIDER_BEHIND}).fetchone()
    assert row is not None
    return int(row[0])


def settle_told(connection: Connection[Any], *, settings: Settings, clock: Clock, context: RunContext) -> Recorded:
    """Settle what the provider has told of, in batches, and return how many rows turned out sent or failed.

    Nothing is tried again: a drop is the provider's answer to the message, and would be its next one.
    """
    total = Recorded()
    while True:
        recorded = again(connection, partial(_settle_some, connection, settings, clock(), context))
        if recorded == Recorded():
            return total
        total += recorded


def _settle_some(connection: Connection[Any], settings: Settings, now: datetime, context: RunContext) -> Recorded:
    with connection.transaction():
        rows = connection.execute(
            statement(__file__, "told_outcomes"),
            {"clocks_apart": PROVIDER_BEHIND, "rows": settings.claim_batch_size},
        ).fetchall()
        if not rows:
            return Recorded()
        answers = [
            (row, _delivery(message_id, is_accepted, provider_id, reason))
            for row, message_id, is_accepted, provider_id, reason in rows
        ]
        run_id = start_run(connection, "reconcile", "dispatcher", context, now=now)
        with acting(connection, "dispatcher", context, run_id, now=now):
            recorded = record(connection, answers, now=now, settings=settings, run_id=run_id)
        summary = ReconcileSummary(**vars(recorded), by="delivery events")
        finish_run(connection, run_id, now=now, summary=summary)
    return recorded


def _delivery(message_id: Any, is_accepted: bool, provider_id: str | None, drop_reason: str | None) -> Delivery:
    if is_accepted:
        return Delivery(message_id, Outcome.accepted, provider_id, detail="the provider's events show that it has it")
    why = drop_reason or "it does not say why"
    return Delivery(message_id, Outcome.refused, provider_id, detail=f"the provider dropped it: {why}")
