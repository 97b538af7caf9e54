"""The shop's tables as assets: what they hold, how fresh they should be, and what was last seen of them.

The tables are filled by others (`ekiden load`, a shop's own pipeline), so Dagster does not make them, it looks at
them. A look counts as a materialisation only if the data is newer than at the last look: an asset's freshness is
the freshness of its data. Does not belong here: loading (`ekiden.raw`), what a table holds and how old it is
(`ekiden.warehouse.sources`), and cleaning (dbt's staging).
"""

from collections.abc import Iterator, Mapping, Sequence
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

from assets.steps.termination import ends_at_once
from ekiden.database.connection import connect
from ekiden.raw.contract import CONTRACT
from ekiden.settings import Settings
from ekiden.warehouse.sources import Look, SourceTable, data_is_newer, look, sources_of

GROUP = "raw"
CHECK = "is_loaded"

FRESH_DAILY = frozenset({"customers", "orders", "order_lines"})
"""What changes every day in a living shop; products, tags or lists may rest for weeks."""

LATE_AFTER = timedelta(hours=26)
"""A daily load and two hours of grace."""
MISSING_AFTER = timedelta(hours=50)
"""Two daily loads and two hours of grace: one was surely left out."""


WHAT_FILLS_IT = "`ekiden load DIR` fills it, or the shop's own pipeline (docs/raw-contract.md, docs/your-own-tables.md)"


def raw_tables(manifest: Mapping[str, Any]) -> tuple[SourceTable, ...]:
    """Return the shop's tables that dbt reads, by name."""
    return tuple(table for table in sources_of(manifest) if table.source == GROUP)


def raw_key(table: SourceTable) -> AssetKey:
    """Return the key of a raw table's asset."""
    return AssetKey([GROUP, table.table])


def raw_specs(tables: Sequence[SourceTable]) -> list[AssetSpec]:
    """Return the tables as assets that others fill."""
    return [
        AssetSpec(
            raw_key(table),
            description=table.description,
            group_name=GROUP,
            owners=["team:data"],
            kinds={"postgres", "table"},
            freshness_policy=_get_freshness_policy(table),
            metadata={
                "dagster/table_name": table.name,
                **_get_column_metadata(table),
            },
        )
        for table in tables
    ]


def raw_checks(tables: Sequence[SourceTable]) -> AssetChecksDefinition:
    """Return the look at every table: one step, a check for each."""

    @multi_asset_check(
        name="look_at_raw_tables",
        description="Reads every raw table's size and the time of its newest row; an empty required table fails.",
        specs=[
            AssetCheckSpec(CHECK, asset=raw_key(table), description="The table has rows, if the contract requires it.")
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
                if raw_key(table) not in selected:
                    continue
                # not around what is yielded: between two looks the step is Dagster's
                with ends_at_once():
                    seen = look(connection, table)
                is_short = _is_required(table) and not seen.rows
                known = _last_known_load(context, raw_key(table))
                event = AssetMaterialization if data_is_newer(seen, known) else AssetObservation
                context.op_execution_context.log_event(event(raw_key(table), metadata=_look_metadata(seen)))
                yield AssetCheckResult(
                    asset_key=raw_key(table),
                    check_name=CHECK,
                    passed=not is_short,
                    severity=AssetCheckSeverity.ERROR,
                    description=f"{table.name} is empty: {WHAT_FILLS_IT}" if is_short else None,
                    metadata=_look_metadata(seen),
                )

    return look_at_raw_tables


def raw_check_keys(tables: Sequence[SourceTable]) -> list[AssetCheckKey]:
    """Return the keys of the checks that look at the tables."""
    return [AssetCheckKey(raw_key(table), CHECK) for table in tables]


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


def _get_freshness_policy(table: SourceTable) -> FreshnessPolicy | None:
    if table.too_old_after is not None:
        # what is said for sending holds for the asset, too
        warn_window = LATE_AFTER if table.too_old_after > LATE_AFTER else None
        return FreshnessPolicy.time_window(fail_window=table.too_old_after, warn_window=warn_window)
    if table.table not in FRESH_DAILY:
        return None
    return FreshnessPolicy.time_window(fail_window=MISSING_AFTER, warn_window=LATE_AFTER)


def _get_column_metadata(table: SourceTable) -> dict[str, TableSchema]:
    contract = next((contract for contract in CONTRACT if contract.name == table.table), None)
    if contract is None:
        return {}
    columns = [
        TableColumn(column.name, type=str(column.type), description=column.meaning) for column in contract.columns
    ]
    return {"dagster/column_schema": TableSchema(columns)}


def _is_required(table: SourceTable) -> bool:
    return any(contract.required for contract in CONTRACT if contract.name == table.table)
