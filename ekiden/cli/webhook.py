"""`ekiden webhook | events`: what the provider tells after a message was accepted."""

from typing import Annotated

import typer
import uvicorn
from rich.table import Table
from rich.text import Text

from ekiden.cli.machine_readable import write_json
from ekiden.cli.output import Format, FormatOption, complain, console
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted
from ekiden.delivery.events.drain import drain
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings
from ekiden.webhook.app import webhook_app
from ekiden.webhook.requests import RequestCounts, refused_requests, request_counts

MOST_REQUESTS_AT_ONCE = 100
"""Each may hold two megabytes; whoever comes then is told to come again."""
SECONDS_TO_END = 20
"""For requests under way when the server is asked to stop."""

webhook = typer.Typer(invoke_without_command=True, help="Receive the provider's events, and show what came in.")
events = typer.Typer(no_args_is_help=True, help="Take in what the provider has told.")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(webhook, name="webhook")
    app.add_typer(events, name="events")


@webhook.callback()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; a proxy with TLS belongs before it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3001,
    drains: Annotated[
        bool, typer.Option("--drain/--no-drain", help="Whether it also takes in what it has received.")
    ] = True,
) -> None:
    """Serve POST /webhook/sendgrid and /webhook/twilio, the unsubscribe links and /health, until it is stopped."""
    if context.invoked_subcommand:
        return
    settings = Settings()
    app = webhook_app(settings, drains=drains)
    with ledger(settings):
        pass  # the database is there, and as new as this program
    if not settings.sendgrid_webhook_key:
        complain("no key", "SendGrid's events are turned away until EKIDEN_SENDGRID_WEBHOOK_KEY is set")
    uvicorn.run(
        app,
        host=host,
        port=port,
        limit_concurrency=MOST_REQUESTS_AT_ONCE,
        timeout_graceful_shutdown=SECONDS_TO_END,
        server_header=False,
        # an unsubscribe link is as good as its customer's word
        access_log=False,
    )


@webhook.command()
def status(form: FormatOption = Format.TABLE) -> None:
    """Show what came in, what became of it, and what was turned away and why."""
    if form is Format.CSV:
        raise typer.BadParameter("these figures are no table: --format table or json")
    settings = Settings()
    with ledger(settings) as connection:
        counts, refused = request_counts(connection), refused_requests(connection)
    if form is Format.JSON:
        write_json({**vars(counts), "refused": refused}, settings.zone)
        return
    table = Table(show_header=False, box=None)
    for label, said in _lines(counts, settings):
        table.add_row(label, Text(said))
    for each in refused:
        last = to_the_minute(each.last_refused_at, settings.zone)
        why = each.reason.replace("_", " ")
        table.add_row(
            "turned away", Text(f"{counted(each.requests, 'request')} of {each.provider}: {why}; last {last}")
        )
    console().print(table)


@events.command("drain")
def drain_events(actor: ActorOption = None) -> None:
    """Take in what has been received, and settle the messages of unknown outcome that it tells of."""
    settings = Settings()
    with ledger(settings) as connection:
        done = drain(connection, settings=settings, clock=utc_now, context=acting_as(actor))
    console().print(
        f"{counted(done.requests, 'request')} with {counted(done.events, 'event')}, {done.new_events} of them new,"
        f" {done.unreadable} unreadable; {counted(done.suppressed, 'entry', 'entries')} on the suppression list,"
        f" {counted(done.opted_out, 'opt-out')}; unknown messages that turned out to be sent: {done.sent},"
        f" not to be: {done.failed}",
        highlight=False,
    )
    if done.pauses:
        complain("paused", "the provider changed the account's status: all sending is paused (`ekiden status`)")


def _lines(counts: RequestCounts, settings: Settings) -> list[tuple[str, str]]:
    last = counts.last_received_at
    lines = [
        ("received", f"{counted(counts.requests, 'request')}; known already: {counts.repeats}"),
        ("last", to_the_minute(last, settings.zone) if last else "never"),
        ("events", f"{counts.events}, of them {counts.strangers} of messages that are not ours"),
    ]
    if counts.undrained and counts.oldest_undrained_at:
        since = to_the_minute(counts.oldest_undrained_at, settings.zone)
        lines.append(("not taken in", f"{counted(counts.undrained, 'request')}, since {since}: `ekiden events drain`"))
    if counts.faulty or counts.unreadable_events:
        lines.append(
            (
                "unreadable",
                f"{counted(counts.faulty, 'request')}, and {counted(counts.unreadable_events, 'element')} of others",
            )
        )
    if counts.contradictions:
        told = (
            "whose message the provider has: let them go (`ekiden retry`, `ekiden release`), and they are "
            "recorded as sent, not posted"
        )
        lines.append(("contradicted", f"{counted(counts.contradictions, 'open row')} {told}"))
    return lines
