"""`ekiden status | pause | resume | check`: how sending stands, the emergency stop, and the guards."""

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.machine_readable import write_json
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows
from ekiden.delivery.guards import check_before_sending, check_invariants
from ekiden.delivery.pauses import Pause, open_pauses, pause_history
from ekiden.delivery.pauses import pause as pause_sending
from ekiden.delivery.pauses import resume as resume_sending
from ekiden.delivery.unknown.rows import UnknownFilter, unknown_rows
from ekiden.insights.status import WaitingRows, deployment_status
from ekiden.insights.status_wording import status_in_words, to_settle
from ekiden.settings import Settings

ScenarioArgument = Annotated[str | None, typer.Argument(help="Scenario code.")]
ReasonOption = Annotated[str, typer.Option(help="Why; kept with the pause.")]
PAUSE_COLUMNS = (
    *("scope", "cause", "reason", "paused_by", "paused_at"),
    *("resumed_by", "resumed_at", "resume_reason"),
)

SHOWN_UNKNOWN = 20
"""Rows named of those that a person has to settle, as of an invariant's offenders."""


@dataclass(frozen=True)
class CheckedInvariant:
    """Whether one of the ledger's invariants holds, and how many rows break it."""

    invariant: str
    holds: bool
    offenders: int


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(status)
    app.command()(pause)
    app.command()(resume)
    app.command()(check)


def status(
    history: Annotated[bool, typer.Option("--pauses", help="Every pause there was, instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is paused and why, what is due, held, failed or unknown, and what ran last."""
    settings = Settings()
    with ledger(settings) as connection:
        if history:
            show(pause_history(connection), PAUSE_COLUMNS, of=Pause, form=form, zone=settings.zone)
            return
        found = deployment_status(connection, now=utc_now(), settings=settings)
    if form is Format.TABLE:
        table = Table(show_header=False, box=None)
        for label, told in status_in_words(found, settings):
            table.add_row(label, Text(told))
        console().print(table)
        return
    if form is Format.CSV:
        show([found.rows], (), of=WaitingRows, form=form, zone=settings.zone)
        return
    write_json(found, settings.zone)


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


def check(actor: ActorOption = None, form: FormatOption = Format.TABLE) -> None:
    """Check the ledger's invariants and the age of the data; anything new that is broken pauses all sending."""
    settings = Settings()
    context = acting_as(actor)
    with ledger(settings) as connection:
        checks = check_invariants(connection, now=utc_now(), context=context)
        for lists in (False, True):
            check_before_sending(connection, settings, now=utc_now(), context=context, lists=lists)
        holding = [found for found in open_pauses(connection, zone=settings.zone) if found.scenario_code is None]
        stands = deployment_status(connection, now=utc_now(), settings=settings)
        past_limit = unknown_rows(
            connection, UnknownFilter(), now=utc_now(), unknown_after=settings.unknown_after, limit=SHOWN_UNKNOWN
        )
    stale, unsettled = stands.stale, stands.rows.unknown_past_limit
    lines = [CheckedInvariant(each.invariant.name, each.holds, each.found.total) for each in checks]
    if form is Format.TABLE:
        for line in lines:
            verdict = "holds" if line.holds else f"BROKEN by {counted_rows(line.offenders)}"
            console().print(f"{line.invariant}: {verdict}", highlight=False)
    else:
        show(lines, (), of=CheckedInvariant, form=form, zone=settings.zone)
    for each in checks:
        for row in each.found.first:
            told = ", ".join(f"{name} {value}" for name, value in zip(each.found.columns, row, strict=True))
            complain(each.invariant.name, told)
    for table in stale:
        complain("old data", table)
    for found in holding:
        complain("sending", found)
    if unsettled:
        complain("to settle", to_settle(unsettled, settings))
    for unknown in past_limit:
        if unknown.past_limit:
            complain("to settle", unknown)
    if stale or holding or unsettled or not all(each.holds for each in checks):
        raise typer.Exit(1)
