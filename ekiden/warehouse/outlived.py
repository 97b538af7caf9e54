"""A child process that does not outlive us: whatever ends this process, kill -9 included, ends the child as well.

A shell waits at a pipe of which we hold the other end: the pipe says our last word, or closes without one. That needs
no more than POSIX, where Linux alone would tell the child itself. Does not belong here: what the child does.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 10
"""Seconds that dbt has to end its statements in the database, once interrupted; who missed or ignores that is ended."""

WATCH = f'read -r last_word || {{ kill -INT "$0"; sleep {GRACE}; kill -TERM "$0"; }}'


@contextmanager
def ended_with_us(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """See to it that the child is interrupted if this process is gone before it, and killed where the block raises."""
    # a session of its own: a Ctrl-C at the terminal, or the terminal's end, is not meant for it
    watch = subprocess.Popen(
        ["/bin/sh", "-c", WATCH, str(child.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    except BaseException:
        # as `subprocess.run` does; one that has ended already is not meant
        child.kill()
        raise
    finally:
        watch.communicate(b"it has ended\n")
