"""The check `definition` of every scenario's model: whether its files are right, and what is wrong where.

Belongs here: how a broken definition shows itself in Dagster. Does not belong here: what makes one wrong
(`ekiden.scenarios`).
"""

from collections.abc import Iterator, Mapping, Sequence

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    ResourceParam,
    multi_asset_check,
)

from assets.tables import markdown_table
from ekiden.scenarios.report import Finding
from ekiden.settings import Settings
from ekiden.warehouse.dbt import prepare
from ekiden.warehouse.project import PreparedProject

CHECK = "definition"


def definition_checks(models: Mapping[str, AssetKey]) -> AssetChecksDefinition:
    """Return the check of every scenario, `models` by name: one step, in which any of them can be asked for."""

    @multi_asset_check(
        name="check_definitions",
        description="Reads the scenarios' files and tells every fault with its file and line; needs no database.",
        # not blocking: a broken scenario is left out, and planning the others goes on
        specs=[
            AssetCheckSpec(CHECK, asset=key, blocking=False, description="The scenario's files have no fault.")
            for key in models.values()
        ],
        can_subset=True,
    )
    def check_definitions(
        context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
    ) -> Iterator[AssetCheckResult]:
        selected = {check.asset_key for check in context.selected_asset_check_keys}
        project = prepare(settings)
        for model, key in models.items():
            if key in selected:
                yield check_result(key, model, project)

    return check_definitions


def definition_check_keys(models: Mapping[str, AssetKey]) -> list[AssetCheckKey]:
    """Return the keys of these checks."""
    return [AssetCheckKey(key, CHECK) for key in models.values()]


def check_result(key: AssetKey, model: str, project: PreparedProject) -> AssetCheckResult:
    """Return what the files of one scenario's model are like."""
    findings = [finding for finding in project.report.findings if finding.scenario == model]
    faults = [str(finding) for finding in findings if finding.severity == "error"]
    if refused := project.refused_by_dbt.get(model):
        faults.append(refused)
    metadata: dict[str, MetadataValue] = {"faults": MetadataValue.int(len(faults))}
    if findings:
        metadata["findings"] = MetadataValue.md(_table(findings))
        metadata["file"] = MetadataValue.text(findings[0].file)
        metadata["line"] = MetadataValue.int(findings[0].line)
    if faults:
        metadata["messages"] = MetadataValue.text("\n".join(faults))
    return AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=not faults,
        severity=AssetCheckSeverity.ERROR,
        description=faults[0] if faults else "no fault",
        metadata=metadata,
    )


def _table(findings: Sequence[Finding]) -> str:
    return markdown_table(
        ("file", "line", "", "place", "message", "rule"),
        (
            (finding.file, finding.line, finding.severity, finding.place, finding.message, finding.rule)
            for finding in findings
        ),
    )
