"""`ekiden unknown list | settle | settled`: messages of which nobody knows whether they were sent."""

from datetime import timedelta
from typing import Annotated

import typer

from ekiden.cli.options import (
    DEFAULT_ROWS,
    SAMPLE_ROWS,
    CustomerOption,
    DryRunOption,
    EverythingOption,
    RowOption,
    ScenarioOption,
    ShownOption,
    TouchedOption,
    YesOption,
    ask,
)
from ekiden.cli.output import Format, FormatOption, console, errors, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted_rows, these_rows
from ekiden.delivery.unknown.rows import (
    MOST_HOURS,
    Settled,
    UnknownCount,
    UnknownFilter,
    UnknownRow,
    unknown_counts,
    unknown_rows,
)
from ekiden.delivery.unknown.settle import Settlement, refuse_settling, settle, settlements
from ekiden.schedule.operating.operators import DEFAULT_LIMIT
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

ROW_COLUMNS = (
    *("past_limit", "posted_at", "scenario_code", "customer_id", "step_no", "to_address", "channel_name"),
    *("answer", "events", "message_id"),
)

SETTLED_COLUMNS = (
    *("contradicted", "settled_at", "settled_by", "settled_as", "reason", "scenario_code", "customer_id", "step_no"),
    *("state", "message_id"),
)

app = typer.Typer(help="Messages of which nobody knows whether they were sent.", no_args_is_help=True)

ChannelOption = Annotated[
    str | None, typer.Option(help="Channel of the step, like html_email, or what it goes by, like sendgrid.")
]
RunOption = Annotated[str | None, typer.Option(help="The send run that posted it: its id, or Dagster's.")]
OlderThanOption = Annotated[
    float | None,
    typer.Option(min=0, max=MOST_HOURS, metavar="HOURS", help="Only what was posted at least so many hours ago."),
]


def register(parent: typer.Typer) -> None:
    """Add these commands to the application."""
    parent.add_typer(app, name="unknown")


@app.command("list")
def list_unknown(
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    channel: ChannelOption = None,
    run: RunOption = None,
    older_than: OlderThanOption = None,
    row: RowOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is known of each: what was posted when and by whom, the answer, the provider's events; oldest first."""
    settings = Settings()
    chosen = _chosen(scenario, customer, channel, run, older_than, row)
    at = utc_now()
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        found = unknown_rows(connection, chosen, now=at, unknown_after=settings.unknown_after, limit=limit)
        counts = unknown_counts(connection, chosen, now=at, unknown_after=settings.unknown_after)
    show(found, ROW_COLUMNS, of=UnknownRow, form=form, zone=settings.zone)
    _tell_counts(counts, settings)


@app.command("settled")
def list_settled(
    limit: ShownOption = DEFAULT_ROWS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what people said of them, the latest first; contradicted: the provider had what was called not sent."""
    settings = Settings()
    with ledger(settings) as connection:
        found = settlements(connection, limit=limit)
    show(found, SETTLED_COLUMNS, of=Settlement, form=form, zone=settings.zone)


@app.command("settle")
def settle_unknown(
    settled: Annotated[Settled, typer.Argument(help="What became of them.")],
    scenario: ScenarioOption = None,
    customer: CustomerOption = None,
    channel: ChannelOption = None,
    run: RunOption = None,
    older_than: OlderThanOption = None,
    row: RowOption = None,
    reason: Annotated[str | None, typer.Option(help="How you know; kept with the rows. Needed.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="With not-sent: send them again at once, instead of leaving them failed.")
    ] = False,
    limit: TouchedOption = DEFAULT_LIMIT,
    everything: EverythingOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    actor: ActorOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say what became of them: sent (recorded, the next step follows) or not-sent (failed, until `ekiden retry`)."""
    settings = Settings()
    chosen = _chosen(scenario, customer, channel, run, older_than, row)
    if chosen.is_for_all and not (everything or dry_run):
        raise typer.BadParameter("give a filter, or --all for every row")
    at = utc_now()
    with ledger(settings) as connection:
        refuse_unknown(connection, scenario)
        counts = unknown_counts(connection, chosen, now=at, unknown_after=settings.unknown_after)
        matched = sum(count.rows for count in counts)
        sample = unknown_rows(connection, chosen, now=at, unknown_after=settings.unknown_after, limit=SAMPLE_ROWS)
        if dry_run:
            show(sample, ROW_COLUMNS, of=UnknownRow, form=form, zone=settings.zone)
            _tell_counts(counts, settings)
            errors().print(f"settle {settled} would look at {counted_rows(matched)}; nothing was changed")
            return
        refuse_settling(settled, reason=reason, retry_them=retry, matched=matched, limit=limit)
        if matched:
            _confirm(settled, counts, sample, settings, matched, yes=yes)
        report = settle(
            connection,
            settled,
            chosen,
            now=utc_now(),
            settings=settings,
            context=acting_as(actor),
            reason=reason or "",
            limit=limit,
            retry_them=retry,
        )
    retried = f", {report.retried} of them to be sent again" if retry else ""
    console().print(f"{report.changed} of {report.matched} matching rows settled as {settled}{retried}")
    for left in report.not_changed:
        errors().print(str(left), highlight=False, markup=False)


def _chosen(
    scenario: str | None,
    customer: str | None,
    channel: str | None,
    run: str | None,
    older_than: float | None,
    row: list[str] | None,
) -> UnknownFilter:
    posted_until = None if older_than is None else utc_now() - timedelta(hours=older_than)
    return UnknownFilter(scenario, customer, channel, run, posted_until, tuple(row or ()))


def _tell_counts(counts: tuple[UnknownCount, ...], settings: Settings) -> None:
    for count in counts:
        told = f"{count.scenario_code}, step {count.step_no}, {count.channel_name}, {count.standing}: {count.rows}"
        if count.past_limit:
            told += f", {count.past_limit} of them for more than {_hours(settings.unknown_after)}"
        errors().print(told, highlight=False, markup=False)


def _hours(limit: timedelta) -> str:
    return f"{limit.total_seconds() / 3600:g} hours"


def _confirm(
    settled: Settled,
    counts: tuple[UnknownCount, ...],
    sample: list[UnknownRow],
    settings: Settings,
    matched: int,
    *,
    yes: bool,
) -> None:
    """Show what would be touched and ask; ends the command if the answer is no, or nobody can give one."""
    if yes:
        return
    _tell_counts(counts, settings)
    show(sample, ROW_COLUMNS, of=UnknownRow, form=Format.TABLE, zone=settings.zone, on=errors())
    ask(
        f"settle {these_rows(matched)} as {settled}?",
        otherwise=f"settle {settled} would touch {these_rows(matched)}; say --yes to do it",
    )
