"""The claim: rows that are about to be posted, and those withheld, with the attempt each begins (T6, T8).

Belongs here: writing both down, in the transaction of the last look. Once it is committed, a message may be posted; a
sender that vanishes before leaves nothing behind, and one that vanishes after leaves outcomes that nobody knows.
Does not belong here: who may be claimed (`last_look`), and what became of it (`record`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import OutgoingMessage
from ekiden.delivery.consent.objections import keep_evidence
from ekiden.delivery.sending.compose import RowToSend, Withheld
from ekiden.schedule.planning.advance import advance
from ekiden.settings import Settings


@dataclass(frozen=True)
class Claimer:
    """Who claims: the sender's number, its channel and run; and when, an aware instant."""

    number: int
    channel_name: str
    run_id: UUID
    now: datetime

    @property
    def parameters(self) -> dict[str, object]:
        """Return what the statements call these."""
        return {
            "sender": self.number,
            "channel_name": self.channel_name,
            "run_id": self.run_id,
            "now": self.now,
        }


def claim_outgoing(
    connection: Connection[Any], outgoing: Sequence[tuple[RowToSend, OutgoingMessage]], claimer: Claimer
) -> None:
    """Claim rows and mark their attempts as posted, within the caller's transaction."""
    if not outgoing:
        return
    _claim(
        connection,
        [
            _Claim(row.schedule_row_id, row.newsletter_status, message.to_address, message.rendered.content_hash)
            for row, message in outgoing
        ],
        claimer,
        withheld=False,
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
    _claim(
        connection,
        [
            _Claim(item.row.schedule_row_id, item.row.newsletter_status, detail=item.detail or item.reason.value)
            for item in withheld
        ],
        claimer,
        withheld=True,
    )
    parameters = {
        "rows": [item.row.schedule_row_id for item in withheld],
        "reasons": [item.reason.value for item in withheld],
        **claimer.parameters,
    }
    keep_evidence(connection, {item.row.schedule_row_id: item.row.objections for item in withheld})
    connection.execute(statement(__file__, "skip"), parameters)
    rows = [row for (row,) in connection.execute(statement(__file__, "go_on_after_skip"), parameters)]
    advance(connection, rows, now=claimer.now, settings=settings, run_id=claimer.run_id)
    connection.execute(statement(__file__, "end_after_skip"), parameters)


class _Claim(NamedTuple):
    """What is known of one row as it is claimed."""

    schedule_row_id: int
    newsletter_status: str | None
    to_address: str | None = None
    content_hash: str | None = None
    detail: str | None = None


def _claim(connection: Connection[Any], claims: Sequence[_Claim], claimer: Claimer, *, withheld: bool) -> None:
    values = {
        "rows": as_array(claim.schedule_row_id for claim in claims),
        "newsletter_statuses": as_array(claim.newsletter_status for claim in claims),
        "addresses": as_array(claim.to_address for claim in claims),
        "content_hashes": as_array(claim.content_hash for claim in claims),
        "details": as_array(claim.detail for claim in claims),
    }
    connection.execute(statement(__file__, "claim"), {**values, **claimer.parameters, "withheld": withheld})
