"""Options that several commands about rows have, and the question before rows are touched. No command is here."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from ekiden.cli.output import complain

DEFAULT_ROWS = 50
"""Rows shown unless asked otherwise: about a screen."""

SAMPLE_ROWS = 10
"""Rows shown of what a command would touch."""

ScenarioOption = Annotated[str | None, typer.Option(help="Scenario code.")]
CustomerOption = Annotated[str | None, typer.Option(help="Customer id.")]
StepOption = Annotated[int | None, typer.Option(help="Step number.")]
DueFromOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First due date.")]
DueToOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last due date.")]
ShownOption = Annotated[int, typer.Option(min=1, help="Most rows to show.")]

TouchedOption = Annotated[int, typer.Option(min=1, help="Refuse to touch more rows than this.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Needed when no filter is given.")]
DryRunOption = Annotated[bool, typer.Option(help="Only show what would be touched.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where nobody can answer.")]


def ask(question: str, *, otherwise: str) -> None:
    """Ask the person at the terminal; end the command where the answer is no, or nobody can give one: `otherwise`."""
    if not sys.stdin.isatty():
        complain("nothing was changed", otherwise)
        raise typer.Exit(1)
    if not typer.confirm(question, err=True):
        complain("nothing was changed", "as you said")
        raise typer.Exit(1)
