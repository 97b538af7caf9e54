"""`ekiden pause | resume`: the emergency stop of sending, and on again.

Does not belong here: how sending stands (`status`), and what the guards pause for (`check`).
"""

from typing import Annotated

import typer

from ekiden.cli.output import complain, console, errors
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows
from ekiden.delivery.pauses import open_pauses
from ekiden.delivery.pauses import pause as pause_sending
from ekiden.delivery.pauses import resume as resume_sending
from ekiden.insights.status import deployment_status
from ekiden.settings import Settings

ScenarioArgument = Annotated[str | None, typer.Argument(help="Scenario code.")]
ReasonOption = Annotated[str, typer.Option(help="Why; kept with the pause.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(pause)
    app.command()(resume)


def pause(
    reason: ReasonOption,
    scenario: ScenarioArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="All sending and exporting.")] = False,
    actor: ActorOption = None,
) -> None:
    """Stop sending at once, of one scenario or (--all) of everything; running senders stop with their next claim."""
    if everything == bool(scenario):
        raise typer.BadParameter("name a scenario, or --all for all sending")
    with ledger(Settings()) as connection:
        made = pause_sending(connection, scenario, reason=reason, now=utc_now(), context=acting_as(actor))
    console().print(f"paused: {made.scope}; to go on: {made.resume_command}", highlight=False, markup=False)


def resume(
    reason: ReasonOption,
    scenario: ScenarioArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="What pauses all sending, as without a scenario; scenarios' own pauses stay.")
    ] = False,
    actor: ActorOption = None,
) -> None:
    """Go on sending, after `ekiden pause` or after a guard; what a guard found is thereby known and pauses no more."""
    if everything and scenario:
        raise typer.BadParameter("name a scenario, or --all, not both")
    settings = Settings()
    with ledger(settings) as connection:
        ended = resume_sending(connection, scenario, reason=reason, now=utc_now(), context=acting_as(actor))
        left = open_pauses(connection, zone=settings.zone)
        late = deployment_status(connection, now=utc_now(), settings=settings).rows.late
    for each in ended:
        console().print(f"resumed: {each.scope}, which {each.paused_by} had paused: {each.reason}", markup=False)
    if not ended:
        console().print(f"{scenario or 'all sending'} was not paused", highlight=False, markup=False)
    for each in left:
        complain("still", each)
    if late:
        errors().print(f"{counted_rows(late)} too late by now: held by the next send, until `ekiden release`")
