"""`ekiden scenario history`: what changed of a scenario, when, and by whom."""

from typing import Annotated

import typer

from ekiden.cli.output import Format, FormatOption, show
from ekiden.cli.session import ledger
from ekiden.scenarios.changes import ScenarioChange, changes_of
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

COLUMNS = ("changed_at", "setting", "step_no", "value_before", "value_after", "actor", "git_revision")


def register(to: typer.Typer) -> None:
    """Add this command to those of `ekiden scenario`."""
    to.command("history")(show_history)


def show_history(
    scenario: Annotated[str, typer.Argument(help="The scenario's code, as it is now.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what changed of a scenario, when and by whom: its settings, its versions and its steps' states."""
    settings = Settings()
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        found = changes_of(connection, scenario)
    show(found, COLUMNS, of=ScenarioChange, form=form, zone=settings.zone)
