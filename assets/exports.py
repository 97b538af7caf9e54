"""`exported_lists`: the files for direct mail and outbound calls.

Belongs here: what an export tells of itself. Does not belong here: who is on a list (`ekiden.delivery.lists.export`).
"""

from dagster import AssetKey, AssetSpec, MetadataValue

from assets import schedule
from ekiden.delivery.lists.export import ExportReport

KEY = AssetKey("exported_lists")


def exported_lists_spec() -> AssetSpec:
    """Return the asset that exports materialise; a person starts them."""
    return AssetSpec(
        KEY,
        deps=[schedule.KEY],
        description=(
            "The files that due rows for direct mail and outbound calls were extracted to. An export marks its rows "
            "and makes the next step; the job export_lists does it."
        ),
        group_name=schedule.GROUP,
        owners=["team:marketing"],
        kinds={"csv", "file"},
        metadata={"dagster/table_name": "outreach.exported_files"},
    )


def export_metadata(report: ExportReport) -> dict[str, MetadataValue]:
    """Return what an export did, for the metadata of its run and of its materialisation."""
    metadata = {
        "exported": MetadataValue.int(report.exported),
        "cancelled_by_stops": MetadataValue.int(report.cancelled),
        "suppressed": MetadataValue.int(report.suppressed),
        "opted_out": MetadataValue.int(report.opted_out),
        "formula_cells_made_harmless": MetadataValue.int(report.neutralised),
        "ledger_run_id": MetadataValue.text(str(report.run_id)),
    }
    if report.file:
        metadata["file"] = MetadataValue.path(report.file)
        metadata["sha256"] = MetadataValue.text(report.sha256 or "")
        metadata["again_command"] = MetadataValue.md(f"`ekiden export --again {report.run_id}`")
    if report.same_as_before is not None:
        metadata["same_as_before"] = MetadataValue.bool(report.same_as_before)
    if report.pauses:
        metadata["rows_paused"] = MetadataValue.int(report.paused)
        metadata["paused"] = MetadataValue.text(
            "; ".join(f"{pause} ({pause.resume_command})" for pause in report.pauses)
        )
    if report.settled.finished:
        metadata["finished_now"] = MetadataValue.text(", ".join(report.settled.finished))
    if report.settled.void:
        metadata["never_marked"] = MetadataValue.text(", ".join(report.settled.void))
    return metadata
