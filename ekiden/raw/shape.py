"""The words in which the raw contract is written: tables, columns, types and references.

Belongs here: shapes without content. Does not belong here: the tables themselves (`contract`), SQL
(`checks`, `upsert`) and prose (`document`).
"""

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """A column's type, by the name PostgreSQL gives it."""

    TEXT = "text"
    INTEGER = "integer"
    NUMERIC = "numeric"
    DATE = "date"
    TIMESTAMP = "timestamp with time zone"
    JSON = "jsonb"


class Bound(StrEnum):
    """The lower bounds a number may have."""

    ZERO_OR_MORE = ">= 0"
    MORE_THAN_ZERO = "> 0"
    ONE_OR_MORE = ">= 1"


@dataclass(frozen=True)
class Reference:
    """A column's value must be a key of `table`, in the same load or already in `raw`."""

    table: str
    only_if_any: bool = False
    """True: not asked for while `table`, which is optional, has no rows at all."""


@dataclass(frozen=True)
class AllowedWhere:
    """A row in which the column `column` says `says` allows only these words."""

    column: str
    says: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """One column of a raw table; `required` means that no row may lack it."""

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    allowed_where: AllowedWhere | None = None
    default: str | None = None
    """What an empty value becomes; such a column is never null in `raw`."""
    bound: Bound | None = None
    reference: Reference | None = None
    earliest_stays: bool = False
    """True: a later value in a later load does not replace an earlier one."""


@dataclass(frozen=True)
class Table:
    """One raw table and the file of the same name; `required` means that every load needs the file."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    required: bool = False

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def values(self) -> tuple[Column, ...]:
        """The columns outside the key."""
        return tuple(column for column in self.columns if column.name not in self.key)
