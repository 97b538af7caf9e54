"""One batch on its way: several requests at once, and when to stop.

Belongs here: which request begins when, and what its answer does to the others. Does not belong here: how a request
is made, sent or understood.

As many threads as there are connections take what is next, post it, and note its answer; what is next and what an
answer means to the others is decided by one of them at a time. To hand each request over to another thread would cost
half of what posting it does. What has not begun when the batch ends was certainly not sent.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Condition

from ekiden.clock import Clock
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW, WAIT, left_alone
from ekiden.delivery.channels.http.transport import NotConnected
from ekiden.delivery.channels.sendgrid.answers import Meaning, UnderstoodAnswer
from ekiden.delivery.channels.sendgrid.bisect import Portion, first_alone, halves, portions_after_refusal
from ekiden.delivery.channels.sendgrid.requests import Unwritable

Fate = UnderstoodAnswer | NotConnected | Unwritable
"""What became of a request: answered, never sent for want of a connection, never sent for want of a body."""


class Posting:
    """The requests of one batch.

    `post` says what became of a portion and raises nothing. `in_time` says whether another request may begin, `clock`
    what time it is (aware).
    `unknown_in_a_row` is how many requests before were left without a clear answer: while there are any, one
    message goes at a time, so that trouble that lasts costs few unknown outcomes.
    """

    def __init__(
        self,
        messages: Sequence[OutgoingMessage],
        portions: Sequence[tuple[int, ...]],
        *,
        post: Callable[[Portion], Fate],
        in_time: Callable[[], bool],
        clock: Clock,
        connections: int,
        unknown_in_a_row: int,
    ) -> None:
        self._messages = messages
        self._waiting = deque(Portion(positions) for positions in portions)
        self._post = post
        self._in_time = in_time
        self._clock = clock
        self._connections = connections
        self._under_way = 0
        self._others: list[Future[None]] = []
        """Threads beside the first; one begins when there is something for it."""
        self._turn = Condition()
        """Held by whoever decides; told of when something has changed for those who wait."""
        self._answered: dict[int, Delivery] = {}
        self.unknown_in_a_row = unknown_in_a_row
        self.ended: str | None = None
        """Why what has not begun was left alone."""
        self.stopped: str | None = None
        """Why SendGrid turns everything away."""
        self.wait_until: datetime | None = None
        """When sending may go on, where the batch ended early and the provider has not stopped us."""

    def run(self) -> None:
        """Post until everything is answered or the batch ends."""
        with ThreadPoolExecutor(self._connections, "sendgrid") as threads:
            self._post_what_is_next(threads)
        for other in self._others:
            other.result()

    def delivery(self, position: int) -> Delivery:
        """Return what became of the message at `position`."""
        if (answered := self._answered.get(position)) is not None:
            return answered
        (delivery,) = left_alone([self._messages[position]], self.ended or "")
        return delivery

    def _post_what_is_next(self, threads: ThreadPoolExecutor) -> None:
        try:
            while (portion := self._next(threads)) is not None:
                fate = self._post(portion)
                with self._turn:
                    self._under_way -= 1
                    self._take(portion, fate)
                    self._turn.notify_all()
        except BaseException:
            with self._turn:
                self._end("its sender was interrupted")
                self._turn.notify_all()
            raise

    def _next(self, threads: ThreadPoolExecutor) -> Portion | None:
        """Return what to post now, once it may begin; None when nothing is left or the batch has ended."""
        with self._turn:
            self._turn.wait_for(self._is_decided)
            if not self._waiting or self.ended is not None:
                return None
            if not self._in_time():
                self._end("the batch took too long", self._clock())
                self._turn.notify_all()
                return None
            portion = self._waiting.popleft()
            if self.unknown_in_a_row:
                portion, *others = first_alone(portion)
                self._waiting.extendleft(others)
            self._under_way += 1
            if self._waiting and 1 + len(self._others) < self._connections:
                self._others.append(threads.submit(self._post_what_is_next, threads))
            return portion

    def _is_decided(self) -> bool:
        """Return whether something may begin, or nothing ever will; what is under way may come back in portions."""
        if not self._under_way or self.ended is not None:
            return True
        return bool(self._waiting) and not self.unknown_in_a_row

    def _take(self, portion: Portion, fate: Fate) -> None:
        if isinstance(fate, NotConnected):
            self._end(f"no connection to SendGrid ({fate})", self._clock() + WAIT)
        elif isinstance(fate, Unwritable):
            self._refused(portion, fate.reason, [] if len(portion.positions) == 1 else halves(portion))
        elif fate.meaning is Meaning.unknown:
            self.unknown_in_a_row += 1
            self._answer(portion, Outcome.unknown, fate)
            if self.unknown_in_a_row >= UNKNOWN_IN_A_ROW:
                reason = f"SendGrid left {self.unknown_in_a_row} requests in a row without a clear answer"
                self._end(reason, self._clock() + WAIT)
        else:
            self.unknown_in_a_row = 0
            self._take_clear(portion, fate)

    def _take_clear(self, portion: Portion, answer: UnderstoodAnswer) -> None:
        if answer.meaning is Meaning.accepted:
            self._answer(portion, Outcome.accepted, answer)
        elif answer.meaning is Meaning.refused:
            alone = len(portion.positions) == 1
            self._refused(portion, answer.detail, [] if alone else portions_after_refusal(portion, answer.named))
        elif answer.meaning is Meaning.stopped:
            self.stopped = self.stopped or answer.detail
            self._end(answer.detail)
        if answer.wait_until is not None:
            # until when is told beside it, in the shop's time
            self._end("SendGrid takes no more requests for now", answer.wait_until)

    def _refused(self, portion: Portion, reason: str, smaller: list[Portion]) -> None:
        """Note that all of `portion` are refused, or try it in smaller portions, before anything else that waits."""
        if smaller:
            self._waiting.extendleft(reversed(smaller))
            return
        for position in portion.positions:
            self._answered[position] = Delivery(self._messages[position].message_id, Outcome.refused, detail=reason)

    def _answer(self, portion: Portion, outcome: Outcome, answer: UnderstoodAnswer) -> None:
        for position in portion.positions:
            message_id = self._messages[position].message_id
            self._answered[position] = Delivery(message_id, outcome, answer.provider_message_id, answer.detail)

    def _end(self, reason: str, wait_until: datetime | None = None) -> None:
        self.ended = self.ended or reason
        if wait_until is not None:
            self.wait_until = max(wait_until, self.wait_until or wait_until)
