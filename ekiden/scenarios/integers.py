"""How large an integer a definition may hold.

Belongs here: the limit, and what to read in place of what is beyond it. Does not belong here: ranges of settings
(`scenario`, `values`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

LARGEST = 10**18 - 1
"""18 digits: as many as PostgreSQL's bigint and dbt's cache of a project hold whatever they are. Nothing here counts so
far, and Python itself writes no integer of more than 4,300 digits."""

RULE = "out_of_range"
MESSAGE = "this number is out of range: it has more than 18 digits; write a code in quotes"


def is_too_large(value: object) -> bool:
    """Return whether a value is an integer beyond the limit."""
    return isinstance(value, int) and not -LARGEST <= value <= LARGEST


def nearest(value: Any) -> Any:
    """Return the value with every integer beyond the limit, keys too, as the nearest within it."""
    if isinstance(value, Mapping):
        return {nearest(key): nearest(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [nearest(inner) for inner in value]
    if is_too_large(value):
        return LARGEST if value > 0 else -LARGEST
    return value


def too_large(value: Any, place: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Yield the place of every integer beyond the limit; of a key, that of its mapping."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if is_too_large(key):
                yield place
            yield from too_large(inner, (*place, str(nearest(key))))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from too_large(inner, (*place, index))
    elif is_too_large(value):
        yield place
