"""`ekiden export | exports | list import`: lists of people out of the ledger and into the warehouse."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TextColumn

from ekiden.cli.options import MOST
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows
from ekiden.delivery.lists.export import ExportReport, export_again, export_due
from ekiden.delivery.lists.export_files import ExportFormat, FileOptions
from ekiden.delivery.lists.exported import ExportedFile, exported_files
from ekiden.raw.encodings import Encoding
from ekiden.raw.list_folder import in_words
from ekiden.raw.lists import import_list
from ekiden.settings import Settings

DEFAULT_FILES = 20
"""Files shown unless asked otherwise: some weeks of a shop that exports daily."""

app = typer.Typer(help="Lists of customers that scenarios begin with.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add these commands to the application."""
    parent.command()(export)
    parent.command()(exports)
    parent.add_typer(app, name="list")


def export(
    scenario: Annotated[str | None, typer.Option(help="Only this scenario code.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel: dm or outbound_call.")] = None,
    form: Annotated[ExportFormat | None, typer.Option("--format", help="How the file is written; default csv.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="CSV: begin with the mark by which Excel knows UTF-8.")] = False,
    verbatim: Annotated[
        bool,
        typer.Option("--verbatim", help="CSV: write cells that begin like a formula as they are, without a ' before."),
    ] = False,
    again: Annotated[
        UUID | None, typer.Option(metavar="RUN", help="Write the list of an earlier run anew; marks nothing.")
    ] = None,
    actor: ActorOption = None,
) -> None:
    """Extract due rows for direct mail and outbound calls into a file, mark them and go on to the next step."""
    if again and (scenario or channel):
        raise typer.BadParameter("--again writes a whole list: leave out --scenario and --channel")
    settings, context = Settings(), acting_as(actor)
    with ledger(settings) as connection:
        if again:
            # asked for nothing, the file is written as it was
            options = FileOptions(form or ExportFormat.CSV, bom, verbatim) if form or bom or verbatim else None
            report = export_again(connection, again, now=utc_now(), settings=settings, context=context, options=options)
        else:
            report = export_due(
                connection,
                now=utc_now(),
                settings=settings,
                context=context,
                scenario=scenario,
                channel=channel,
                options=FileOptions(form or ExportFormat.CSV, bom, verbatim),
            )
    _tell(report)


def exports(
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Most files to show.")] = DEFAULT_FILES,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the files of exports, the latest first; `ekiden export --again RUN` writes one anew."""
    settings = Settings()
    with ledger(settings) as connection:
        found = exported_files(connection, limit=limit)
    columns = ("written_at", "actor", "file_name", "row_count", "scenario_code", "channel", "is_copy", "run_id")
    show(found, columns, of=ExportedFile, form=form, zone=settings.zone)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a column customer_id (docs/lists.md), or Parquet.")],
    list_code: Annotated[str, typer.Option("--list", help="The list, as scenarios name it.")],
    encoding: Annotated[Encoding, typer.Option(help="Of the CSV file; cp932 is what Excel calls Shift_JIS.")] = (
        Encoding.AUTO
    ),
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Import the good rows and leave out the bad ones.")
    ] = False,
    actor: ActorOption = None,
) -> None:
    """Put the customers of a file onto a list: all of them or, at any fault, nobody."""
    settings = Settings()
    bars = Progress(TextColumn("{task.description}"), BarColumn(), console=errors(), transient=True)
    with ledger(settings) as connection, bars:
        task = bars.add_task(f"reading {file.name}")
        report = import_list(
            connection,
            file,
            list_code,
            now=utc_now(),
            settings=settings,
            context=acting_as(actor),
            encoding=encoding,
            skip_bad_rows=skip_bad_rows,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    console().print(in_words(report), markup=False, highlight=False, soft_wrap=True)


def _tell(report: ExportReport) -> None:
    for name in report.settled.void:
        complain("never marked", f"{name}: its people are due still; the file is now {name}.void")
    for name in report.settled.finished:
        complain("finished", f"{name}: an earlier export marked its people and ended before it could say so")
    notes = [
        *([f"{report.cancelled} cancelled by a stop"] if report.cancelled else []),
        *([f"{report.suppressed} cancelled, on the suppression list"] if report.suppressed else []),
        *([f"{report.opted_out} cancelled, opted out"] if report.opted_out else []),
        *([f"{counted_rows(report.paused)} left alone, due in a scenario that is paused"] if report.paused else []),
        *([f"{report.neutralised} cells begin like a formula and got a ' before"] if report.neutralised else []),
        *(["the same file as before"] if report.same_as_before else []),
        *(
            ["not the same file as before: the data, or how it is written, has changed"]
            if report.same_as_before is False
            else []
        ),
    ]
    for note in notes:
        errors().print(note, highlight=False)
    for pause in report.pauses:
        complain("note", f"{pause}. To go on: {pause.resume_command}")
    if report.file:
        told = f"{counted_rows(report.exported)} exported to {report.file}"
    else:
        told = "nothing is due" + (" that is not paused" if report.paused else "")
    console().print(told, soft_wrap=True, markup=False, highlight=False)
