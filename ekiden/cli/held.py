"""`ekiden held`: what waits for a person, for how long, why, and whether it still should be sent."""

from typing import Annotated

import typer

from ekiden.cli.options import (
    DEFAULT_ROWS,
    CustomerOption,
    DueFromOption,
    DueToOption,
    HoldReasonOption,
    ScenarioOption,
    ShownOption,
    StepOption,
    due_days,
)
from ekiden.cli.output import Format, FormatOption, errors, show
from ekiden.cli.session import ledger
from ekiden.clock import utc_now
from ekiden.schedule.held import EligibilityCount, HeldRow, held_counts, held_rows
from ekiden.schedule.rows import RowFilter, RowState, count
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

ROW_COLUMNS = (
    "scenario_code",
    "customer_id",
    "step_no",
    "due_date",
    "days_held",
    "hold_reason",
    "reason",
    "still_eligible",
    "because",
)
ELIGIBLE_COLUMNS = (
    "rows",
    "people",
    "still_eligible",
    "entry_no_longer_holds",
    "stop_holds",
    "anchor_gone",
    "not_known",
)
"""What is counted wherever rows are told by whether they still should be sent."""
COUNT_COLUMNS = ("scenario_code", "step_no", "hold_reason", "longest_days", *ELIGIBLE_COLUMNS)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("held")(held)


def held(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    step: StepOption = None,
    hold_reason: HoldReasonOption = None,
    due_from: DueFromOption = None,
    due_to: DueToOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    counts: Annotated[bool, typer.Option("--summary", help="Count by scenario, step and hold reason instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show held rows: for how long, why, and whether their customers would still be eligible now."""
    settings = Settings()
    first_day, last_day = due_days(due_from, due_to)
    row_filter = RowFilter(
        scenario=scenario,
        customer=customer,
        step_no=step,
        due_from=first_day,
        due_to=last_day,
        states=(RowState.HELD,),
        hold_reasons=tuple(hold_reason or ()),
    )
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        if counts:
            counted = held_counts(connection, row_filter, now=utc_now(), settings=settings)
            show(counted, COUNT_COLUMNS, of=EligibilityCount, form=form, zone=settings.zone)
            return
        found = held_rows(connection, row_filter, now=utc_now(), settings=settings, limit=limit)
        total = count(connection, row_filter)
    show(found, ROW_COLUMNS, of=HeldRow, form=form, zone=settings.zone)
    if total > len(found):
        errors().print(f"{len(found)} of {total} rows; --limit shows more, --summary counts them all")
