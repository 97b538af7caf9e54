"""`ekiden scenario enrolments`: who is in a scenario, and how they came in.

Does not belong here: the other commands of `ekiden scenario`: definitions (`scenarios`), their changes
(`scenario_history`).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer

from ekiden.cli.asking import ScenarioArgument, with_readable_keys
from ekiden.cli.options import DEFAULT_ROWS, MOST
from ekiden.cli.output import Format, FormatOption, errors, show
from ekiden.cli.session import ledger
from ekiden.counting import counted
from ekiden.insights.enrolments import EnrolmentState, ListedEnrolment, enrolments
from ekiden.settings import Settings

COLUMNS = (
    *("customer_id", "entered_at", "anchor_kind", "anchor_key", "anchor_date", "state", "exit_reason"),
    *("next_step_no", "next_due_date", "next_row_state"),
)


def register(to: typer.Typer) -> None:
    """Add this command to those of `ekiden scenario`."""
    to.command("enrolments")(show_enrolments)


def show_enrolments(
    scenario: ScenarioArgument,
    state: Annotated[
        list[EnrolmentState] | None,
        typer.Option(help="State of the enrolments; may be given several times. Default: active, who is in now."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Most enrolments to list; default: 50 in a table, all as csv or json."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List who is in a scenario, the latest first: by which anchor they came in, and what comes next for them."""
    settings = Settings()
    states = state or [EnrolmentState.ACTIVE]
    shown = DEFAULT_ROWS if limit is None and form is Format.TABLE else limit
    # one more than is shown tells whether there are more
    asked = None if shown is None else shown + 1
    with ledger(settings) as connection, enrolments(connection, scenario, states, limit=asked) as found:
        listed: Iterator[ListedEnrolment] = islice(found, shown)
        if form is Format.TABLE:
            listed = iter(with_readable_keys(listed, settings.zone))
        show(listed, COLUMNS, of=ListedEnrolment, form=form, zone=settings.zone)
        is_cut = next(found, None) is not None
    if is_cut:
        errors().print(
            f"the latest {counted(shown or 0, 'enrolment')}; --limit shows more, --format csv all", highlight=False
        )
