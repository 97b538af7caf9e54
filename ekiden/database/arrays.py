"""A batch's values as one parameter of a statement, written as PostgreSQL writes an array.

Belongs here: how an array is written. Does not belong here: statements; nor short lists, which psycopg takes as they
are. It looks at every element several times, and for the lists of a batch that takes four times as long.
"""

from collections.abc import Iterable


def as_array(values: Iterable[str | int | None]) -> str:
    """Return `values` as a parameter that stands where the statement expects an array; None is a null there."""
    return f"{{{','.join([_element(value) for value in values])}}}"


def _element(value: str | int | None) -> str:
    if isinstance(value, str):
        # in quotes, these two alone mean something else: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "null" if value is None else str(value)
