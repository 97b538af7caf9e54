"""Transactions that are tried again when the database ended them to let another one go on.

Belongs here: which errors that concerns, and how often. Does not belong here: opening transactions, and errors that
come again whenever the same is tried.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.pq import TransactionStatus

Result = TypeVar("Result")

TRIES = 5
"""Of one transaction. A third one is rare: PostgreSQL looks after a second, and by then the other side has gone on."""


def again(connection: Connection[Any], attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` returns, which is one transaction on `connection` and nothing that cannot be taken back.

    Inside a transaction of the caller's it is tried once: that one is lost as well, so it is the caller's to try again.
    """
    tries = TRIES if connection.info.transaction_status == TransactionStatus.IDLE else 1
    for _ in range(tries - 1):
        try:
            return attempt()
        except (DeadlockDetected, SerializationFailure):
            continue
    return attempt()
