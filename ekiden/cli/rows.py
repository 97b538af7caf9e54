"""`ekiden rows`: the ledger's rows, one by one or counted."""

from typing import Annotated

import typer

from ekiden.cli.options import (
    DEFAULT_ROWS,
    CustomerOption,
    DueFromOption,
    DueToOption,
    HoldReasonOption,
    RowOption,
    ScenarioOption,
    ShownOption,
    StepOption,
    due_days,
)
from ekiden.cli.output import Format, FormatOption, errors, show
from ekiden.cli.session import ledger
from ekiden.schedule.rows import RowCount, RowFilter, RowState, ScheduleRow, count, found_rows, summary
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

TABLE_ROWS = 10_000
"""Rows in a table at most, whatever the limit: it is made whole before its first line is shown."""


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(rows)


def rows(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    step: StepOption = None,
    state: Annotated[list[RowState] | None, typer.Option(help="Only rows in this state.")] = None,
    hold_reason: HoldReasonOption = None,
    reason: Annotated[str | None, typer.Option(help="Only rows that have this reason, like no_address.")] = None,
    due_from: DueFromOption = None,
    due_to: DueToOption = None,
    row: RowOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    counts: Annotated[bool, typer.Option("--summary", help="Count by scenario, step and state instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Search schedule rows."""
    settings = Settings()
    first_day, last_day = due_days(due_from, due_to)
    row_filter = RowFilter(
        scenario=scenario,
        customer=customer,
        step_no=step,
        reason=reason,
        due_from=first_day,
        due_to=last_day,
        states=tuple(state or ()),
        rows=tuple(row or ()),
        hold_reasons=tuple(hold_reason or ()),
    )
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        if counts:
            counted = summary(connection, row_filter)
            show(counted, COUNT_COLUMNS, of=RowCount, form=form, zone=settings.zone)
            return
        shown = min(limit, TABLE_ROWS) if form is Format.TABLE else limit
        with found_rows(connection, row_filter, limit=shown) as found:
            there = show(found, ROW_COLUMNS, of=ScheduleRow, form=form, zone=settings.zone)
        # a ledger of years is not counted to show a screen of it
        most = shown + COUNTED_ROWS
        total = count(connection, row_filter, most=most) if there == shown else there
    if total > there:
        of = f"at least {total}" if total == most else total
        is_full = form is Format.TABLE and shown == TABLE_ROWS
        more = "a table shows no more, --format csv --limit does" if is_full else "--limit shows more"
        errors().print(f"{there} of {of} rows; {more}, --summary counts them all", highlight=False)
