"""The jobs for lists of people: `export_lists` out of the ledger, `import_list` into the warehouse.

Belongs here: what they log. Does not belong here: what they do (`ekiden.delivery.lists.export`, `ekiden.raw.lists`),
and their forms in the launchpad (`forms`).
"""

from dagster import (
    AssetMaterialization,
    Failure,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    ResourceParam,
    job,
    op,
)

from assets import exports
from assets.exports import export_metadata
from assets.steps.acting import ledger, run_context, starting_tag
from assets.steps.refusals import refusing
from ekiden.clock import Clock
from ekiden.delivery.lists.export import export_again, export_due
from ekiden.delivery.lists.export_files import AS_CSV
from ekiden.errors import SaysEnough
from ekiden.raw.encodings import Encoding
from ekiden.raw.list_folder import FileChanged, in_words, take
from ekiden.raw.lists import ListReport
from ekiden.settings import Settings
from orchestration.jobs.fields import read_word
from orchestration.jobs.forms import ExportLists, ImportList
from orchestration.jobs.showing import show
from sensors.list_files import IMPORTING_JOB, IMPORTING_OP, state_asked_for


@op(name="export_due_lists", description="Extract due lists, mark their rows, make the next step.")
def export_op(
    context: OpExecutionContext,
    config: ExportLists,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Export as the config says, as a materialisation of `exported_lists` where anybody was due."""
    with refusing():
        options, again = config.options(), config.again_run()
        acting = run_context(context, actor=config.actor)
    with ledger(settings) as connection, refusing(SaysEnough):
        if again:
            report = export_again(connection, again, now=clock(), settings=settings, context=acting, options=options)
        else:
            report = export_due(
                connection,
                now=clock(),
                settings=settings,
                context=acting,
                scenario=config.scenario or None,
                channel=config.channel or None,
                options=options or AS_CSV,
            )
    metadata = export_metadata(report)
    for name in report.settled.void:
        context.log.warning(f"{name} was never marked: its people were due still; the file is now {name}.void")
    for name in report.settled.finished:
        context.log.warning(f"{name} is finished: an earlier export marked its people and ended before it could say so")
    for pause in report.pauses:
        context.log.warning(f"{pause} (to go on: {pause.resume_command})")
    if report.file:
        context.log_event(AssetMaterialization(exports.KEY, metadata=metadata))
    show(context, metadata)


@op(name=IMPORTING_OP, description="Put the customers of a file onto a list and move the file away with a report.")
def import_op(
    context: OpExecutionContext,
    config: ImportList,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Import the config's file; a refused one fails the run with every fault."""
    file = settings.lists_folder / config.file
    if file.parent != settings.lists_folder:
        raise Failure(f"{config.file} is no file of {settings.lists_folder}; `ekiden list import` takes any file")
    # a person who does a run again means the file as it is now
    asked_for = state_asked_for(context.run.tags) if starting_tag(context.run.tags) else None
    with refusing():
        encoding = read_word("encoding", config.encoding, Encoding)
        acting = run_context(context, actor=config.actor)
    with ledger(settings) as connection, refusing(SaysEnough, FileChanged, FileNotFoundError):
        taken = take(
            connection,
            file,
            now=clock(),
            settings=settings,
            context=acting,
            list_code=config.list,
            encoding=encoding,
            skip_bad_rows=config.skip_bad_rows,
            asked_for=asked_for,
        )
    if taken.report is None:
        # trying again would refuse it again
        raise Failure(str(taken.refusal), {"file": MetadataValue.path(taken.moved_to)}, allow_retries=False)
    show(context, {"file": MetadataValue.path(taken.moved_to), **import_metadata(taken.report)})


def import_metadata(report: ListReport) -> dict[str, MetadataValue]:
    """Return what an import did, for the metadata of its run."""
    return {
        "list": MetadataValue.text(report.list_code),
        "rows_read": MetadataValue.int(report.rows_read),
        "added": MetadataValue.int(report.added),
        "already_listed": MetadataValue.int(report.already_listed),
        "repeated": MetadataValue.int(report.repeated),
        "left_out": MetadataValue.int(report.left_out),
        "report": MetadataValue.text(in_words(report)),
    }


@job(description="Extract due lists for direct mail and outbound calls into a file, mark them, make the next step.")
def export_lists() -> None:
    """Export lists."""
    export_op()


@job(name=IMPORTING_JOB, description="Import a file in the folder of lists. The sensor list_files starts it.")
def import_list_job() -> None:
    """Import a list."""
    import_op()


LIST_JOBS: tuple[JobDefinition, ...] = (export_lists, import_list_job)
