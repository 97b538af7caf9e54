"""Options that several commands about rows have, and the question before rows are touched. No command is here."""

import sys
from datetime import date, datetime
from typing import Annotated

import typer

from ekiden.cli.output import complain
from ekiden.cli.session import day
from ekiden.schedule.rows import HoldReason

DEFAULT_ROWS = 50
"""Rows shown unless asked otherwise: about a screen."""

SAMPLE_ROWS = 10
"""Rows shown of what a command would touch."""

MOST = 2**31 - 1
"""No number of rows is larger: more than any ledger has, and PostgreSQL can still add to it."""

ScenarioOption = Annotated[str | None, typer.Option(help="Scenario code.")]
CustomerOption = Annotated[str | None, typer.Option(help="Customer id.")]
StepOption = Annotated[int | None, typer.Option("--step", "--step-no", help="Step number.")]
RowOption = Annotated[
    list[str] | None, typer.Option("--row", "--message", help="One row, by schedule_row_id or message_id.")
]
HoldReasonOption = Annotated[
    list[HoldReason] | None,
    typer.Option(help="Only held rows that are held for this; operator: a person held or reopened them."),
]
DueFromOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First due date.")]
DueToOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last due date.")]
ShownOption = Annotated[int, typer.Option(min=1, max=MOST, help="Most rows to show.")]

TouchedOption = Annotated[int, typer.Option(min=1, max=MOST, help="Refuse to touch more rows than this.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Needed when no filter is given.")]
DryRunOption = Annotated[bool, typer.Option(help="Only show what would be touched.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where nobody can answer.")]


def due_days(first: datetime | None, last: datetime | None) -> tuple[date | None, date | None]:
    """Return the dates of --due-from and --due-to; wrong usage where no day lies between them."""
    if first and last and last < first:
        raise typer.BadParameter(f"--due-to {last:%Y-%m-%d} is before --due-from {first:%Y-%m-%d}")
    return day(first), day(last)


def ask(question: str, *, otherwise: str) -> None:
    """Ask the person at the terminal; end the command where the answer is no, or nobody can give one: `otherwise`."""
    if not sys.stdin.isatty():
        complain("nothing was changed", otherwise)
        raise typer.Exit(1)
    if not typer.confirm(question, err=True):
        complain("nothing was changed", "as you said")
        raise typer.Exit(1)
