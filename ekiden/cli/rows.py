"""`ekiden rows`: the ledger's rows, one by one or counted."""

from typing import Annotated

import typer

from ekiden.cli.options import (
    DEFAULT_ROWS,
    CustomerOption,
    DueFromOption,
    DueToOption,
    ScenarioOption,
    ShownOption,
    StepOption,
    due_days,
)
from ekiden.cli.output import Format, FormatOption, errors, show
from ekiden.cli.session import ledger
from ekiden.schedule.rows import RowCount, RowFilter, RowState, ScheduleRow, count, search, summary
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

ROW_COLUMNS = (
    "scenario_code",
    "customer_id",
    "step_no",
    "due_date",
    "state",
    "state_ja",
    "reason",
    "send_at",
    "sent_at",
    "message_id",
)
COUNT_COLUMNS = ("scenario_code", "step_no", "state", "rows")
COUNTED_ROWS = 10_000
"""Rows counted beyond those that are shown: nobody pages through more, and they are counted in a moment."""


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(rows)


def rows(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    step: StepOption = None,
    state: Annotated[RowState | None, typer.Option(help="State of the rows.")] = None,
    reason: Annotated[str | None, typer.Option(help="Reason, like past_due.")] = None,
    due_from: DueFromOption = None,
    due_to: DueToOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    counts: Annotated[bool, typer.Option("--summary", help="Count by scenario, step and state instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Search schedule rows."""
    settings = Settings()
    row_filter = RowFilter(scenario, customer, step, state, reason, *due_days(due_from, due_to))
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        if counts:
            counted = summary(connection, row_filter)
            show(counted, COUNT_COLUMNS, of=RowCount, form=form, zone=settings.zone)
            return
        found = search(connection, row_filter, limit=limit)
        # a ledger of years is not counted to show a screen of it
        most = limit + COUNTED_ROWS
        total = count(connection, row_filter, most=most) if len(found) == limit else len(found)
    show(found, ROW_COLUMNS, of=ScheduleRow, form=form, zone=settings.zone)
    if total > len(found):
        of = f"at least {total}" if total == most else total
        errors().print(f"{len(found)} of {of} rows; --limit shows more, --summary counts them all", highlight=False)
