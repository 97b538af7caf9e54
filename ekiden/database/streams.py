"""Answers that are read as they are wanted, so that millions of rows never stand in memory.

Belongs here: how a query's rows come in pieces. Does not belong here: queries.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from psycopg import Connection, sql
from psycopg.rows import class_row

Row = TypeVar("Row")

FETCHED_ROWS = 10_000
"""Rows that a stream asks the server for at once: some megabytes, and few enough round trips."""


@contextmanager
def streamed(
    connection: Connection[Any],
    row: type[Row],
    query: sql.Composable,
    parameters: Mapping[str, Any] | None = None,
    *,
    within: AbstractContextManager[Any] | None = None,
) -> Iterator[Iterator[Row]]:
    """Yield the rows of a query, each as a `row`, while they are read; one stream of a kind at a time.

    `within` is the transaction that asks, where it has to be of another kind than usual.
    """
    name = f"streamed_{row.__name__}"
    # made whole at the commit: whoever reads slowly, as a pager does, keeps no lock that builds or migrations wait for
    with within or connection.transaction():
        declaration = sql.SQL("declare {} cursor with hold for {}").format(sql.Identifier(name), query)
        connection.execute(declaration, parameters)
    with connection.cursor(name, row_factory=class_row(row), withhold=True) as cursor:
        cursor.itersize = FETCHED_ROWS
        yield iter(cursor)
