"""`ekiden status`: how the deployment stands, and every pause there was. It changes nothing."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.machine_readable import write_json
from ekiden.cli.output import Format, FormatOption, console, show
from ekiden.cli.session import ledger
from ekiden.clock import utc_now
from ekiden.delivery.pauses import Pause, pause_history
from ekiden.insights.status import WaitingRows, deployment_status
from ekiden.insights.status_wording import status_in_words
from ekiden.settings import Settings

PAUSE_COLUMNS = (
    *("scope", "cause", "reason", "paused_by", "paused_at"),
    *("resumed_by", "resumed_at", "resume_reason"),
)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(status)


def status(
    history: Annotated[bool, typer.Option("--pauses", help="Every pause there was, instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is paused and why, what is due, held, failed or unknown, and what ran last."""
    settings = Settings()
    with ledger(settings) as connection:
        if history:
            show(pause_history(connection), PAUSE_COLUMNS, of=Pause, form=form, zone=settings.zone)
            return
        found = deployment_status(connection, now=utc_now(), settings=settings)
    if form is Format.TABLE:
        table = Table(show_header=False, box=None)
        for label, told in status_in_words(found, settings):
            table.add_row(label, Text(told))
        console().print(table)
        return
    if form is Format.CSV:
        show([found.rows], (), of=WaitingRows, form=form, zone=settings.zone)
        return
    write_json(found, settings.zone)
