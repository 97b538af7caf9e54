"""The dbt models as assets, with their tests as checks.

Belongs here: how a dbt model shows itself in Dagster, and which models are built together. Does not belong here:
how dbt is called (`orchestration.warehouse`), and any SQL (`dbt_project`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from dagster import (
    AssetCheckSpec,
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    ResourceParam,
)
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from assets.steps.pools import DBT_POOL
from ekiden.warehouse.unbuilt import stops_planning

HISTORY = "fqn:ekiden.history"
"""What looks back at the ledger; it can only be built after the deliveries."""

ELIGIBILITY_SCHEMA = "eligibility"
HISTORY_SCHEMA = "history"
LEDGER = "outreach"
MARKETING = "team:marketing"
DATA = "team:data"


class Warehouse(Protocol):
    """Whatever builds the models selected in a step, telling Dagster of each."""

    def build(self, context: AssetExecutionContext) -> Iterator[Any]: ...


class WarehouseTranslator(DagsterDbtTranslator):
    """How a dbt model shows itself: grouped by its schema, owned by who decides what it says."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] == "source":
            return spec
        schema = _get_schema(props)
        return spec.replace_attributes(
            deps=spec.deps if schema == HISTORY_SCHEMA else self._without_ledger(spec, manifest, props),
            # of a folder that Dagster takes no name from, what is left
            group_name=re.sub(r"[^A-Za-z0-9_]", "_", schema),
            owners=_get_owners(props),
            kinds=_get_kinds(props),
        )

    def _without_ledger(self, spec: AssetSpec, manifest: Mapping[str, Any], props: Mapping[str, Any]) -> list[AssetDep]:
        """Return what a model that planning may read depends on, but for what planning and sending make.

        That is read as earlier plans left it: with an edge back from there the assets would be a circle.
        """
        behind = [
            manifest["nodes"].get(each) or manifest["sources"].get(each)
            for each in props["depends_on"].get("nodes", ())
        ]
        made_later = {self.get_asset_key(each) for each in behind if each and _is_made_after_planning(each)}
        return [dep for dep in spec.deps if dep.asset_key not in made_later]

    def get_asset_check_spec(
        self, asset_spec: AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        model = manifest["nodes"].get(asset_spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY])
        if spec is None or stops_planning(model):
            return spec
        # one scenario's failed test leaves that one out of the plan, and stops no other
        return spec._replace(blocking=False)


def warehouse_assets(manifest: Mapping[str, Any]) -> list[AssetsDefinition]:
    """Return the dbt models: those that planning reads, and, where there are any, those of the history."""
    # one asset may fill several of the ledger's tables, and each of them is a source to dbt
    translator = WarehouseTranslator(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    @dbt_assets(
        manifest=manifest,
        exclude=HISTORY,
        name="build_warehouse",
        dagster_dbt_translator=translator,
        pool=DBT_POOL,
    )
    def build_warehouse(context: AssetExecutionContext, warehouse: ResourceParam[Warehouse]) -> Iterator[Any]:
        yield from warehouse.build(context)

    if not any(_get_schema(node) == HISTORY_SCHEMA for node in _models(manifest)):
        return [build_warehouse]

    @dbt_assets(
        manifest=manifest,
        select=HISTORY,
        name="build_history",
        dagster_dbt_translator=translator,
        pool=DBT_POOL,
    )
    def build_history(context: AssetExecutionContext, warehouse: ResourceParam[Warehouse]) -> Iterator[Any]:
        yield from warehouse.build(context)

    return [build_warehouse, build_history]


def ledger_specs(manifest: Mapping[str, Any]) -> list[AssetSpec]:
    """Return the ledger's tables that models read and that no asset of its own stands for."""
    translator = WarehouseTranslator()
    sources = {translator.get_asset_key(source): source for source in manifest["sources"].values()}
    return [
        AssetSpec(
            key,
            description=source["description"],
            group_name=LEDGER,
            owners=[DATA],
            kinds={"postgres", "table"},
            metadata={"dagster/table_name": f"{source['schema']}.{source['identifier']}"},
        )
        for key, source in sources.items()
        # a key of one part is that of an asset we compute
        if source["schema"] == LEDGER and len(key.path) > 1
    ]


def eligibility_keys(manifest: Mapping[str, Any]) -> dict[str, AssetKey]:
    """Return the keys of the scenarios' models, by the name of the model."""
    translator = WarehouseTranslator()
    models = [node for node in _models(manifest) if _get_schema(node) == ELIGIBILITY_SCHEMA]
    return {node["name"]: translator.get_asset_key(node) for node in sorted(models, key=lambda node: node["name"])}


def _models(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def _get_schema(props: Mapping[str, Any]) -> str:
    """Return the schema, which is also the folder under `models/` and Dagster's group."""
    return str(props["fqn"][1])


def _is_made_after_planning(props: Mapping[str, Any]) -> bool:
    if props["resource_type"] == "source":
        return bool(props["schema"] == LEDGER and props["source_name"] == LEDGER)
    return _get_schema(props) == HISTORY_SCHEMA


def _get_owners(props: Mapping[str, Any]) -> list[str]:
    return [MARKETING if _get_schema(props) == ELIGIBILITY_SCHEMA else DATA]


def _get_kinds(props: Mapping[str, Any]) -> set[str]:
    return {"dbt", "postgres", props["config"]["materialized"]}
