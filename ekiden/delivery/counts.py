"""Counts of what happened to rows, batch by batch: how two of a kind become one.

Does not belong here: what is counted (`sending`, `events`).
"""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True)
class Counts:
    """Numbers that are added field by field."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))
