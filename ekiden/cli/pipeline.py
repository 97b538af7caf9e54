"""`ekiden load | build`: data in, models built."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ekiden.cli.output import Format, FormatOption, complain, errors, show
from ekiden.cli.session import ledger, who_is_here
from ekiden.clock import utc_now
from ekiden.delivery.sending.contents import faults_in_use
from ekiden.raw.load import LoadProgress, TableReport, load
from ekiden.scenarios.left_out import leave_out
from ekiden.scenarios.registry import synchronise
from ekiden.schedule.planning.contract import contract_breaches
from ekiden.settings import Settings
from ekiden.warehouse.build import ScenariosUnbuilt
from ekiden.warehouse.build import build as dbt_build
from ekiden.warehouse.dbt import dbt_environment
from ekiden.warehouse.parsing import readable_project

INTERRUPTED = 130
"""The exit code that shells know from Ctrl-C."""


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("load")(load_folder)
    app.command()(build)


def load_folder(
    folder: Annotated[Path, typer.Argument(help="One CSV or Parquet file per raw table (docs/raw-contract.md).")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Load a shop's files into the raw schema: all of them or, at any fault, nothing."""
    settings = Settings()
    bars = Progress(
        TextColumn("{task.description:32}"), BarColumn(), TimeElapsedColumn(), console=errors(), transient=True
    )
    with ledger(settings) as connection, bars:
        tasks = {}

        def tell(done: LoadProgress) -> None:
            key = (done.file, done.stage)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{done.stage} {done.file}", total=done.total)
            bars.update(tasks[key], completed=done.done, total=done.total)

        report = load(connection, folder, settings.zone, tell, raw_schema=settings.raw_schema)
    for name in report.packed:
        complain("left alone", f"{name} is packed; unpack it to have it loaded")
    show(
        report.tables,
        ("table", "file", "rows_read", "inserted", "updated", "unchanged"),
        of=TableReport,
        form=form,
        zone=settings.zone,
    )


def build(
    select: Annotated[list[str] | None, typer.Option(help="dbt selection, like marts or +cross_sell.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="Rebuild incremental models from nothing.")] = False,
) -> None:
    """Build and test the dbt models, and register the scenarios' definitions; broken ones are left out."""
    settings = Settings()
    errors().print("reading the scenarios and the dbt project", style="dim")
    environment = dbt_environment(settings)
    project = readable_project(settings, environment)
    # who keeps a code that two want is decided by who had it before, when the definitions are registered
    faults = [each for each in project.report.findings if each.severity == "error" and each.rule != "duplicate_code"]
    for finding in faults:
        complain("left out" if finding.scenario in project.broken else "fault", f"{finding.scenario} {finding}".strip())
    for model, message in project.refused_by_dbt.items():
        complain("left out", f"{model}: {message}")
    with ledger(settings) as connection:
        is_whole = True
        try:
            dbt_build(settings, project, environment, select or (), full_refresh=full_refresh)
        except ScenariosUnbuilt as error:
            is_whole = False
            leave_out(connection, error.unbuilt.scenarios)
        except KeyboardInterrupt:
            # Ctrl-C is dbt's as well, and the traceback above is what dbt says then
            complain("interrupted", "what was not built stands as it was before; the next build catches up")
            raise typer.Exit(INTERRUPTED) from None
        with connection.transaction():
            broken = synchronise(connection, now=utc_now(), options=settings.options, actor=who_is_here())
            broken += contract_breaches(connection, selected=None, known=broken)
        contents = faults_in_use(connection, settings)
    for scenario in broken:
        if scenario.model_name not in project.broken:
            complain("left out", scenario)
    for fault in contents.values():
        errors().print(f"[bold red]cannot be sent:[/] {escape(str(fault))}", highlight=False, soft_wrap=True)
    if faults or broken or contents or not is_whole:
        raise typer.Exit(1)
