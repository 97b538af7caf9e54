"""Ends that come in the middle: a fuse that burns at a given statement of a connection.

Belongs here: raising in the middle of our code, ending a server process under it, and ending a transaction as a
deadlock does. Does not belong here: the end of
one of our own processes (`test_killed`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

KINDS = ("raises", "killed", "deadlock")
"""An error that nobody expects, the end of the session, and what the code is expected to get over by itself."""

TERMINATION = 10_000  # milliseconds that a server process may take to end; it takes one or two


class Interrupted(Exception):
    """Something that nobody expects, as a bug or a signal would raise it."""


@dataclass
class Fuse:
    """Burns at one statement, before it or after it; `kind` is one of `KINDS`."""

    statements: int
    kind: str
    after: bool
    has_burnt: bool = False

    def is_due(self, connection: psycopg.Connection[Any], query: Any) -> bool:
        self.statements -= 1
        if self.statements >= 0 or self.has_burnt:
            return False
        return self.kind != "deadlock" or _may_wait(connection, query)

    def burn(self, connection: psycopg.Connection[Any], control: psycopg.Connection[Any]) -> None:
        self.has_burnt = True
        if self.kind == "deadlock":
            raise psycopg.errors.DeadlockDetected("as if somebody else had waited for us")
        if self.kind == "raises":
            raise Interrupted("in the middle of it")
        end_session(connection, control)


class BrittleCursor(psycopg.Cursor[Any]):
    """A cursor whose connection may have a fuse: `connection.fuse`, with `connection.control` to end its session."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> "BrittleCursor":
        with self._burning(query):
            super().execute(query, *arguments, **options)
        return self

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        with self._burning(query):
            super().executemany(query, *arguments, **options)

    @contextmanager
    def _burning(self, query: Any) -> Iterator[None]:
        fuse = getattr(self.connection, "fuse", None)
        is_due = fuse is not None and fuse.is_due(self.connection, query)
        if is_due and not fuse.after:
            fuse.burn(self.connection, self.connection.control)
        yield
        if is_due and fuse.after:
            fuse.burn(self.connection, self.connection.control)


def _may_wait(connection: psycopg.Connection[Any], query: Any) -> bool:
    """Return whether a statement may wait for somebody's locks: within a transaction, on what everybody writes to."""
    text = query if isinstance(query, str | bytes) else query.as_bytes(connection)
    text = text.encode() if isinstance(text, str) else text
    in_transaction = connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    return in_transaction and (b"outreach.schedule_rows" in text or b"outreach.enrolments" in text)


def end_session(connection: psycopg.Connection[Any], control: psycopg.Connection[Any]) -> None:
    """End the server's process of a connection and wait until it is gone, with its locks."""
    control.execute("select pg_terminate_backend(%s, %s)", (connection.info.backend_pid, TERMINATION))
