"""How old the shop's data may be, as dbt's sources say it, and how old it is.

The policy is dbt's own (`freshness: {error_after: …}` and `loaded_at_field` of a source, as `dbt source freshness`
reads them), taken from the manifest. Belongs here: reading both. Does not belong here: what follows from old data
(`ekiden.delivery.guards`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

from ekiden.counting import counted
from ekiden.settings import Settings
from ekiden.warehouse.dbt import manifest_path
from ekiden.warehouse.manifest import read_manifest

PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
"""dbt's words for the period of a freshness policy."""


@dataclass(frozen=True)
class FreshnessPolicy:
    """From which age on the rows of one source table are too old to send by."""

    name: str
    """Schema and table, like raw.orders."""
    schema: str
    table: str
    too_old_after: timedelta
    loaded_at: str
    """An SQL expression, usually a column: when a row was loaded or changed; in UTC if it has no zone, as in dbt."""
    filter: str | None = None
    """An SQL condition that bounds how much of the table is read."""


@dataclass(frozen=True)
class StaleTable:
    """A source table older than its policy allows; `loaded_at` None: it is empty."""

    policy: FreshnessPolicy
    loaded_at: datetime | None

    def __str__(self) -> str:
        since = f"has nothing newer than {self.loaded_at:%Y-%m-%d %H:%M %Z}" if self.loaded_at else "is empty"
        return f"{self.policy.name} {since}, and may be {_in_words(self.policy.too_old_after)} old"


def freshness_policies(settings: Settings) -> tuple[FreshnessPolicy, ...]:
    """Return the policies of the deployment's sources; none where nothing was built from here yet."""
    try:
        return policies_of(read_manifest(manifest_path(settings)))
    except FileNotFoundError:
        return ()


def policies_of(manifest: Mapping[str, Any]) -> tuple[FreshnessPolicy, ...]:
    """Return the policies of a dbt manifest's sources, by name; a source without `error_after` has none."""
    sources = sorted(manifest["sources"].values(), key=lambda source: str(source["unique_id"]))
    return tuple(policy for source in sources if (policy := _policy(source)) is not None)


def stale_tables(
    connection: Connection[Any], policies: Sequence[FreshnessPolicy], *, now: datetime, zone: ZoneInfo
) -> tuple[StaleTable, ...]:
    """Return the tables that at `now` are older than they may be; an age of exactly the limit still passes.

    Their instants are in `zone`, the shop's, as people read them.
    """
    loaded = [(policy, _loaded_at(connection, policy)) for policy in policies]
    return tuple(
        StaleTable(policy, loaded_at and loaded_at.astimezone(zone))
        for policy, loaded_at in loaded
        if loaded_at is None or now - loaded_at > policy.too_old_after
    )


def _policy(source: Mapping[str, Any]) -> FreshnessPolicy | None:
    freshness = source.get("freshness") or {}
    limit = freshness.get("error_after") or {}
    loaded_at = source.get("loaded_at_field")
    if not limit.get("count") or not limit.get("period") or not loaded_at:
        return None
    return FreshnessPolicy(
        name=f"{source['schema']}.{source['identifier']}",
        schema=source["schema"],
        table=source["identifier"],
        too_old_after=limit["count"] * PERIODS[limit["period"]],
        loaded_at=loaded_at,
        filter=freshness.get("filter"),
    )


def _loaded_at(connection: Connection[Any], policy: FreshnessPolicy) -> datetime | None:
    # expressions of the project's own files, as trusted as its models; connections are in UTC
    query = sql.SQL("select max({loaded_at})::timestamptz from {table} where {filter}").format(
        loaded_at=sql.SQL(policy.loaded_at),
        table=sql.Identifier(policy.schema, policy.table),
        filter=sql.SQL(policy.filter or "true"),
    )
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate gives one row
    loaded_at: datetime | None = row[0]
    return loaded_at


def _in_words(age: timedelta) -> str:
    for word in ("day", "hour", "minute"):
        if age % PERIODS[word] == timedelta():
            return counted(age // PERIODS[word], word)
    return str(age)
