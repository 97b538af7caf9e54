"""`ekiden timeline`: one person, in order of time."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.machine_readable import write_json
from ekiden.cli.options import MOST
from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import day, ledger
from ekiden.counting import counted
from ekiden.insights.timeline import SHOWN_ENTRIES, Timeline, TimelineEntry, TimelineFilter, timeline
from ekiden.local_time import to_the_second
from ekiden.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("timeline")(show_timeline)


def show_timeline(
    customer: Annotated[str, typer.Argument(help="Customer id.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Of the scenarios' entries only this one's; the shop's are shown all the same.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Most entries to show.")] = SHOWN_ENTRIES,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="From the beginning on.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show whole addresses.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what happened to one customer and why: orders, entries, plans, decisions, holds, sends and events."""
    chosen = TimelineFilter(day(first), day(last), scenario)
    if chosen.first_day and chosen.last_day and chosen.last_day < chosen.first_day:
        raise typer.BadParameter(f"--to {chosen.last_day} is before --from {chosen.first_day}")
    settings = Settings()
    with ledger(settings) as connection:
        found = timeline(
            connection,
            customer,
            zone=settings.zone,
            chosen=chosen,
            limit=limit,
            oldest_first=oldest_first,
            unmask=unmask,
        )
    match form:
        case Format.TABLE:
            console().print(_table(found, settings.zone))
        case Format.JSON:
            write_json(found.entries, settings.zone)
        case Format.CSV:
            columns = ("at", "kind", "scenario_code", "step_no", "what", "why", "by")
            show(found.entries, columns, of=TimelineEntry, form=form, zone=settings.zone)
    if not found.in_shop:
        errors().print(Text(f"the shop has no customer {customer} any more; this is what is kept of them"))
    if found.total > len(found.entries):
        which = "first" if oldest_first else "last"
        errors().print(
            f"the {which} {len(found.entries)} of {counted(found.total, 'entry', 'entries')}; --limit shows more"
        )


def _table(found: Timeline, zone: ZoneInfo) -> Table:
    table = Table("when", "scenario", "what", "why", "by")
    table.columns[0].no_wrap = True
    for entry in found.entries:
        at = to_the_second(entry.at, zone)
        # as Text: what a shop calls its products may look like rich's markup
        table.add_row(*(Text(cell or "") for cell in (at, entry.scenario_code, entry.what, entry.why, entry.by)))
    return table
