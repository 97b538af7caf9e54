"""`ekiden audience`: who may enter a scenario at an instant."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.asking import (
    FORECAST,
    OnOption,
    ScenarioArgument,
    asked_moment,
    with_readable_keys,
)
from ekiden.cli.machine_readable import write_csv, write_json_members
from ekiden.cli.options import MOST
from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import ledger
from ekiden.counting import counted
from ekiden.insights.audience import Audience, AudienceMember, audience, members
from ekiden.insights.built import asked_scenario
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings

SHOWN_MEMBERS = 50
"""Members in a table unless asked otherwise: about a screen."""

MEMBER_COLUMNS = ("customer_id", "anchor_kind", "anchor_key", "anchor_date", "due_date", "standing")


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("audience")(show_audience)


def show_audience(
    scenario: ScenarioArgument,
    on: OnOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, help="Most anchors to list; default: 50 in a table, all as csv or json."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Count and list who may enter a scenario at an instant, from its built table."""
    settings = Settings()
    asked = asked_moment(on, settings)
    everywhere = settings.blocks_everywhere
    with ledger(settings) as connection:
        found = asked_scenario(connection, scenario)
        found_audience = audience(connection, found, asked, blocks_everywhere=everywhere)
        shown = SHOWN_MEMBERS if limit is None and form is Format.TABLE else limit
        with members(connection, found, asked, limit=shown, blocks_everywhere=everywhere) as found_members:
            match form:
                case Format.CSV:
                    write_csv(found_members, AudienceMember, settings.zone)
                case Format.JSON:
                    write_json_members(found_audience, found_members, settings.zone)
                case _:
                    _show_counts(found_audience, settings.zone)
                    shown_members = with_readable_keys(found_members, settings.zone)
                    show(shown_members, MEMBER_COLUMNS, of=AudienceMember, form=form, zone=settings.zone)
    if form is Format.TABLE and found_audience.eligible.anchors > (shown or 0):
        of = counted(found_audience.eligible.anchors, "anchor")
        errors().print(f"at most {shown} of {of}; --limit shows more, --format csv all")


def _show_counts(found: Audience, zone: ZoneInfo) -> None:
    title = f"{found.scenario_code} at {to_the_minute(found.at, zone)}"
    table = Table("", "customers", "anchors", title=Text(title))
    for label, heads in (
        ("conditions hold", found.eligible),
        ("of them stopped", found.stopped),
        ("of them already enrolled", found.enrolled),
        ("of them may enter", found.may_enter),
        (f"step 1 due on {found.day}, enrolled or not", found.due),
    ):
        table.add_row(label, str(heads.customers), str(heads.anchors))
    console().print(table)
    if found.is_forecast:
        errors().print(FORECAST)
