"""The shop's tables as assets: what they hold, how fresh they should be, and what was last seen of them.

The tables are filled by others (`ekiden load`, a shop's own pipeline), so Dagster does not make them, it looks at
them. A look counts as a materialisation only if the data is newer than at the last look: an asset's freshness is
the freshness of its data. Does not belong here: loading (`ekiden.raw`), and cleaning (dbt's staging).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetSpec,
    FreshnessPolicy,
    MetadataValue,
    ResourceParam,
    TableColumn,
    TableSchema,
    multi_asset_check,
)
from psycopg import Connection, sql
from psycopg.errors import UndefinedColumn

from assets.steps.termination import ends_at_once
from ekiden.database.connection import connect
from ekiden.raw.contract import CONTRACT
from ekiden.settings import Settings
from ekiden.warehouse.freshness import policies_of

GROUP = "raw"
CHECK = "is_loaded"

FRESH_DAILY = frozenset({"customers", "orders", "order_lines"})
"""What changes every day in a living shop; products, tags or lists may rest for weeks."""

LATE_AFTER = timedelta(hours=26)
"""A daily load and two hours of grace."""
MISSING_AFTER = timedelta(hours=50)
"""Two daily loads and two hours of grace: one was surely left out."""


WHAT_FILLS_IT = "`ekiden load DIR` fills it, or the shop's own pipeline (docs/raw-contract.md, docs/your-own-tables.md)"


@dataclass(frozen=True)
class RawTable:
    """One source table, as the manifest knows it."""

    name: str
    schema: str
    relation: str
    description: str
    too_old_after: timedelta | None = None
    """Its policy in dbt's sources, by which sending holds itself; None: it has none there."""
    loaded_at: str | None = "loaded_at"
    """An SQL expression, usually a column: when a row was loaded or changed; as dbt's sources say it."""

    @property
    def key(self) -> AssetKey:
        return AssetKey([GROUP, self.name])


@dataclass(frozen=True)
class Look:
    """What a table held at one moment."""

    rows: int
    loaded_at: datetime | None
    """When its newest row was loaded or changed; None: it is empty, or does not say."""


def raw_tables(manifest: Mapping[str, Any]) -> tuple[RawTable, ...]:
    """Return the shop's tables that dbt reads, by name."""
    sources = [source for source in manifest["sources"].values() if source["source_name"] == GROUP]
    policies = {(policy.schema, policy.table): policy.too_old_after for policy in policies_of(manifest)}
    return tuple(
        RawTable(
            source["name"],
            source["schema"],
            source["identifier"],
            source["description"],
            policies.get((source["schema"], source["identifier"])),
            source.get("loaded_at_field"),
        )
        for source in sorted(sources, key=lambda source: source["name"])
    )


def raw_specs(tables: Sequence[RawTable]) -> list[AssetSpec]:
    """Return the tables as assets that others fill."""
    return [
        AssetSpec(
            table.key,
            description=table.description,
            group_name=GROUP,
            owners=["team:data"],
            kinds={"postgres", "table"},
            freshness_policy=_get_freshness_policy(table),
            metadata={
                "dagster/table_name": f"{table.schema}.{table.relation}",
                **_get_column_metadata(table),
            },
        )
        for table in tables
    ]


def raw_checks(tables: Sequence[RawTable]) -> AssetChecksDefinition:
    """Return the look at every table: one step, a check for each."""

    @multi_asset_check(
        name="look_at_raw_tables",
        description="Reads every raw table's size and the time of its newest row; an empty required table fails.",
        specs=[
            AssetCheckSpec(CHECK, asset=table.key, description="The table has rows, if the contract requires it.")
            for table in tables
        ],
        can_subset=True,
    )
    def look_at_raw_tables(
        context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
    ) -> Iterator[AssetCheckResult]:
        selected = {check.asset_key for check in context.selected_asset_check_keys}
        with connect(settings, autocommit=True) as connection:
            for table in tables:
                if table.key not in selected:
                    continue
                # not around what is yielded: between two looks the step is Dagster's
                with ends_at_once():
                    seen = look(connection, table)
                is_short = _is_required(table) and not seen.rows
                known = _last_known_load(context, table.key)
                event = AssetMaterialization if data_is_newer(seen, known) else AssetObservation
                context.op_execution_context.log_event(event(table.key, metadata=_look_metadata(seen)))
                yield AssetCheckResult(
                    asset_key=table.key,
                    check_name=CHECK,
                    passed=not is_short,
                    severity=AssetCheckSeverity.ERROR,
                    description=f"{table.schema}.{table.relation} is empty: {WHAT_FILLS_IT}" if is_short else None,
                    metadata=_look_metadata(seen),
                )

    return look_at_raw_tables


def raw_check_keys(tables: Sequence[RawTable]) -> list[AssetCheckKey]:
    """Return the keys of the checks that look at the tables."""
    return [AssetCheckKey(table.key, CHECK) for table in tables]


def look(connection: Connection[Any], table: RawTable) -> Look:
    """Return what the table holds now; one pass over it."""
    if table.loaded_at is not None:
        # a table of the shop's own has the field of its source, asked or not, and need not have such a column
        with suppress(UndefinedColumn):
            return _look(connection, table, table.loaded_at)
    return _look(connection, table, "null")


def _look(connection: Connection[Any], table: RawTable, loaded_at: str) -> Look:
    # an expression of the project's own files, as trusted as its models; connections are in UTC
    query = sql.SQL("select count(*), max({})::timestamptz from {}").format(
        sql.SQL(loaded_at), sql.Identifier(table.schema, table.relation)
    )
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate gives one row
    return Look(rows=row[0], loaded_at=row[1])


def data_is_newer(seen: Look, known: datetime | None) -> bool:
    """Return whether the table holds data that was not there at the last look."""
    return seen.loaded_at is not None and (known is None or seen.loaded_at > known)


def _last_known_load(context: AssetCheckExecutionContext, key: AssetKey) -> datetime | None:
    event = context.instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        return None
    value = event.asset_materialization.metadata.get("loaded_at")
    return datetime.fromisoformat(str(value.value)) if value is not None else None


def _look_metadata(seen: Look) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {"dagster/row_count": MetadataValue.int(seen.rows)}
    if seen.loaded_at is not None:
        metadata["loaded_at"] = MetadataValue.text(seen.loaded_at.isoformat())
        metadata["dagster/last_updated_timestamp"] = MetadataValue.timestamp(seen.loaded_at)
    return metadata


def _get_freshness_policy(table: RawTable) -> FreshnessPolicy | None:
    if table.too_old_after is not None:
        # what is said for sending holds for the asset, too
        warn_window = LATE_AFTER if table.too_old_after > LATE_AFTER else None
        return FreshnessPolicy.time_window(fail_window=table.too_old_after, warn_window=warn_window)
    if table.name not in FRESH_DAILY:
        return None
    return FreshnessPolicy.time_window(fail_window=MISSING_AFTER, warn_window=LATE_AFTER)


def _get_column_metadata(table: RawTable) -> dict[str, TableSchema]:
    contract = next((contract for contract in CONTRACT if contract.name == table.name), None)
    if contract is None:
        return {}
    columns = [
        TableColumn(column.name, type=str(column.type), description=column.meaning) for column in contract.columns
    ]
    return {"dagster/column_schema": TableSchema(columns)}


def _is_required(table: RawTable) -> bool:
    return any(contract.required for contract in CONTRACT if contract.name == table.name)
