"""`ekiden segment`: who is in a segment at an instant, before a scenario reads it."""

from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.asking import FORECAST, OnOption, asked_moment
from ekiden.cli.machine_readable import write_csv, write_json_members
from ekiden.cli.options import MOST
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ledger
from ekiden.counting import counted, counted_rows
from ekiden.insights.segments import SegmentMember, SegmentSize, asked_segment, members, size
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR
from ekiden.warehouse.questions import compiled_model

SHOWN_MEMBERS = 50
"""Customers in a table unless asked otherwise: about a screen."""

MEMBER_COLUMNS = ("customer_id", "entered_at", "leaves_at")


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("segment")(show_segment)


def show_segment(
    segment: Annotated[str, typer.Argument(help="Name of a model under models/segments.")],
    on: OnOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, help="Most customers to list; default: 50 in a table, all as csv or json."),
    ] = None,
    edited: Annotated[
        bool, typer.Option("--edited", help="Ask the file as it stands, also where a view of it was built before.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Count and list who is in a segment at an instant; what is not built yet is compiled, and nothing is built."""
    settings = Settings()
    asked = asked_moment(on, settings)
    with ledger(settings) as connection:
        found = asked_segment(connection, segment, PROJECT_DIR, partial(compiled_model, settings), edited=edited)
        found_size = size(connection, found, asked)
        shown = SHOWN_MEMBERS if limit is None and form is Format.TABLE else limit
        with members(connection, found, asked, limit=shown) as found_members:
            match form:
                case Format.CSV:
                    write_csv(found_members, SegmentMember, settings.zone)
                case Format.JSON:
                    write_json_members(found_size, found_members, settings.zone)
                case _:
                    _show_size(found_size, settings.zone)
                    show(list(found_members), MEMBER_COLUMNS, of=SegmentMember, form=form, zone=settings.zone)
    if found_size.surplus_rows:
        complain("fault", f"{counted_rows(found_size.surplus_rows)} too many: a segment has at most one row a customer")
    if form is Format.TABLE and found_size.customers > (shown or 0):
        of = counted(found_size.customers, "customer")
        errors().print(f"at most {shown} of {of}; --limit shows more, --format csv all")


def _show_size(found: SegmentSize, zone: ZoneInfo) -> None:
    origin = "as it is built" if found.is_built else "as its file stands, not built"
    title = f"segment {found.segment} at {to_the_minute(found.at, zone)}, {origin}"
    table = Table("", "customers", title=Text(title))
    table.add_row("in it", str(found.customers))
    table.add_row("in it at any time", str(found.ever))
    console().print(table)
    if found.is_forecast:
        errors().print(FORECAST)
