"""The tables that dbt reads and does not make, as its manifest tells of them, and what they hold.

Belongs here: a source table with its freshness policy, and the one question after its newest row, with the source's own
`loaded_at_field` and `filter`. Does not belong here: which of them are too old (`freshness`), and how a page shows them
(`assets.raw`).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.errors import UndefinedColumn

PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
"""dbt's words for the period of a freshness policy."""


@dataclass(frozen=True)
class SourceTable:
    """One table of a dbt source."""

    source: str
    """The source's name, which `source()` asks for, like raw."""
    table: str
    """The table's name, which `source()` asks for."""
    schema: str
    relation: str
    """What it is called in the database."""
    description: str = ""
    too_old_after: timedelta | None = None
    """From which age on its newest row is too old to send by, dbt's `error_after`; None: it may be as old as it is."""
    loaded_at: str | None = "loaded_at"
    """An SQL expression, usually a column: when a row was loaded or changed; in UTC if it has no zone, as in dbt."""
    filter: str | None = None
    """An SQL condition that bounds how much of the table is read for its newest row."""

    @property
    def name(self) -> str:
        """Schema and table in the database, like raw.orders."""
        return f"{self.schema}.{self.relation}"


@dataclass(frozen=True)
class Look:
    """What a table held at one moment."""

    rows: int
    loaded_at: datetime | None
    """When its newest row was loaded or changed; None: it is empty, or does not say."""


def sources_of(manifest: Mapping[str, Any]) -> tuple[SourceTable, ...]:
    """Return the source tables of a dbt manifest, by source and name."""
    sources = sorted(manifest["sources"].values(), key=lambda source: str(source["unique_id"]))
    return tuple(_source_table(source) for source in sources)


def newest_load(connection: Connection[Any], table: SourceTable) -> datetime | None:
    """Return when the newest row that the source's filter admits was loaded or changed; None where there is none.

    Raises `UndefinedColumn` where the table lacks what its source says of it.
    """
    if table.loaded_at is None:
        return None
    # expressions of the project's own files, as trusted as its models; connections are in UTC
    query = sql.SQL("select max({loaded_at})::timestamptz from {table} where {filter}").format(
        loaded_at=sql.SQL(table.loaded_at),
        table=sql.Identifier(table.schema, table.relation),
        filter=sql.SQL(table.filter or "true"),
    )
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate gives one row
    loaded_at: datetime | None = row[0]
    return loaded_at


def look(connection: Connection[Any], table: SourceTable) -> Look:
    """Return what the table holds now, all of its rows counted; needs a connection in autocommit mode."""
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(table.schema, table.relation))
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate gives one row
    loaded_at = None
    # a table of the shop's own has the field of its source, asked or not, and need not have such a column
    with suppress(UndefinedColumn):
        loaded_at = newest_load(connection, table)
    return Look(rows=row[0], loaded_at=loaded_at)


def data_is_newer(seen: Look, known: datetime | None) -> bool:
    """Return whether the table holds data that was not there at the last look."""
    return seen.loaded_at is not None and (known is None or seen.loaded_at > known)


def _source_table(source: Mapping[str, Any]) -> SourceTable:
    freshness = source.get("freshness") or {}
    limit = freshness.get("error_after") or {}
    loaded_at = source.get("loaded_at_field")
    # of an age that nothing tells there is no policy
    is_bounded = limit.get("count") and limit.get("period") and loaded_at
    return SourceTable(
        source=source["source_name"],
        table=source["name"],
        schema=source["schema"],
        relation=source["identifier"],
        description=source["description"],
        too_old_after=limit["count"] * PERIODS[limit["period"]] if is_bounded else None,
        loaded_at=loaded_at,
        filter=freshness.get("filter"),
    )
