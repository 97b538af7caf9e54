"""`ekiden plan`: today, another day, or the days that were missed."""

from datetime import datetime
from typing import Annotated

import typer

from ekiden.cli.held import ELIGIBLE_COLUMNS
from ekiden.cli.output import Format, FormatOption, complain, errors, show
from ekiden.cli.rows import COUNT_COLUMNS
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows
from ekiden.schedule.held import EligibilityCount
from ekiden.schedule.planning.missed import find_missed_days, span
from ekiden.schedule.planning.plan import PlanReport, plan
from ekiden.schedule.rows import RowCount
from ekiden.settings import Settings

MEANING_COLUMNS = ("scenario_code", "step_no", "state", "hold_reason", *ELIGIBLE_COLUMNS)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("plan")(plan_days)


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
    moment = utc_now()
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
    for broken in report.left_out:
        complain("left out", broken)
    for version in report.unanswered:
        complain("not stopped", version)
    superseded = f", {report.superseded} superseded" if report.superseded else ""
    expired = f", {report.expired} holds expired" if report.expired else ""
    errors().print(
        f"{report.enrolled} entered, {counted_rows(report.ready)} ready, {report.held} held"
        f", {report.cancelled} cancelled" + superseded + expired
    )
    for decision in report.turned_away:
        # a whole scenario that was not considered turns nobody away
        customers = f"{decision.customers} " if decision.customers else ""
        errors().print(f"{decision.scenario_code}: {customers}{decision.rule}", highlight=False)
