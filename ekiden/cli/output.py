"""Showing rows in the format that was asked for, and what all commands share on the terminal. No command is here."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from ekiden.cli.machine_readable import write_csv, write_json_rows
from ekiden.local_time import to_the_minute


class Format(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


PIPED_WIDTH = 200
"""Characters: no column of `ekiden rows` is cut."""

IDS = ("message_id", "run_id")
"""Columns that are there to be copied into the next command; a table has at most one of them."""

ID_LENGTH = 36

WIDEST_CHARACTER = 2
"""Columns of the terminal, as of 実; a column narrower than that would lose it."""

# all but tabs and line breaks; rich takes them for what has no width, and lets most of them through to the terminal
_CONTROL_CHARACTERS = dict.fromkeys((*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)))

FormatOption = Annotated[Format, typer.Option("--format", help="How rows are shown.")]


class _Terminal(Console):
    """A terminal that does nothing that is written in a text.

    A receiving server writes the reason of a bounce, and whoever buys writes a name: an escape sequence in it could
    clear the screen or hide lines. rich's own, for colours and progress, come after this.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=part.text.translate(_CONTROL_CHARACTERS))


def console() -> Console:
    """Return the terminal for results; piped into a file, lines are as long as a wide terminal's."""
    return _Terminal(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def errors() -> Console:
    """Return the terminal for messages and progress, so that results can be piped."""
    return _Terminal(stderr=True)


def complain(label: str, message: object) -> None:
    """Print a message for the person at the terminal, as it is: brackets in it are no markup."""
    errors().print(Text.assemble((f"{label}:", "bold red"), " ", str(message)), soft_wrap=True)


def show(
    rows: Iterable[Any],
    columns: Sequence[str],
    *,
    of: type[Any],
    form: Format,
    zone: ZoneInfo,
    on: Console | None = None,
) -> int:
    """Show instances `of` a dataclass; instants in the shop's zone. JSON and CSV hold every field, a table `columns`.

    JSON and CSV are written row by row (`machine_readable`), so that of a stream no more stands in memory. A table,
    which is made whole first, can be put `on` another terminal than that for results. Return how many rows there were.
    """
    if form is Format.TABLE:
        terminal = on or console()
        # with the line and the two blanks that each column has besides
        narrowest = (WIDEST_CHARACTER + 3) * len(columns) + 1
        # other columns give way first, while they have room
        keeps_ids = terminal.width >= narrowest + ID_LENGTH - WIDEST_CHARACTER
        table = Table(
            *(Column(name, no_wrap=keeps_ids and name in IDS, overflow="fold") for name in columns),
            # nothing is cut: where a terminal has no room for a table, it wraps the lines
            width=narrowest if terminal.width < narrowest else None,
        )
        for row in rows:
            # as Text: a customer's id may look like rich's markup
            table.add_row(*(Text(_text(getattr(row, column), zone)) for column in columns))
        terminal.print(table, crop=False)
        return table.row_count
    return write_json_rows(rows, zone) if form is Format.JSON else write_csv(rows, of, zone)


def _text(value: object, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return to_the_minute(value, zone)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
