"""The check `definition` of every scenario's model: whether its files and contents are right, and what is wrong where.

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

from assets.shown.tables import markdown_table
from ekiden.scenarios.contents import CONTENT_BROKEN
from ekiden.scenarios.report import Finding
from ekiden.scenarios.validate import validate
from ekiden.settings import Settings
from ekiden.warehouse import dbt
from ekiden.warehouse.parsing import readable_project

CHECK = "definition"

WAITS = "what is planned of it waits until its contents can be sent"


def definition_checks(models: Mapping[str, AssetKey]) -> AssetChecksDefinition:
    """Return the check of every scenario, `models` by name: one step, in which any of them can be asked for."""

    @multi_asset_check(
        name="check_definitions",
        description="Reads the scenarios' files and tries their contents; tells every fault with its file and line. "
        "Needs no database.",
        # not blocking: a broken scenario is left out, and planning the others goes on
        specs=[
            AssetCheckSpec(
                CHECK,
                asset=key,
                blocking=False,
                description="The scenario's files have no fault, and its contents can be sent. A broken definition is "
                f"left out of the plan; where only contents are broken, a warning, {WAITS}.",
            )
            for key in models.values()
        ],
        can_subset=True,
    )
    def check_definitions(
        context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
    ) -> Iterator[AssetCheckResult]:
        selected = {check.asset_key for check in context.selected_asset_check_keys}
        refused = readable_project(settings).refused_by_dbt
        # with the contents, on which the build does not depend
        found = validate(dbt.PROJECT_DIR, options=settings.options, contents=settings.content).findings
        for model, key in models.items():
            if key in selected:
                findings = [finding for finding in found if finding.scenario == model]
                yield check_result(key, findings, refused.get(model))

    return check_definitions


def definition_check_keys(models: Mapping[str, AssetKey]) -> list[AssetCheckKey]:
    """Return the keys of these checks."""
    return [AssetCheckKey(key, CHECK) for key in models.values()]


def check_result(key: AssetKey, findings: Sequence[Finding], refused: str | None) -> AssetCheckResult:
    """Return what the files of one scenario are like: what was found in them, and why dbt refused its model if it did.

    Broken contents are a warning: the scenario is planned all the same.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    faults = [str(finding) for finding in errors]
    if refused:
        faults.append(refused)
    only_waits = bool(faults) and not refused and all(finding.rule == CONTENT_BROKEN for finding in errors)
    described = faults[0] if faults else "no fault"
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
        severity=AssetCheckSeverity.WARN if only_waits else AssetCheckSeverity.ERROR,
        description=f"{described}; {WAITS}" if only_waits else described,
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
