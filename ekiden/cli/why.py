"""`ekiden why`: why a customer is in a scenario, or is not."""

from typing import Annotated

import typer

from ekiden.cli.asking import OnOption, ScenarioArgument, asked_moment
from ekiden.cli.machine_readable import write_json
from ekiden.cli.output import Format, FormatOption, console
from ekiden.cli.session import ledger
from ekiden.insights.explanation.tree import explanation_tree
from ekiden.insights.why import why as explain_why
from ekiden.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("why")(why)


def why(
    scenario: ScenarioArgument,
    customer: Annotated[str, typer.Argument(help="Customer id.")],
    on: OnOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Explain every anchor, also those that decide nothing now.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Explain why a customer is in a scenario, or is not: every condition, when it holds, and what comes next."""
    if form is Format.CSV:
        raise typer.BadParameter("a tree is no table: --format table or json")
    settings = Settings()
    asked = asked_moment(on, settings)
    with ledger(settings) as connection:
        explanation = explain_why(connection, scenario, customer, asked, settings=settings, everything=everything)
    if form is Format.JSON:
        write_json(explanation, settings.zone)
    else:
        console().print(explanation_tree(explanation, settings.zone, everything=everything), soft_wrap=True)
