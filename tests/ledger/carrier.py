"""A carrier that does whatever carriers do: accepts, refuses, says nothing, turns everything away, or ends us.

It looks at what it is given: nothing it takes may be taken twice, come before the ledger says so, or go to somebody
who does not want it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderStopped
from ekiden.delivery.channels.batches import left_alone
from tests.ledger.interruptions import Interrupted

# what it says, and whether it has the message
ANSWERS = {
    "accepted": (Outcome.accepted, True),
    "refused": (Outcome.refused, False),
    "not sent": (Outcome.not_sent, False),
    "silent, taken": (Outcome.unknown, True),
    "silent, lost": (Outcome.unknown, False),
}
ENDS = ("line stopped", "raises", "killed")
"""What may happen instead of an answer, to the message where it happens and to all after it."""

UNWANTED = """
select customers.customer_id
from raw.customers
where
    lower(customers.email) = any(%(addresses)s)
    and (
        coalesce(customers.newsletter_status, 'none') not in ('both', 'pc')
        or exists (
            select from outreach.suppression_list as suppressed
            where suppressed.customer_id = customers.customer_id or suppressed.address = lower(customers.email)
        )
        or exists (
            select from outreach.opt_outs
            where
                opt_outs.withdrawn_at is null
                and (opt_outs.customer_id = customers.customer_id or opt_outs.address = lower(customers.email))
        )
    )
"""
UNANNOUNCED = """
select rows.schedule_row_id
from outreach.schedule_rows as rows
left join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
where
    rows.message_id = any(%(messages)s)
    and (rows.state <> 'sending' or attempts.posted_at is null or attempts.finished_at is not null)
"""


@dataclass
class Carrier:
    """A channel; `control` looks at the ledger as everybody else sees it, `end_sender` ends the sender's session."""

    control: psycopg.Connection[Any]
    end_sender: Callable[[], None]
    name: str = "carrier"
    answers: Sequence[str] = ("accepted",)
    """Said in turn, over and over; one of `ENDS` among them ends the call."""
    can_be_asked: bool = True
    taken: Counter[UUID] = field(default_factory=Counter)
    turn: int = 0

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        self._look_at(messages)
        deliveries: list[Delivery] = []
        for message in messages:
            answer = self.answers[self.turn % len(self.answers)]
            self.turn += 1
            if answer == "line stopped":
                raise ProviderStopped("401", deliveries + left_alone(messages[len(deliveries) :], "401"))
            if answer == "raises":
                raise Interrupted("while it was being posted")
            if answer == "killed":
                # the carrier goes on with what it has; it is our session that ends
                self.end_sender()
                answer = "accepted"
            deliveries.append(self._answer(message.message_id, answer))
        return deliveries

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery] | None:
        if not self.can_be_asked:
            return None
        return {
            message: Delivery(message, Outcome.accepted if self.taken[message] else Outcome.not_sent, str(message))
            for message in message_ids
        }

    def _answer(self, message_id: UUID, answer: str) -> Delivery:
        outcome, has_it = ANSWERS[answer]
        self.taken[message_id] += has_it
        assert self.taken[message_id] <= 1, f"{message_id} was taken twice"
        return Delivery(message_id, outcome, str(message_id) if has_it else None, detail=answer)

    def _look_at(self, messages: Sequence[OutgoingMessage]) -> None:
        values = {
            "messages": [message.message_id for message in messages],
            "addresses": [message.to_address.lower() for message in messages],
        }
        assert self.control.execute(UNANNOUNCED, values).fetchall() == [], "posted before the ledger says so"
        assert self.control.execute(UNWANTED, values).fetchall() == [], "posted to somebody who does not want it"
