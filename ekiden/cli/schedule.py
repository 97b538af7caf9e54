"""`ekiden plan | send | rows | show`: the ledger from planning to lineage."""

import json
import sys
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from ekiden.cli.options import (
    DEFAULT_ROWS,
    CustomerOption,
    DueFromOption,
    DueToOption,
    ScenarioOption,
    ShownOption,
    StepOption,
    due_days,
)
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, day, ledger, now
from ekiden.delivery.channels import carriers_for
from ekiden.delivery.contents import ContentsBroken
from ekiden.delivery.pauses import open_pauses
from ekiden.delivery.send import SendCounts
from ekiden.delivery.worker import CarrierReport, send_all_due
from ekiden.insights.lineage import MessageLineage, lineage, masked_lineage
from ekiden.insights.lineage_wording import describe
from ekiden.schedule.held import EligibilityCount
from ekiden.schedule.missed import find_missed_days, span
from ekiden.schedule.plan import PlanReport, plan
from ekiden.schedule.rows import RowCount, RowFilter, RowState, ScheduleRow, count, search, summary
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
MEANING_COLUMNS = (
    "scenario_code",
    "step_no",
    "state",
    "reason",
    "rows",
    "people",
    "still_eligible",
    "entry_no_longer_holds",
    "stop_holds",
    "anchor_gone",
    "not_known",
)
COUNTED_ROWS = 10_000
"""Rows counted beyond those that are shown: nobody pages through more, and they are counted in a moment."""


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("plan")(plan_days)
    app.command()(send)
    app.command()(rows)
    app.command("show")(show_message)


