"""`ekiden check`: the ledger's invariants, the age of the data, and the guards; what is newly broken pauses sending."""

from dataclasses import dataclass

import typer

from ekiden.cli.output import Format, FormatOption, complain, console, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows
from ekiden.delivery.guards import check_before_sending, check_invariants
from ekiden.delivery.pauses import open_pauses
from ekiden.delivery.unknown.rows import UnknownFilter, unknown_rows
from ekiden.insights.status import deployment_status
from ekiden.insights.status_wording import to_settle
from ekiden.settings import Settings

SHOWN_UNKNOWN = 20
"""Rows named of those that a person has to settle, as of an invariant's offenders."""


@dataclass(frozen=True)
class CheckedInvariant:
    """Whether one of the ledger's invariants holds, and how many rows break it."""

    invariant: str
    holds: bool
    offenders: int


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(check)


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
