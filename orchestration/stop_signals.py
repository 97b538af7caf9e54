"""Ctrl-C, SIGTERM and SIGHUP as one exception, raised once.

Belongs here: which signals ask to stop, and when they are heeded. Does not belong here: what is stopped (`up`),
and a run's step that is terminated (`assets.steps.termination`).
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from assets.steps.termination import at_signals

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """One of the signals came; no Exception, so that nothing on the way takes it for an error."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn the first of the signals into `StopRequested`, and ignore the others while we stop.

    A SIGHUP that is ignored already stays so: `nohup` is how people let a server go on after they have left.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        ignore_stop_signals()
        raise StopRequested

    hangs_on = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heeded = [number for number in STOP_SIGNALS if not (hangs_on and number == signal.SIGHUP)]
    with at_signals(stop, heeded):
        yield


def ignore_stop_signals() -> None:
    """Let nothing cut in from here on; within `stop_signals`, which restores what was before."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
