"""`ekiden send`: everything that is due, by every channel."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from ekiden.cli.output import complain, console, errors
from ekiden.cli.session import ActorOption, acting_as, day, ledger
from ekiden.clock import utc_now
from ekiden.delivery.channels import carriers_for
from ekiden.delivery.pauses import open_pauses
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.send import SendCounts
from ekiden.delivery.sending.worker import CarrierReport, send_all_due
from ekiden.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(send)


def send(
    due_date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only rows due on this day.")] = None,
    actor: ActorOption = None,
) -> None:
    """Send until nothing is due, by every channel that is configured."""
    settings = Settings()
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=errors(), transient=True)
    carriers = carriers_for(settings, clock=utc_now)
    total = SendCounts()
    is_left = False

    def take_in(done: CarrierReport) -> None:
        nonlocal total, is_left
        total += done.report.counts
        if wait := done.report.wait:
            is_left = True
            until = wait.until.astimezone(settings.zone)
            name = done.carrier.channel.name
            complain("note", f"{name} is left alone until {until:%H:%M:%S}, its messages stay ready: {wait.reason}")

    broken: ContentsBroken | None = None
    with ledger(settings) as connection:
        with progress:
            task = progress.add_task("sending")
            try:
                send_all_due(
                    connection,
                    carriers=carriers,
                    settings=settings,
                    clock=utc_now,
                    context=acting_as(actor),
                    due_dates=(day(due_date),),
                    progress=lambda carrier, counts: progress.update(
                        task, description=f"{carrier.channel.name}: sent {counts.sent}, skipped {counts.skipped}"
                    ),
                    tell=take_in,
                )
            except ContentsBroken as error:
                # everything else was sent, and is counted
                broken = error
        pauses = open_pauses(connection, zone=settings.zone)
    parts = [f"{value} {name.replace('_', ' ')}" for name, value in asdict(total).items() if value]
    console().print(", ".join(parts) or ("nothing was sent" if is_left or broken or pauses else "nothing is due"))
    if total.skipped:
        complain("note", "why some were skipped: `ekiden rows --state skipped`, and `ekiden why` of one customer")
    if broken:
        raise broken
    for pause in pauses:
        complain("note", pause)
    if any(pause.scenario_code is None for pause in pauses):
        raise typer.Exit(1)
