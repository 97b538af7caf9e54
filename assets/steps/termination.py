"""How a step ends whose run somebody terminates, in the UI or by a signal.

Belongs here: what a signal does to a step. Does not belong here: whose connection it is (`acting`), and what becomes of
rows that a sender left on their way (`ekiden.delivery`).
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from dagster import DagsterExecutionInterruptedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What Dagster sends to the process of a run that it ends, and what a machine sends that goes down."""

TERMINATED = "the run was terminated"
"""What the ledger's run says of its end."""


class RunTerminated(DagsterExecutionInterruptedError, KeyboardInterrupt):
    """Somebody terminated the run: to Dagster its own interrupt, to psycopg Ctrl-C, at which alone it has the server
    end the statement under way.
    """


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Raise `RunTerminated` wherever a step is, when its run is terminated."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise RunTerminated(TERMINATED)

    with at_signals(end):
        yield


class WholeBatches:
    """Ends a step between two batches of messages: what a provider answered is recorded first.

    A batch that is cut off would leave every row of it of unknown outcome, for a person to settle. A second signal does
    not wait; the time that a channel takes for a batch has its own limit (docs/workers.md).
    """

    def __init__(self) -> None:
        self._is_posting = False
        self._is_asked = False

    @contextmanager
    def kept_whole(self) -> Iterator[None]:
        """Raise `RunTerminated` when the run is terminated, but not while a batch is on its way."""
        with at_signals(self._end):
            yield
            self.recorded()

    def posting(self) -> None:
        """A batch is posted from now on. Another thread's is no matter: signals do not reach it."""
        if _is_main_thread():
            self._is_posting = True

    def recorded(self) -> None:
        """What was posted is recorded; raises `RunTerminated` where the run was terminated meanwhile."""
        if not _is_main_thread():
            return
        self._is_posting = False
        if self._is_asked:
            raise RunTerminated(TERMINATED)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the run was terminated; nothing is on its way meanwhile."""
        self.recorded()
        time.sleep(seconds)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_asked or not self._is_posting:
            raise RunTerminated(TERMINATED)
        self._is_asked = True


@contextmanager
def at_signals(handler: Callable[[int, FrameType | None], None], numbers: Iterable[int] = SIGNALS) -> Iterator[None]:
    """Have these signals handled so, and then as before; no signal reaches a thread that is not the main one."""
    if not _is_main_thread():
        # Python gives signals to the main thread alone
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was or signal.SIG_DFL)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
