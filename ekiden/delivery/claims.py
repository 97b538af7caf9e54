"""The claim: rows that are about to be posted, and those withheld, with the attempt each begins (T6, T8).

Belongs here: writing both down, in the transaction of the last look. Once it is committed, a message may be posted; a
sender that vanishes before leaves nothing behind, and one that vanishes after leaves outcomes that nobody knows.
Does not belong here: who may be claimed (`claim`), and what became of it (`record`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.delivery.channels.base import OutgoingMessage
from ekiden.delivery.compose import ClaimedRow, Withheld
from ekiden.delivery.objections import keep_evidence
from ekiden.schedule.advance import advance
from ekiden.settings import Settings


@dataclass(frozen=True)
class Claimer:
    """Who claims: the dispatcher's number, its channel and run; and when, an aware instant."""

    number: int
    channel_name: str
    run_id: UUID
    now: datetime

    @property
    def parameters(self) -> dict[str, object]:
        """Return what the statements call these."""
        return {
            "dispatcher": self.number,
            "channel_name": self.channel_name,
            "run_id": self.run_id,
            "now": self.now,
        }


def claim_outgoing(
    connection: Connection[Any], outgoing: Sequence[tuple[ClaimedRow, OutgoingMessage]], claimer: Claimer
) -> None:
    """Claim rows and mark their attempts as posted, within the caller's transaction."""
    if not outgoing:
        return
    connection.execute(
        statement(__file__, "claim"),
        {
            "rows": [row.schedule_row_id for row, _ in outgoing],
            "addresses": [message.to_address for _, message in outgoing],
            "newsletter_statuses": [row.newsletter_status for row, _ in outgoing],
            "content_hashes": [message.rendered.content_hash for _, message in outgoing],
            **claimer.parameters,
        },
    )
    keep_evidence(connection, {row.schedule_row_id: row.objections for row, _ in outgoing})


def claim_withheld(
    connection: Connection[Any],
    withheld: Sequence[Withheld],
    claimer: Claimer,
    *,
    settings: Settings,
) -> None:
    """Claim rows and skip them at once, within the caller's transaction; their chains end or go on (R-142)."""
    if not withheld:
        return
    parameters = {
        "rows": [item.row.schedule_row_id for item in withheld],
        "reasons": [item.reason.value for item in withheld],
        "details": [item.detail or item.reason.value for item in withheld],
        "newsletter_statuses": [item.row.newsletter_status for item in withheld],
        **claimer.parameters,
    }
    connection.execute(statement(__file__, "claim_withheld"), parameters)
    keep_evidence(connection, {item.row.schedule_row_id: item.row.objections for item in withheld})
    connection.execute(statement(__file__, "skip"), parameters)
    rows = [row for (row,) in connection.execute(statement(__file__, "go_on_after_skip"), parameters)]
    advance(connection, rows, now=claimer.now, settings=settings, run_id=claimer.run_id)
    connection.execute(statement(__file__, "end_after_skip"), parameters)
