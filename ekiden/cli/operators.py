"""`ekiden release | hold | complete | block | retry | reopen | delete`: one shape for all operator actions."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, day, ledger, now
from ekiden.schedule import operators
from ekiden.schedule.operators import DEFAULT_LIMIT, OperatorReport
from ekiden.schedule.rows import RowFilter, count, search
from ekiden.settings import Settings

SAMPLE_ROWS = 10
"""Rows shown of what an action would touch."""

ACTIONS: dict[str, tuple[Callable[..., OperatorReport], str, str | None]] = {
    "release": (
        operators.release,
        "Release held rows: they go out at today's step time, or now if it has passed.",
        "held",
    ),
    "hold": (operators.hold, "Hold ready rows until a person releases them.", "ready"),
    "complete": (operators.complete, "End rows by hand: nothing is sent and no next step follows.", None),
    "block": (operators.block, "Do not deliver: the customer never enters this scenario again.", None),
    "retry": (operators.retry, "Send failed rows again; a failed message was certainly not sent.", "failed"),
    "reopen": (operators.reopen, "Put blocked rows back under release control; needs --reason.", "blocked"),
    "delete": (operators.delete, "Delete rows softly; a customer left without rows may enter again.", None),
}


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for name, (action, explanation, state) in ACTIONS.items():
        app.command(name, help=explanation)(_command(name, action, state))


def _command(name: str, action: Callable[..., OperatorReport], state: str | None) -> Callable[..., None]:
    def run(
        scenario: Annotated[str | None, typer.Option(help="Scenario code.")] = None,
        customer: Annotated[str | None, typer.Option(help="Customer id.")] = None,
        step: Annotated[int | None, typer.Option(help="Step number.")] = None,
        due_from: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First due date.")] = None,
        due_to: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last due date.")] = None,
        reason: Annotated[str | None, typer.Option(help="Why; kept with the rows.")] = None,
        limit: Annotated[int, typer.Option(min=1, help="Refuse to touch more rows than this.")] = DEFAULT_LIMIT,
        everything: Annotated[bool, typer.Option("--all", help="Needed when no filter is given.")] = False,
        dry_run: Annotated[bool, typer.Option(help="Only show what would be touched.")] = False,
        actor: ActorOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        settings = Settings()
        row_filter = RowFilter(
            scenario,
            customer,
            step,
            state,
            due_from=day(due_from),
            due_to=day(due_to),
        )
        if row_filter == RowFilter(state=state) and not everything:
            raise typer.BadParameter("give a filter, or --all for every row")
        with ledger(settings) as connection:
            if dry_run:
                matched = count(connection, row_filter)
                sample = search(connection, row_filter, limit=SAMPLE_ROWS)
                columns = ("scenario_code", "customer_id", "step_no", "due_date", "state", "reason")
                show(sample, columns, form=form, zone=settings.zone)
                errors().print(f"{name} would look at {matched} rows; nothing was changed")
                return
            report = action(
                connection,
                row_filter,
                now=now(),
                settings=settings,
                context=acting_as(actor),
                limit=limit,
                reason=reason,
            )
        console().print(f"{report.changed} of {report.matched} matching rows changed by {name}")

    return run
