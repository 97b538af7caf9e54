"""What the demo prints at its end: rows, messages with their lineage, and where to look further."""

from typing import Any

from psycopg import Connection
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from ekiden.database.statements import statement
from ekiden.insights.lineage import latest_messages, lineage, masked_lineage
from ekiden.insights.lineage_wording import describe
from ekiden.schedule.rows import summary
from ekiden.settings import Settings

MESSAGES_SHOWN = 3


def print_rows(console: Console, connection: Connection[Any]) -> None:
    """Print the schedule's rows by scenario, step and state."""
    table = Table(title="schedule rows")
    for heading in ("scenario", "step", "state"):
        table.add_column(heading)
    table.add_column("rows", justify="right")
    for count in summary(connection):
        table.add_row(count.scenario_code, str(count.step_no), count.state, f"{count.rows:,}")
    console.print(table)


def print_messages(console: Console, connection: Connection[Any], settings: Settings) -> None:
    """Print some messages, each from the order line it counts from to the file it became."""
    found = latest_messages(connection, limit=MESSAGES_SHOWN)
    if not found:
        console.print("no message was sent: nothing is due and nothing was released")
    for message_id in found:
        message = lineage(connection, message_id)
        console.print(describe(masked_lineage(message), settings))


def _where(settings: Settings) -> str:
    if settings.channel == "smtp":
        return f"The mail server {settings.smtp_host} has them."
    return f"They are in {settings.outbox}, a Maildir any mail reader opens."


def print_outcome(console: Console, connection: Connection[Any], settings: Settings) -> None:
    """Print what was sent in all, and what to do next."""
    row = connection.execute(statement(__file__, "sent_so_far")).fetchone()
    assert row is not None  # an aggregate gives one row
    messages, rows = row
    console.print(
        Panel(
            f"{messages:,} messages so far, for {rows:,} schedule rows: none twice.\n"
            f"{_where(settings)}\n\n"
            "See the assets, runs and rows in Dagster:  [bold]make up[/]\n"
            "Look at rows, and at a message's lineage:  [bold].venv/bin/ekiden rows[/], "
            "[bold].venv/bin/ekiden show MESSAGE[/]\n"
            "Run the demo again: nothing is sent twice. Start over: remove "
            f"{settings.home} after `make down`.",
            title="done",
        )
    )
