"""How the database plans the statements of a batch: once, and not again for every batch.

Belongs here: the settings that say so. Does not belong here: statements.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection


@contextmanager
def prepared_soon(connection: Connection[Any]) -> Iterator[None]:
    """Have statements prepared when they have run once, not five times: every batch runs the same."""
    before = connection.prepare_threshold
    # not before the first: psycopg learns there which are several commands in one, and cannot be prepared
    connection.prepare_threshold = 1
    try:
        yield
    finally:
        connection.prepare_threshold = before


def plan_for_any_batch(connection: Connection[Any]) -> None:
    """Have what follows in the caller's transaction planned for a batch of whatever rows, which is done once.

    PostgreSQL comes to that by itself in a session that lasts, and until then plans each batch for its own rows: that
    takes up to a quarter of reading them. It also takes the answers that are missing for one row, by the statistics of
    a moment ago when none was, and compares all attempts with all answers.
    """
    connection.execute("set local plan_cache_mode = force_generic_plan")
