"""`ekiden decisions`: what was decided of whom, and by which rule."""

from datetime import datetime
from typing import Annotated

import typer

from ekiden.cli.options import MOST, CustomerOption, ScenarioOption
from ekiden.cli.output import Format, FormatOption, errors, show
from ekiden.cli.session import day, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted
from ekiden.insights.decisions import Decision, DecisionFilter, RuleCount, bounded, count_by_rule, decisions
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

COLUMNS = ("day", "scenario_code", "customer_id", "step_no", "decision", "rule", "other_scenario_code", "rule_in_words")
COUNT_COLUMNS = ("scenario_code", "decision", "rule", "decisions", "rule_in_words")
DAYS = "of a row its due date, else the planned day, whenever it was decided"
"""What day a decision is about."""
SHOWN = 50
"""Decisions shown unless asked otherwise: about a screen."""


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("decisions")(show_decisions)


def show_decisions(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day. Default: today, with --customer the first ever."),
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what this rule decided, like outranked.")] = None,
    summary: Annotated[
        bool,
        typer.Option("--summary", help=f"Count by scenario and rule instead, by the day that it is about: {DAYS}."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Most decisions to show.")] = SHOWN,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what was decided of customers, scenarios, steps and days, and by which rule first."""
    settings = Settings()
    first_day, last_day = day(first), day(last)
    if first_day and last_day and last_day < first_day:
        raise typer.BadParameter(f"--to {last_day} is before --from {first_day}")
    wanted = bounded(
        DecisionFilter(scenario, customer, first_day, last_day, rule), today=settings.local_date(utc_now())
    )
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        errors().print(f"decisions about {_days_in_words(wanted)}: {DAYS}", highlight=False)
        if summary:
            counts = count_by_rule(connection, wanted)
            show(counts, COUNT_COLUMNS, of=RuleCount, form=form, zone=settings.zone)
            return
        found = decisions(connection, wanted, limit=limit + 1)
    show(found[:limit], COLUMNS, of=Decision, form=form, zone=settings.zone)
    if len(found) > limit:
        errors().print(f"the first {counted(limit, 'decision')}; --limit shows more, --summary counts them")


def _days_in_words(wanted: DecisionFilter) -> str:
    first, last = wanted.first_day, wanted.last_day
    if first and last:
        return f"{first}" if first == last else f"{first} to {last}"
    return f"{first} and later" if first else f"every day up to {last}" if last else "every day"
