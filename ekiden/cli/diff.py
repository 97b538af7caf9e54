"""`ekiden diff`: whom an edit of a scenario adds and removes."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ekiden.cli.asking import FORECAST, OnOption, ScenarioArgument, asked_moment, with_readable_keys
from ekiden.cli.machine_readable import write_json
from ekiden.cli.options import MOST
from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import ledger
from ekiden.insights.difference import Difference, DifferingAnchor, difference
from ekiden.insights.difference_sources import file_source, revision_source, working_source
from ekiden.insights.explanation.wording import listed
from ekiden.local_time import to_the_minute
from ekiden.scenarios.registry import is_built
from ekiden.schedule.errors import NothingBuilt
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR

DIFFERING_COLUMNS = ("change", "customer_id", "anchor_kind", "anchor_key", "anchor_date")


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("diff")(diff)


def diff(
    scenario: ScenarioArgument,
    against: Annotated[
        str | None, typer.Option(metavar="REV", help="The git revision to compare with, like HEAD or main~3.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A YAML file with another definition to compare with.")] = None,
    on: OnOption = None,
    sample: Annotated[
        int, typer.Option(min=0, max=MOST, help="Most anchors to list that are added, and that are removed.")
    ] = 10,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare the working tree's definition with another over today's facts: who is added, who is removed."""
    if (against is None) == (file is None) or against == "":
        raise typer.BadParameter("say what to compare with: --against REV or --file other.yml")
    settings = Settings()
    asked = asked_moment(on, settings)
    # for whoever reads a log; on a terminal what goes on is shown as it does
    errors().print("reading the definitions and the dbt project", style="dim")
    working = working_source(PROJECT_DIR, scenario)
    other = (
        file_source(file, scenario) if file is not None else revision_source(PROJECT_DIR, against or "HEAD", working)
    )
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=errors(), transient=True
    )
    with ledger(settings) as connection, progress:
        if not is_built(connection):
            raise NothingBuilt("there are no facts to compare over yet: run `ekiden build`")
        task = progress.add_task("starting")
        found = difference(
            connection,
            settings,
            working=working,
            other=other,
            moment=asked,
            sample=sample,
            tell=lambda stage: progress.update(task, description=stage),
        )
    match form:
        case Format.JSON:
            write_json(found, settings.zone)
        case Format.CSV:
            show(found.sample, DIFFERING_COLUMNS, of=DifferingAnchor, form=form, zone=settings.zone)
        case _:
            _show_difference(found, settings.zone)


def _show_difference(found: Difference, zone: ZoneInfo) -> None:
    changed = listed(list(found.changed_settings), "and") or "nothing"
    console().print(Text(f"{found.scenario_code}: working tree against {found.against}; edited: {changed}"))
    table = Table("", "customers", "anchors", title=Text(f"may enter at {to_the_minute(found.at, zone)}"))
    for label, heads in (
        ("before", found.before),
        ("after", found.after),
        ("added", found.added),
        ("removed", found.removed),
    ):
        table.add_row(label, str(heads.customers), str(heads.anchors))
    table.add_row("stopped only after the edit", "", str(found.newly_stopped))
    table.add_row("stopped only before the edit", "", str(found.no_longer_stopped))
    console().print(table)
    if found.sample:
        keyed = with_readable_keys(found.sample, zone)
        show(keyed, DIFFERING_COLUMNS, of=DifferingAnchor, form=Format.TABLE, zone=zone)
    if found.is_forecast:
        errors().print(FORECAST)
