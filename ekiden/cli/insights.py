"""`ekiden audience | why | diff`: who may enter a scenario, why one customer does or not, what an edit would change."""

import csv
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import ledger, now
from ekiden.cli.trees import explanation_tree
from ekiden.insights.audience import Audience, AudienceMember, audience, members
from ekiden.insights.built import asked_scenario
from ekiden.insights.difference import Difference, difference
from ekiden.insights.difference_sources import file_source, revision_source, working_source
from ekiden.insights.explanation import explain
from ekiden.insights.explanation_evidence import read_evidence
from ekiden.insights.explanation_wording import listed
from ekiden.insights.moments import Moment, moment
from ekiden.scenarios.registry import is_built
from ekiden.schedule.plan import NothingBuilt
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR

SHOWN_MEMBERS = 50
"""Members in a table unless asked otherwise: about a screen."""

MEMBER_COLUMNS = ("customer_id", "anchor_kind", "anchor_key", "anchor_date", "due_date", "standing")

DIFFERING_COLUMNS = ("change", "customer_id", "anchor_kind", "anchor_key", "anchor_date")

FORECAST = "a forecast from the facts known now: what the calendar alone will bring"

ScenarioArgument = Annotated[str, typer.Argument(help="Scenario code.")]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="A day (a past one: its end; a coming one: its start, a forecast) or an instant like 2026-12-01T09:00,"
        " the shop's time. Default: now.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("audience")(show_audience)
    app.command("why")(why)
    app.command("diff")(diff)


def show_audience(
    scenario: ScenarioArgument,
    on: OnOption = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Most anchors to list; default: 50 in a table, all as csv or json.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Count and list who may enter a scenario at an instant, from its built table."""
    settings = Settings()
    asked = _moment(on, settings)
    with ledger(settings) as connection:
        found = asked_scenario(connection, scenario)
        counted = audience(connection, found, asked)
        shown = SHOWN_MEMBERS if limit is None and form is Format.TABLE else limit
        with members(connection, found, asked, limit=shown) as found_members:
            match form:
                case Format.CSV:
                    _stream_csv(found_members, settings.zone)
                case Format.JSON:
                    _stream_json(counted, found_members, settings.zone)
                case _:
                    _show_counts(counted, settings.zone)
                    show(list(found_members), MEMBER_COLUMNS, form=form, zone=settings.zone)
    if form is Format.TABLE and counted.eligible.anchors > (shown or 0):
        errors().print(f"at most {shown} of {counted.eligible.anchors} anchors; --limit shows more, --format csv all")


def why(
    scenario: ScenarioArgument,
    customer: Annotated[str, typer.Argument(help="Customer id.")],
    on: OnOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Explain why a customer is in a scenario, or is not: every condition, when it holds, and what comes next."""
    if form is Format.CSV:
        raise typer.BadParameter("a tree is no table: --format table or json")
    settings = Settings()
    asked = _moment(on, settings)
    with ledger(settings) as connection:
        found = asked_scenario(connection, scenario)
        explanation = explain(found, read_evidence(connection, found, customer), asked, settings.zone)
    if form is Format.JSON:
        sys.stdout.write(_json(asdict(explanation), settings.zone) + "\n")
    else:
        console().print(explanation_tree(explanation, settings.zone), soft_wrap=True)


def diff(
    scenario: ScenarioArgument,
    against: Annotated[
        str | None, typer.Option(metavar="REV", help="The git revision to compare with, like HEAD or main~3.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A YAML file with another definition to compare with.")] = None,
    on: OnOption = None,
    sample: Annotated[int, typer.Option(min=0, help="Most anchors to list that are added, and that are removed.")] = 10,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare the working tree's definition with another over today's facts: who is added, who is removed."""
    if (against is None) == (file is None):
        raise typer.BadParameter("say what to compare with: --against REV or --file other.yml")
    settings = Settings()
    asked = _moment(on, settings)
    working = working_source(PROJECT_DIR, scenario)
    other = (
        file_source(file, scenario) if file is not None else revision_source(PROJECT_DIR, against or "HEAD", working)
    )
    with ledger(settings) as connection:
        if not is_built(connection):
            raise NothingBuilt("there are no facts to compare over yet: run `ekiden build`")
        found = difference(connection, settings, working=working, other=other, moment=asked, sample=sample)
    match form:
        case Format.JSON:
            sys.stdout.write(_json(asdict(found), settings.zone) + "\n")
        case Format.CSV:
            show(found.sample, DIFFERING_COLUMNS, form=form, zone=settings.zone)
        case _:
            _show_difference(found, settings.zone)


def _show_difference(found: Difference, zone: ZoneInfo) -> None:
    changed = listed(list(found.changed_settings), "and") or "nothing"
    console().print(Text(f"{found.scenario_code}: working tree against {found.against}; edited: {changed}"))
    table = Table("", "customers", "anchors", title=Text(f"may enter at {found.at.astimezone(zone):%Y-%m-%d %H:%M}"))
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
        show(found.sample, DIFFERING_COLUMNS, form=Format.TABLE, zone=zone)
    if found.is_forecast:
        errors().print(FORECAST)


def _moment(text: str | None, settings: Settings) -> Moment:
    try:
        return moment(text, now=now(), zone=settings.zone)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(str(error), param_hint="--on") from error


def _show_counts(counted: Audience, zone: ZoneInfo) -> None:
    title = f"{counted.scenario_code} at {counted.at.astimezone(zone):%Y-%m-%d %H:%M}"
    table = Table("", "customers", "anchors", title=Text(title))
    for label, heads in (
        ("conditions hold", counted.eligible),
        ("of them stopped", counted.stopped),
        ("of them already enrolled", counted.enrolled),
        ("of them may enter", counted.may_enter),
        (f"step 1 due on {counted.day}, enrolled or not", counted.due),
    ):
        table.add_row(label, str(heads.customers), str(heads.anchors))
    console().print(table)
    if counted.is_forecast:
        errors().print(FORECAST)


def _stream_csv(found: Iterable[AudienceMember], zone: ZoneInfo) -> None:
    names = [field.name for field in fields(AudienceMember)]
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    writer.writerows([_plain(getattr(member, name), zone) for name in names] for member in found)


def _stream_json(counted: Audience, found: Iterable[AudienceMember], zone: ZoneInfo) -> None:
    # the object is closed by hand: a big audience never stands in memory
    sys.stdout.write(_json(asdict(counted), zone)[:-2] + ',\n  "members": [')
    for number, member in enumerate(found):
        text = json.dumps(_plain(asdict(member), zone), ensure_ascii=False)
        sys.stdout.write(f"{',' if number else ''}\n    {text}")
    sys.stdout.write("\n  ]\n}\n")


def _json(value: Any, zone: ZoneInfo) -> str:
    return json.dumps(_plain(value, zone), ensure_ascii=False, indent=2)


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value as JSON and CSV can hold it; instants in the shop's zone."""
    match value:
        case dict():
            return {name: _plain(item, zone) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item, zone) for item in value]
        case datetime():
            return value.astimezone(zone).isoformat()
        case date() | Path():
            return str(value)
        case _:
            return value
