"""Rows of a batch as objects: psycopg's `class_row` for the thousands of a claim.

Belongs here: how a row becomes an object. Does not belong here: statements.
"""

from collections.abc import Callable
from inspect import signature
from operator import itemgetter
from typing import Any, TypeVar

from psycopg import Cursor
from psycopg.rows import RowMaker

Row = TypeVar("Row")


def by_column(kind: type[Row]) -> Callable[[Cursor[Any]], RowMaker[Row]]:
    """Do as `class_row`, which names all the fields for every row and takes three times as long.

    `kind` has two fields at least; one without a column must have a default, and stand after all
    that have a column.
    """

    def row_factory(cursor: Cursor[Any]) -> RowMaker[Row]:
        columns = [column.name for column in cursor.description or ()]
        places = [columns.index(name) for name in signature(kind).parameters if name in columns]
        in_order = itemgetter(*places)
        return lambda values: kind(*in_order(values))

    return row_factory
