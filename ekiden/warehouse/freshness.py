"""Which of the shop's tables are older than their policy in dbt's sources allows.

The policy is dbt's own (`freshness: {error_after: …}` and `loaded_at_field` of a source, as `dbt source freshness`
reads them), taken from the manifest. Belongs here: comparing it with the age, in words too. Does not belong here: how
old a table is (`sources`), and what follows from old data (`ekiden.delivery.guards`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from ekiden.counting import counted
from ekiden.settings import Settings
from ekiden.warehouse.dbt import manifest_path
from ekiden.warehouse.manifest import read_manifest
from ekiden.warehouse.sources import PERIODS, newest_load, sources_of


@dataclass(frozen=True)
class StaleTable:
    """A source table older than its policy allows; `loaded_at` None: it is empty."""

    name: str
    """Schema and table, like raw.orders."""
    too_old_after: timedelta
    loaded_at: datetime | None

    def __str__(self) -> str:
        since = f"has nothing newer than {self.loaded_at:%Y-%m-%d %H:%M %Z}" if self.loaded_at else "is empty"
        return f"{self.name} {since}, and may be {_in_words(self.too_old_after)} old"


def stale_tables(connection: Connection[Any], settings: Settings, *, now: datetime) -> tuple[StaleTable, ...]:
    """Return the tables that at `now` are older than they may be; an age of exactly the limit still passes.

    None where nothing was built from here yet. Their instants are in the shop's zone, as people read them.
    """
    try:
        sources = sources_of(read_manifest(manifest_path(settings)))
    except FileNotFoundError:
        return ()
    stale = []
    for table in sources:
        if table.too_old_after is None:
            continue
        loaded_at = newest_load(connection, table)
        if loaded_at is None or now - loaded_at > table.too_old_after:
            shown = loaded_at and loaded_at.astimezone(settings.zone)
            stale.append(StaleTable(table.name, table.too_old_after, shown))
    return tuple(stale)


def _in_words(age: timedelta) -> str:
    for word in ("day", "hour", "minute"):
        if age % PERIODS[word] == timedelta():
            return counted(age // PERIODS[word], word)
    return str(age)
