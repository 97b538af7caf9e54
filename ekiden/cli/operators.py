"""`ekiden release | hold | complete | block | retry | reopen | delete`: one shape for all operator actions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated

import typer

from ekiden.cli.options import (
    MOST,
    SAMPLE_ROWS,
    CustomerOption,
    DryRunOption,
    DueFromOption,
    DueToOption,
    EverythingOption,
    HoldReasonOption,
    RowOption,
    ScenarioOption,
    StepOption,
    TouchedOption,
    YesOption,
    ask,
    due_days,
)
from ekiden.cli.output import Format, FormatOption, complain, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted, counted_rows, these_rows
from ekiden.delivery.pauses import open_pauses
from ekiden.delivery.unknown.carried import CarriedRow, carried_rows, said_of_arrived
from ekiden.schedule.operating.actions import ACTIONS, Action, in_another_state
from ekiden.schedule.operating.operators import (
    DEFAULT_LIMIT,
    Preview,
    applicable,
    due_later,
    operate,
    preview,
    refuse_order,
)
from ekiden.schedule.operating.without_rows import STANDINGS, WithoutRow
from ekiden.schedule.rows import RowFilter, RowState, ScheduleRow
from ekiden.settings import Settings

SAMPLE_COLUMNS = ("scenario_code", "customer_id", "step_no", "due_date", "state", "reason")
WITHOUT_ROW_COLUMNS = ("scenario_code", "customer_id", "standing", "due_date", "anchor_kind", "anchor_key")
CARRIED_COLUMNS = ("scenario_code", "customer_id", "step_no", "reason", "events", "message_id")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for action in ACTIONS.values():
        app.command(action.name, help=action.explanation)(_command(action))


def _command(action: Action) -> Callable[..., None]:
    def run(
        scenario: ScenarioOption = None,
        customer: CustomerOption = None,
        step: StepOption = None,
        state: Annotated[
            list[RowState] | None, typer.Option(help=f"Only rows in this state: {', '.join(action.states)}.")
        ] = None,
        hold_reason: HoldReasonOption = None,
        row_reason: Annotated[
            str | None, typer.Option(help="Only rows that have this reason, as `ekiden rows --reason` finds them.")
        ] = None,
        due_from: DueFromOption = None,
        due_to: DueToOption = None,
        row: RowOption = None,
        first: Annotated[
            int | None, typer.Option(min=1, max=MOST, help="Only so many rows, the oldest due first.")
        ] = None,
        reason: Annotated[str | None, typer.Option(help="Why; kept with the rows.")] = None,
        limit: TouchedOption = DEFAULT_LIMIT,
        everything: EverythingOption = False,
        dry_run: DryRunOption = False,
        yes: YesOption = False,
        actor: ActorOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        settings = Settings()
        first_day, last_day = due_days(due_from, due_to)
        asked = RowFilter(
            scenario=scenario,
            customer=customer,
            step_no=step,
            reason=row_reason,
            due_from=first_day,
            due_to=last_day,
            states=tuple(state or ()),
            rows=tuple(row or ()),
            first=first,
            hold_reasons=tuple(hold_reason or ()),
        )
        if asked.is_for_all and not (everything or dry_run):
            raise typer.BadParameter(
                "--state, --hold-reason and --row-reason alone are of every scenario: give another filter as well, "
                "or --all"
                if state or hold_reason or row_reason
                else "give a filter, or --all for every row"
            )
        row_filter = applicable(action, asked)
        with ledger(settings) as connection:
            found = preview(connection, action, row_filter, sample=SAMPLE_ROWS)
            today = settings.local_date(utc_now())
            early = due_later(connection, action, row_filter, today=today)
            carried = carried_rows(connection, row_filter, limit=SAMPLE_ROWS) if said_of_arrived(action) else []
            if dry_run:
                show(found.sample, SAMPLE_COLUMNS, of=ScheduleRow, form=form, zone=settings.zone)
                _tell_counts(found)
                _show_without_rows(found, settings)
                _tell_early(early, today)
                _tell_carried(action, carried, settings)
                errors().print(f"{action.name} would look at {_in_all(found, counted_rows)}; nothing was changed")
                return
            refuse_order(
                action,
                reason=reason,
                limit=limit,
                matched=found.matched,
                without_rows=found.matched_without_rows,
            )
            if not found.touched:
                _say_why_nothing(action, preview(connection, action, replace(asked, first=None), sample=0))
                return
            _tell_carried(action, carried, settings)
            _confirm(action, found, settings, early=early, today=today, yes=yes)
            report = operate(
                connection,
                action,
                row_filter,
                now=utc_now(),
                settings=settings,
                context=acting_as(actor),
                limit=limit,
                reason=reason,
            )
            pauses = open_pauses(connection, zone=settings.zone)
        if report.matched or not report.without_rows:
            console().print(f"{report.changed} of {report.matched} matching rows changed by {action.name}")
        if report.without_rows:
            changed = f"{report.without_rows_changed} of {report.without_rows}"
            console().print(f"{changed} matching enrolments without a row changed by {action.name}")
        for left in report.not_changed:
            errors().print(str(left), highlight=False, markup=False)
        if report.due_later:
            complain(
                "note",
                f"{report.due_later} of them are due after {today} and go out before their day; to keep them: "
                f"ekiden hold --due-from {today + timedelta(days=1)}, narrowed to these rows",
            )
        for pause in pauses:
            complain("note", pause)

    return run


def _say_why_nothing(action: Action, found: Preview) -> None:
    """Say in which states the rows are that match, but that the action does not apply to."""
    states: Counter[str] = Counter()
    for count in found.counts:
        states[count.state] += count.rows
    console().print(f"0 of {found.matched} matching rows changed by {action.name}")
    for state, rows in states.most_common():
        errors().print(str(in_another_state(action, state, rows)), highlight=False, markup=False)


def _confirm(action: Action, found: Preview, settings: Settings, *, early: int, today: date, yes: bool) -> None:
    """Show what would be touched and ask; ends the command if the answer is no, or nobody can give one."""
    if yes:
        return
    _tell_counts(found)
    _tell_early(early, today)
    if found.sample:
        show(found.sample, SAMPLE_COLUMNS, of=ScheduleRow, form=Format.TABLE, zone=settings.zone, on=errors())
    _show_without_rows(found, settings)
    these = _in_all(found, these_rows)
    ask(f"{action.name} {these}?", otherwise=f"{action.name} would touch {these}; say --yes to do it")


def _in_all(found: Preview, rows_in_words: Callable[[int], str]) -> str:
    """Return what was found, in words; of what there is none, no word."""
    without_rows = found.matched_without_rows
    if not without_rows:
        return rows_in_words(found.matched)
    enrolments = f"{counted(without_rows, 'enrolment')} without a row"
    return f"{rows_in_words(found.matched)} and {enrolments}" if found.matched else enrolments


def _show_without_rows(found: Preview, settings: Settings) -> None:
    """Show enrolments that have no row which could be in a table of rows, and how they stand."""
    if found.first_without_rows:
        shown = [replace(each, standing=STANDINGS[each.standing]) for each in found.first_without_rows]
        show(shown, WITHOUT_ROW_COLUMNS, of=WithoutRow, form=Format.TABLE, zone=settings.zone, on=errors())


def _tell_early(rows: int, today: date) -> None:
    """Say how many rows would go out before their due date, and how they stay held."""
    if rows:
        complain(
            "note",
            f"{rows} of them are due after {today} and would go out before their day; to leave them held: "
            f"--due-to {today}",
        )


def _tell_carried(action: Action, carried: list[CarriedRow], settings: Settings) -> None:
    """Say which rows have arrived, by what the provider told, and what the action does to them."""
    if carried:
        complain("note", f"{carried[0].rows} {said_of_arrived(action)}")
        show(carried, CARRIED_COLUMNS, of=CarriedRow, form=Format.TABLE, zone=settings.zone, on=errors())


def _tell_counts(found: Preview) -> None:
    for count in found.counts:
        state = f"{count.state} ({count.hold_reason})" if count.hold_reason else count.state
        errors().print(
            f"{count.scenario_code}, step {count.step_no}, {state}: {count.rows}", highlight=False, markup=False
        )
    for rowless in found.without_rows:
        errors().print(str(rowless), highlight=False, markup=False)
