"""`ekiden show`: where one message comes from."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import typer

from ekiden.cli.machine_readable import write_json
from ekiden.cli.output import Format, FormatOption, console, show
from ekiden.cli.session import ledger
from ekiden.insights.lineage import MessageLineage, lineage, masked_lineage
from ekiden.insights.lineage_wording import describe
from ekiden.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("show")(show_message)


def show_message(
    message: Annotated[UUID, typer.Argument(help="Message id, as `ekiden rows --state sent` shows it.")],
    unmask: Annotated[bool, typer.Option(help="Show the whole address.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show where a message comes from: orders, plan, release, consent, content, file."""
    settings = Settings()
    with ledger(settings) as connection:
        found = lineage(connection, message)
    if not unmask:
        found = masked_lineage(found)
    if form is Format.TABLE:
        console().print(describe(found, settings))
        return
    if form is Format.CSV:
        flat = replace(found, anchor_lines=(), transitions=(), events=())
        show([flat], (), of=MessageLineage, form=form, zone=settings.zone)
        return
    write_json(found, settings.zone)
