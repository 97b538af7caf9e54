"""A batch that is handed over one message after the other, and when such a batch ends early.

Belongs here: time limits and what becomes of the messages that were left alone. Does not belong here: how a message is
handed over, and what an answer means (one module per channel).
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped

Elapsed = Callable[[], float]

# Consent is as fresh as the claim. At 50 ms an answer a batch of 1,000 takes about this long; what took longer is
# better claimed and checked anew.
LONGEST_BATCH = timedelta(seconds=60)
# A provider in trouble would make every message of a batch an unknown one, each for a person to look into. Three in a
# row are trouble, not chance.
UNKNOWN_IN_A_ROW = 3
# Nobody there, or no time for us: most limits are by the minute, and so are restarts.
WAIT = timedelta(minutes=1)


class BatchEnds(Exception):
    """This message and those after it are not handed over; `own` is what became of it, None: certainly not sent."""

    def __init__(self, reason: str, own: Delivery | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.own = own


class Stops(BatchEnds):
    """The provider turns away everything we send."""


class Waits(BatchEnds):
    """The provider takes nothing now; `after` says for how long it is left alone."""

    def __init__(self, reason: str, after: timedelta = WAIT, own: Delivery | None = None) -> None:
        super().__init__(reason, own)
        self.after = after


def one_by_one(
    messages: Sequence[OutgoingMessage],
    deliver: Callable[[OutgoingMessage], Delivery],
    *,
    clock: Clock = utc_now,
    elapsed: Elapsed = time.monotonic,
    time_limit: timedelta = LONGEST_BATCH,
) -> list[Delivery]:
    """Return one delivery per message, in order; raise `ProviderStopped` or `ProviderBusy` where the batch ends early.

    `deliver` raises `Stops` or `Waits` for that. After `time_limit` (`elapsed` counts seconds) the rest is left for the
    next batch, which may begin at once.
    """
    deadline = elapsed() + time_limit.total_seconds()
    deliveries: list[Delivery] = []
    try:
        for message in messages:
            if elapsed() > deadline:
                raise Waits("the batch took too long", after=timedelta())
            deliveries.append(deliver(message))
            last = deliveries[-UNKNOWN_IN_A_ROW:]
            if len(last) == UNKNOWN_IN_A_ROW and all(each.outcome is Outcome.unknown for each in last):
                raise Waits(f"{UNKNOWN_IN_A_ROW} messages in a row were left without a clear answer")
    except BatchEnds as end:
        known = [*deliveries, end.own] if end.own else deliveries
        answered = known + left_alone(messages[len(known) :], end.reason)
        if isinstance(end, Waits):
            raise ProviderBusy(end.reason, clock() + end.after, answered) from None
        raise ProviderStopped(end.reason, answered) from None
    return deliveries


def left_alone(messages: Sequence[OutgoingMessage], reason: str) -> list[Delivery]:
    """Return the deliveries of messages that were certainly not sent."""
    return [Delivery(message.message_id, Outcome.not_sent, detail=reason, costs_a_try=False) for message in messages]
