"""Messages that the provider has already, though their rows are open: somebody called them not sent, and was wrong.

Belongs here: who they are, as a sender asks before it posts. Does not belong here: rows whose sender is still at
them, or whose outcome nobody knows (`event_outcomes`).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Delivery, Outcome

CARRIED_ALREADY = "not posted: the provider's events show that it has the message from an earlier attempt"


def carried_already(connection: Connection[Any], rows: Sequence[int]) -> dict[UUID, Delivery]:
    """Return what stands for a post of those of these rows whose message the provider has, by message."""
    found = connection.execute(statement(__file__, "carried_already"), {"rows": as_array(rows)})
    return {
        message_id: Delivery(message_id, Outcome.accepted, provider_message_id, CARRIED_ALREADY)
        for message_id, provider_message_id in found
    }
