"""A sender's number, and for how long its claims are its own.

The ledger's tables, its runs and the setting of the lease's length call a sender a dispatcher. Belongs here: beginning,
renewing and ending a lease. Does not belong here: claims (`claims`), and what becomes of those
whose sender is gone (`unknown.reconcile`).
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.statements import statement

LOCK_CLASS = 0x656B69
"""First half of a dispatcher's advisory lock ("eki"), so that other users of the database do not collide."""


def _clocks() -> tuple[float, float]:
    """Return seconds of two clocks: one cannot be set, and stands still with a machine that is suspended."""
    return time.monotonic(), time.time()


@dataclass
class Lease:
    """One sender's right to the rows that it claimed.

    Renewed with every claim and every record, in the same transaction. When it is over, others may settle its rows,
    and it may go on with those that nobody has settled: each of its statements names it as the holder.
    """

    number: int
    length: timedelta
    _renewed_at: tuple[float, float] = field(default_factory=_clocks)

    def renew(self, connection: Connection[Any]) -> None:
        """Begin the lease's length anew, within the caller's transaction."""
        # looked at first, so that it is never over for others while it is not for us
        renewed_at = _clocks()
        connection.execute(statement(__file__, "renew_lease"), {"number": self.number, "length": self.length})
        self._renewed_at = renewed_at

    @property
    def is_over(self) -> bool:
        """Whether others may have settled what was claimed: asked by a sender that was held up, before it posts."""
        passed = (now - then for now, then in zip(_clocks(), self._renewed_at, strict=True))
        return max(passed) >= self.length.total_seconds()


@contextmanager
def holding_lease(connection: Connection[Any], run_id: UUID, length: timedelta) -> Iterator[Lease]:
    """Yield this sender's lease, and hold the lock of its number meanwhile.

    While the lock is held and the lease is not over, its claims are alive. The server frees the lock the moment the
    session ends, so a sender that was killed is known at once; the lease is for one whose session lives on without it.
    The connection must be the server's own: through a pooler by transactions, the lock would be anybody's.
    """
    row = connection.execute("select nextval('outreach.dispatcher_numbers')::integer").fetchone()
    assert row is not None
    lock = (LOCK_CLASS, int(row[0]))
    connection.execute("select pg_advisory_lock(%s, %s)", lock)
    # idle within a transaction for so long, it is stuck, and would keep its rows locked for ever: the server ends it
    patience = str(round(length.total_seconds() * 1000))
    connection.execute("select set_config('idle_in_transaction_session_timeout', %s, false)", (patience,))
    lease = Lease(lock[1], length)
    place = {"run_id": run_id, "host": socket.gethostname(), "process_id": os.getpid()}
    connection.execute(statement(__file__, "begin_lease"), {"number": lease.number, "length": length, **place})
    try:
        yield lease
    finally:
        if not connection.closed:
            connection.execute(statement(__file__, "end_lease"), {"number": lease.number})
            connection.execute("reset idle_in_transaction_session_timeout")
            connection.execute("select pg_advisory_unlock(%s, %s)", lock)
