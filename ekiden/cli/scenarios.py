"""`ekiden validate` and `ekiden scenario list | new | schema`: which scenarios there are, and before they are built.

Does not belong here: who is in one of them (`enrolments`) and what changed of it (`scenario_history`), which are
commands of `ekiden scenario` too.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ekiden.cli import enrolments, scenario_history
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ledger
from ekiden.clock import utc_now
from ekiden.counting import counted
from ekiden.database.connection import connect
from ekiden.database.errors import DatabaseUnavailable
from ekiden.insights.scenario_list import ListedScenario, listed_scenarios
from ekiden.scenarios.faults import shown
from ekiden.scenarios.report import Finding, Locator, Report, resolved
from ekiden.scenarios.scaffold import new_scenario, write
from ekiden.scenarios.schema import scenario_file_schema_text
from ekiden.scenarios.shop import compare
from ekiden.scenarios.source import SUFFIXES, ScenarioSource
from ekiden.scenarios.validate import validate as validate_project
from ekiden.settings import Settings
from ekiden.warehouse import dbt

COLUMNS = ("severity", "rule", "file", "line", "column", "scenario", "place", "message", "found")
LIST_COLUMNS = (
    *("scenario_code", "scenario_name", "status", "contest", "version_no"),
    *("customers", "open_rows", "note"),
)
READ = (".sql", *SUFFIXES)
"""How the names of a scenario's files end."""

STYLES = {"error": "bold red", "warning": "yellow"}

app = typer.Typer(
    help="Scenarios: list them, who is in one and what changed of it; scaffold one, or print the schema for editors."
)


def register(to: typer.Typer) -> None:
    """Add these commands to the application."""
    to.command()(validate)
    to.add_typer(app, name="scenario", no_args_is_help=True)
    enrolments.register(app)
    scenario_history.register(app)


def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Only these files or folders; without any, every scenario.")
    ] = None,
    data: Annotated[bool, typer.Option("--data/--no-data", help="Compare names with the shop's data.")] = True,
    form: FormatOption = Format.TABLE,
) -> None:
    """Report every fault of the scenarios' definitions; exit code 1 if there is an error, 0 with warnings only."""
    settings = Settings()
    for path in paths or ():
        _refuse_unread(path)
    chosen = [path.resolve() for path in paths or ()]
    report = validate_project(
        dbt.PROJECT_DIR,
        options=settings.options,
        batch_time=settings.batch_time,
        today=settings.local_date(utc_now()),
        contents=settings.content,
        extra=[file for path in chosen for file in _files(path) if dbt.PROJECT_DIR.resolve() not in file.parents],
    )
    unavailable: DatabaseUnavailable | None = None
    if data:
        try:
            report = _with_shop(settings, report)
        except DatabaseUnavailable as error:
            unavailable = error
    else:
        errors().print("not compared with the shop's data: --no-data")
    scenarios = [each for each in report.scenarios if not chosen or _is_of(each.source, chosen)]
    findings = [each for each in report.findings if not chosen or _is_chosen(each, chosen)]
    if form is Format.TABLE:
        for finding in findings:
            _print(finding)
    else:
        show(findings, COLUMNS, of=Finding, form=form, zone=settings.zone)
    faults = sum(finding.severity == "error" for finding in findings)
    told = f"{counted(faults, 'error')}, {counted(len(findings) - faults, 'warning')}"
    errors().print(f"{counted(len(scenarios), 'scenario')}: {told}")
    if unavailable is not None:
        complain("not compared with the shop's data (--no-data leaves this out)", unavailable)
    if faults or unavailable is not None:
        raise typer.Exit(1)


@app.command("list")
def list_all(form: FormatOption = Format.TABLE) -> None:
    """List all scenarios: how they stand, how many customers are in and how many rows are open."""
    settings = Settings()
    report = validate_project(dbt.PROJECT_DIR, options=settings.options)
    with ledger(settings) as connection:
        listed = listed_scenarios(connection, report)
    show(listed, LIST_COLUMNS, of=ListedScenario, form=form, zone=settings.zone)


@app.command("new")
def new(
    code: Annotated[str, typer.Argument(help="The scenario's code, which also names its model: a-z, 0-9 and _.")],
    name: Annotated[str | None, typer.Option(help="A name for people, in any language.")] = None,
    anchor: Annotated[
        str, typer.Option(help="What the steps count from: ordered, entered=SEGMENT, event=TYPE, or YAML.")
    ] = "ordered",
) -> None:
    """Write the files of a new scenario, a draft that validates as it is."""
    settings = Settings()
    scaffold = new_scenario(
        code, name=name, anchor=anchor, project=dbt.PROJECT_DIR, contents=settings.content, options=settings.options
    )
    write(scaffold)
    for path in scaffold.files:
        console().print(Text(str(path)), soft_wrap=True)


@app.command("schema")
def schema(
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead of the terminal.")] = None,
) -> None:
    """Print the JSON Schema of a scenario's YAML file, for editors."""
    text = scenario_file_schema_text()
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            message = f"{shown(str(output))} cannot be written: {error.strerror}"
            raise typer.BadParameter(message, param_hint="--output") from None


def _with_shop(settings: Settings, report: Report) -> Report:
    locators = {each.source.model_name: Locator(each.source, dbt.PROJECT_DIR) for each in report.scenarios}
    with connect(settings) as connection:
        comparison = compare(connection, settings.raw_schema, report, locators)
    for reason in comparison.not_compared:
        errors().print(Text(f"not compared with the shop's data: {reason}"), soft_wrap=True)
    return report.with_more(comparison.findings)


def _refuse_unread(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        raise typer.BadParameter(f"there is no {shown(str(path))} ({error.strerror})") from None
    if not path.is_dir() and path.suffix.lower() not in READ:
        message = f"{shown(str(path))} is no file of a scenario; those end in {', '.join(READ)}"
        raise typer.BadParameter(message)


def _files(path: Path) -> list[Path]:
    """Return the file, or what scenarios consist of below the folder; what nobody may read is passed over."""
    if path.is_file():
        return [path]
    found = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sorted(file for file in found if file.suffix.lower() in READ)


def _is_chosen(finding: Finding, chosen: list[Path]) -> bool:
    return _lies_in(dbt.PROJECT_DIR.parent / finding.file, chosen)


def _is_of(source: ScenarioSource, chosen: list[Path]) -> bool:
    return any(_lies_in(file, chosen) for file in source.files)


def _lies_in(file: Path, chosen: list[Path]) -> bool:
    file = resolved(file)
    return any(path in (file, *file.parents) for path in chosen)


def _print(finding: Finding) -> None:
    """Print a finding as compilers do, so that terminals and editors lead to its place."""
    found = f" · found: {finding.found}" if finding.found else ""
    console().print(
        Text.assemble(
            (f"{finding.file}:{finding.line}:{finding.column}", "cyan"),
            ": ",
            (finding.severity, STYLES[finding.severity]),
            f": {finding.place + ': ' if finding.place else ''}{finding.message} ",
            (f"[{finding.rule}]{found}", "dim"),
        ),
        soft_wrap=True,
    )