def plan_days(
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Local day to plan; default today. A coming day is left for its own planning."
        ),
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", "--first-day", formats=["%Y-%m-%d"], help="First of several days.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", "--last-day", formats=["%Y-%m-%d"], help="Last of several days.")
    ] = None,
    missed: Annotated[bool, typer.Option("--missed", help="The days that no plan covered whole, in one run.")] = False,
    scenario: Annotated[list[str] | None, typer.Option(help="Only these scenario codes.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Report what it would do; change nothing.")] = False,
    actor: ActorOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Plan a day or a range of missed days; what is due before today is held, unless its scenario says otherwise.

    By past_date_policy: skip (no row is made) or send_now (the next send sends it).
    """
    if bool(date) + bool(first or last) + missed > 1:
        raise typer.BadParameter("give either --date, or --from and --to, or --missed")
    if bool(first) != bool(last):
        raise typer.BadParameter("--from and --to belong together")
    settings = Settings()
    moment = now()
    chosen = first or date
    first_day = chosen.date() if chosen else settings.local_date(moment)
    last_day = last.date() if last else first_day
    if last_day < first_day:
        raise typer.BadParameter(f"--to {last_day} is before --from {first_day}")
    if last_day > settings.local_date(moment):
        ahead = "to look ahead: `ekiden audience SCENARIO --on DAY`"
        complain("note", f"days after today are left for their own planning; {ahead}")
    with ledger(settings) as connection:
        if missed:
            found = find_missed_days(connection, now=moment, settings=settings)
            days = span(found)
            if days is None:
                errors().print("no day was missed")
                if form is not Format.TABLE:
                    show((), (), of=EligibilityCount, form=form, zone=settings.zone)
                return
            for each in found:
                errors().print(str(each), highlight=False, markup=False)
            first_day, last_day = days
        report = plan(
            connection,
            first_day,
            last_day,
            now=moment,
            settings=settings,
            context=acting_as(actor),
            scenarios=scenario,
            dry_run=dry_run,
        )
    _tell_plan(report)
    if report.meaning is None:
        show(report.created, COUNT_COLUMNS, of=RowCount, form=form, zone=settings.zone)
    else:
        show(report.meaning, MEANING_COLUMNS, of=EligibilityCount, form=form, zone=settings.zone)
    if dry_run:
        errors().print("dry run: nothing was changed")
    if report.broken:
        raise typer.Exit(1)


def _tell_plan(report: PlanReport) -> None:
    for broken in report.broken:
        complain("left out", broken)
    superseded = f", {report.superseded} superseded" if report.superseded else ""
    expired = f", {report.expired} holds expired" if report.expired else ""
    errors().print(
        f"{report.enrolled} entered, {report.ready} rows ready, {report.held} held, {report.cancelled} cancelled"
        + superseded
        + expired
    )
    for decision in report.turned_away:
        # a whole scenario that was not considered turns nobody away
        customers = f"{decision.customers} " if decision.customers else ""
        errors().print(f"{decision.scenario_code}: {customers}{decision.rule}", highlight=False)


def send(
    due_date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only rows due on this day.")] = None,
    actor: ActorOption = None,
) -> None:
    """Send until nothing is due, by every channel that is configured."""
    settings = Settings()
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=errors(), transient=True)
    carriers = carriers_for(settings, clock=now)
    total = SendCounts()
    is_left = False

    def take_in(done: CarrierReport) -> None:
        nonlocal total, is_left
        total += done.report.counts
        if wait := done.report.wait:
            is_left = True
            until = wait.until.astimezone(settings.zone)
            name = done.carrier.channel.name
            complain("note", f"{name} is left alone until {until:%H:%M:%S}, its messages stay ready: {wait.reason}")

    broken: ContentsBroken | None = None
    with ledger(settings) as connection:
        with progress:
            task = progress.add_task("sending")
            try:
                send_all_due(
                    connection,
                    carriers=carriers,
                    settings=settings,
                    clock=now,
                    context=acting_as(actor),
                    due_dates=(day(due_date),),
                    progress=lambda carrier, counts: progress.update(
                        task, description=f"{carrier.channel.name}: sent {counts.sent}, skipped {counts.skipped}"
                    ),
                    tell=take_in,
                )
            except ContentsBroken as error:
                # everything else was sent, and is counted
                broken = error
        pauses = open_pauses(connection, zone=settings.zone)
    parts = [f"{value} {name.replace('_', ' ')}" for name, value in asdict(total).items() if value]
    console().print(", ".join(parts) or ("nothing was sent" if is_left or broken or pauses else "nothing is due"))
    if total.skipped:
        complain("note", "why some were skipped: `ekiden rows --state skipped`, and `ekiden why` of one customer")
    if broken:
        raise broken
    for pause in pauses:
        complain("note", pause)
    if any(pause.scenario_code is None for pause in pauses):
        raise typer.Exit(1)


def rows(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    step: StepOption = None,
    state: Annotated[RowState | None, typer.Option(help="State of the rows.")] = None,
    reason: Annotated[str | None, typer.Option(help="Reason, like past_due.")] = None,
    due_from: DueFromOption = None,
    due_to: DueToOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    counts: Annotated[bool, typer.Option("--summary", help="Count by scenario, step and state instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Search schedule rows."""
    settings = Settings()
    row_filter = RowFilter(scenario, customer, step, state, reason, *due_days(due_from, due_to))
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        if counts:
            counted = summary(connection, row_filter)
            show(counted, COUNT_COLUMNS, of=RowCount, form=form, zone=settings.zone)
            return
        found = search(connection, row_filter, limit=limit)
        # a ledger of years is not counted to show a screen of it
        most = limit + COUNTED_ROWS
        total = count(connection, row_filter, most=most) if len(found) == limit else len(found)
    show(found, ROW_COLUMNS, of=ScheduleRow, form=form, zone=settings.zone)
    if total > len(found):
        of = f"at least {total}" if total == most else total
        errors().print(f"{len(found)} of {of} rows; --limit shows more, --summary counts them all", highlight=False)


def show_message(
    message: Annotated[UUID, typer.Argument(help="Message id, as `ekiden rows --state sent` shows it.")],
    unmask: Annotated[bool, typer.Option(help="Show the whole address.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show where a message comes from: orders, plan, release, consent, content, file."""
    settings = Settings()
    with ledger(settings) as connection:
        found = lineage(connection, message)
    if not unmask:
        found = masked_lineage(found)
    if form is Format.TABLE:
        console().print(describe(found, settings))
        return
    if form is Format.CSV:
        flat = replace(found, anchor_lines=(), transitions=(), events=())
        show([flat], (), of=MessageLineage, form=form, zone=settings.zone)
        return
    sys.stdout.write(json.dumps(asdict(found), default=str, ensure_ascii=False, indent=2) + "\n")
