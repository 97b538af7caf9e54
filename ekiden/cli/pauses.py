"""`ekiden status | pause | resume | check`: how sending stands, the emergency stop, and the guards."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, ledger, now
from ekiden.delivery.guards import check_before_sending, check_invariants
from ekiden.delivery.pauses import open_pauses, pause_history
from ekiden.delivery.pauses import pause as pause_sending
from ekiden.delivery.pauses import resume as resume_sending
from ekiden.delivery.unknown import UnknownFilter, unknown_rows
from ekiden.insights.standing import LATENCY_OVER, LastRun, Standing, standing
from ekiden.settings import Settings

ScenarioArgument = Annotated[str | None, typer.Argument(help="Scenario code.")]
ReasonOption = Annotated[str, typer.Option(help="Why; kept with the pause.")]
PAUSE_COLUMNS = (
    *("scope", "cause", "reason", "paused_by", "paused_at"),
    *("resumed_by", "resumed_at", "resume_reason"),
)

SHOWN_UNKNOWN = 20
"""Rows named of those that a person has to settle, as of an invariant's offenders."""


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
            show(pause_history(connection), PAUSE_COLUMNS, form=form, zone=settings.zone)
            return
        found = standing(connection, now=now(), settings=settings)
    if form is Format.TABLE:
        table = Table(show_header=False, box=None)
        for label, told in _lines(found, settings):
            table.add_row(label, Text(told))
        console().print(table)
        return
    if form is Format.CSV:
        show([found.rows], (), form=form, zone=settings.zone)
        return
    sys.stdout.write(json.dumps(asdict(found), default=str, ensure_ascii=False, indent=2) + "\n")


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
        made = pause_sending(connection, scenario, reason=reason, now=now(), context=acting_as(actor))
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
        ended = resume_sending(connection, scenario, reason=reason, now=now(), context=acting_as(actor))
        left = open_pauses(connection)
        late = standing(connection, now=now(), settings=settings).rows.late
    for each in ended:
        console().print(f"resumed: {each.scope}, which {each.paused_by} had paused: {each.reason}", markup=False)
    if not ended:
        console().print(f"{scenario or 'all sending'} was not paused", highlight=False, markup=False)
    for each in left:
        complain("still", each)
    if late:
        errors().print(f"{late} rows are too late by now: the next send holds them, until `ekiden release`")


def check(actor: ActorOption = None, form: FormatOption = Format.TABLE) -> None:
    """Check the ledger's invariants and the age of the data; anything new that is broken pauses all sending."""
    settings = Settings()
    context = acting_as(actor)
    with ledger(settings) as connection:
        checks = check_invariants(connection, now=now(), context=context)
        for lists in (False, True):
            check_before_sending(connection, settings, now=now(), context=context, lists=lists)
        holding = [found for found in open_pauses(connection) if found.scenario_code is None]
        stands = standing(connection, now=now(), settings=settings)
        past_limit = unknown_rows(
            connection, UnknownFilter(), now=now(), unknown_after=settings.unknown_after, limit=SHOWN_UNKNOWN
        )
    stale, unsettled = stands.stale, stands.rows.unknown_past_limit
    lines = [{"invariant": each.invariant.name, "holds": each.holds, "offenders": each.found.total} for each in checks]
    if form is Format.JSON:
        sys.stdout.write(json.dumps(lines, indent=2) + "\n")
    else:
        for line in lines:
            verdict = "holds" if line["holds"] else f"BROKEN by {line['offenders']} rows"
            console().print(f"{line['invariant']}: {verdict}", highlight=False)
    for each in checks:
        for row in each.found.first:
            told = ", ".join(f"{name} {value}" for name, value in zip(each.found.columns, row, strict=True))
            complain(each.invariant.name, told)
    for table in stale:
        complain("old data", table)
    for found in holding:
        complain("sending", found)
    if unsettled:
        complain("to settle", _to_settle(unsettled, settings))
    for unknown in past_limit:
        if unknown.past_limit:
            complain("to settle", unknown)
    if stale or holding or unsettled or not all(each.holds for each in checks):
        raise typer.Exit(1)


def _lines(found: Standing, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what a person reads: a label and what there is to say."""
    for each in found.pauses:
        since = _local(each.paused_at, settings)
        yield "paused", f"{each.scope}, by {each.paused_by} since {since}: {each.reason} ({each.resume_command})"
    if not found.pauses:
        yield "paused", "nothing"
    rows = found.rows
    yield "due now", f"{rows.due} rows" + (f", and {rows.due_paused} paused" if rows.due_paused else "")
    if rows.late:
        yield "too late", f"{rows.late} of them: the next send holds them, until `ekiden release`"
    for waiting in found.not_carried:
        since = _local(waiting.oldest_send_at, settings)
        yield (
            "no channel",
            f"{waiting.rows} rows of {waiting.channel} due since {since}: configure it (docs/channels.md)",
        )
    yield "ready later", f"{rows.ready_later} rows"
    yield "held", f"{rows.held} rows"
    yield "failed", f"{rows.failed} rows"
    yield "on their way", f"{rows.on_their_way} rows"
    if rows.unknown:
        yield "unknown", f"{rows.unknown} rows: nobody knows whether they were sent; they are never repeated"
    if rows.unknown_past_limit:
        yield "to settle", _to_settle(rows.unknown_past_limit, settings)
    if rows.lost:
        yield "lost", f"{rows.lost} rows: their sender is gone, the next send settles them"
    hours = f"{LATENCY_OVER.total_seconds() / 3600:g} hours"
    yield "due to sent", f"{found.latency or 'nothing was sent'} in the last {hours}"
    if rows.lists_due:
        yield "lists", f"{rows.lists_due} rows for `ekiden export`"
    ran = {run.kind: run for run in found.last_runs}
    for kind in ("plan", "send", "export"):
        if kind in ran or kind != "export":
            yield f"last {kind}", _run(ran[kind], settings) if kind in ran else "never"
    for missed in found.missed:
        yield "missed days", f"{missed}: `ekiden plan --missed`"
    yield "last build", _local(found.last_build_at, settings) if found.last_build_at else "never"
    for table in found.stale:
        yield "old data", str(table)


def _to_settle(rows: int, settings: Settings) -> str:
    hours = f"{settings.unknown_after.total_seconds() / 3600:g}"
    return f"{rows} rows unknown for more than {hours} hours: `ekiden unknown list`, then `ekiden unknown settle`"


def _run(run: LastRun, settings: Settings) -> str:
    days = f" of {run.partition_from} to {run.partition_to}" if run.partition_from else ""
    if run.finished_at is None:
        return f"{_local(run.started_at, settings)} by {run.actor}{days}: not finished"
    return f"{_local(run.finished_at, settings)} by {run.actor}{days}: {run.outcome}"


def _local(moment: datetime, settings: Settings) -> str:
    return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}"
