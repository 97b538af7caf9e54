"""Several senders of one worker at once, while much is due: one makes messages while the database records another's.

Belongs here: when there is more than one, and what becomes of their reports and errors. Does not belong here: what a
sender does (`send`), and workers of several processes, which share the queue in the same way (`docs/workers.md`).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Event, Lock
from typing import Any

from psycopg import Connection

from ekiden.clock import Clock
from ekiden.database.connection import connect
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.pauses import SendingPaused
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.due import is_much_due
from ekiden.delivery.sending.send import SendCounts, SendReport, send_due
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings

MANY = 5_000
"""Rows due from which another sender pays: two to three seconds of one, and its session and looks take a tenth."""
SWITCH_INTERVAL = 0.001
"""Seconds for which a sender that makes messages keeps Python to itself while another waits for it. That one needs it
for some microseconds between two statements, a dozen times a batch; Python's own 5 ms add up to half a batch's time."""


@dataclass(frozen=True)
class Turn:
    """One carrier's turn: what each of its senders is to send."""

    carrier: Carrier
    settings: Settings
    clock: Clock
    context: RunContext
    due_date: date | None = None
    ends_at: datetime | None = None
    """No batch begins after it; None: whenever nothing is due any more."""
    composing: AbstractContextManager[Any] = field(default_factory=Lock)
    """Held while messages are made, by one sender at a time: Python does not make those of two any sooner, and both
    would then wait for the database together."""

    def is_over(self) -> bool:
        return self.ends_at is not None and self.clock() >= self.ends_at


def send_side_by_side(
    connection: Connection[Any], turn: Turn, *, progress: Callable[[SendCounts], None] | None = None
) -> list[SendReport]:
    """Send until nothing is due, or the turn is over, by as many senders as the settings say where much is due.

    Return a report of each. The first uses `connection`, the others sessions of their own. `progress` gets the counts
    of all together. Raises what `send_due` raises, after all have ended: what stops everybody first, `SendingPaused`
    only if nobody began. An error of one ends the others with their next batch, unless it is about the contents of some
    rows alone.
    """
    stop = Event()
    others = turn.settings.senders_per_worker - 1
    if not others or not is_much_due(
        connection, MANY, now=turn.clock(), step_channels=turn.carrier.step_channels, due_date=turn.due_date
    ):
        return [_send(connection, turn, stop, progress)]
    told = _Progress(progress)
    reports: list[SendReport] = []
    errors: list[Exception] = []
    with _switching_often(), ThreadPoolExecutor(others, thread_name_prefix="sender") as pool:
        try:
            running = [pool.submit(_send_apart, turn, stop, told.of(number)) for number in range(1, others + 1)]
            try:
                reports.append(_send(connection, turn, stop, told.of(0)))
            except Exception as error:
                errors.append(error)
            for sender in running:
                _take_in(sender, reports, errors)
        except BaseException:
            # somebody ends the program: the others finish the batch that they have begun
            stop.set()
            raise
    raise_first(errors, reports)
    return reports


@contextmanager
def _switching_often() -> Iterator[None]:
    """Have Python switch between threads more often; carriers take turns, so that no two are in here at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _send(
    connection: Connection[Any], turn: Turn, stop: Event, progress: Callable[[SendCounts], None] | None
) -> SendReport:
    try:
        return send_due(
            connection,
            channel=turn.carrier.channel,
            step_channels=turn.carrier.step_channels,
            batch_size=turn.carrier.batch_size,
            settings=turn.settings,
            clock=turn.clock,
            context=turn.context,
            due_date=turn.due_date,
            progress=progress,
            is_over=lambda: stop.is_set() or turn.is_over(),
            composing=turn.composing,
        )
    except ContentsBroken:
        raise
    except Exception:
        stop.set()
        raise


def _send_apart(turn: Turn, stop: Event, progress: Callable[[SendCounts], None] | None) -> SendReport | None:
    """Send on a session of its own; None where the database has none to give, and the first sender does it all."""
    try:
        connection = connect(turn.settings, autocommit=True)
    except DatabaseUnavailable:
        return None
    with connection:
        return _send(connection, turn, stop, progress)


def _take_in(sender: Future[SendReport | None], reports: list[SendReport], errors: list[Exception]) -> None:
    try:
        report = sender.result()
    except Exception as error:
        errors.append(error)
    else:
        if report:
            reports.append(report)


def raise_first(errors: Sequence[Exception], reports: Sequence[SendReport]) -> None:
    """Raise what says most: what stopped everybody, then `ContentsBroken` of all senders, with all reports.

    `reports` are of those that ended well. That sending is paused is an error only where none of them had begun.
    """
    stopping = [error for error in errors if not isinstance(error, ContentsBroken | SendingPaused)]
    if stopping:
        raise stopping[0]
    broken = [error for error in errors if isinstance(error, ContentsBroken)]
    if broken:
        raise ContentsBroken(
            {name: fault for error in broken for name, fault in error.faults.items()},
            [*reports, *(report for error in broken for report in error.reports)],
        )
    if errors and not reports:
        raise errors[0]


class _Progress:
    """Adds up what several senders tell, whichever tells next."""

    def __init__(self, tell: Callable[[SendCounts], None] | None) -> None:
        self._tell = tell
        self._lock = Lock()
        self._counts: dict[int, SendCounts] = {}

    def of(self, number: int) -> Callable[[SendCounts], None]:
        """Return what sender `number` tells its counts to."""

        def take(counts: SendCounts) -> None:
            with self._lock:
                self._counts[number] = counts
                if self._tell:
                    self._tell(sum(self._counts.values(), SendCounts()))

        return take
