"""`ekiden opt-out add | list | withdraw`, `ekiden suppressions list | sync`: who is not to be written to."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection

from ekiden.cli.options import DEFAULT_ROWS, ShownOption
from ekiden.cli.output import Format, FormatOption, complain, console, show
from ekiden.cli.session import ActorOption, acting_as, ledger
from ekiden.clock import utc_now
from ekiden.counting import counted
from ekiden.database.again import again
from ekiden.delivery.consent.opt_out_file import read_opt_outs
from ekiden.delivery.consent.opt_outs import (
    NewOptOut,
    OptOut,
    OptOutChannel,
    OptOutFilter,
    find_opt_outs,
    is_customer,
    opt_out,
    withdraw,
)
from ekiden.delivery.consent.suppressions import Suppression, find_suppressions, lists_for
from ekiden.delivery.consent.suppressions import sync as sync_lists
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings

OPT_OUT_COLUMNS = (
    *("opt_out_id", "customer_id", "address", "channel", "site", "source", "opted_out_at"),
    *("recorded_by", "reason", "withdrawn_at", "withdrawn_by", "withdraw_reason"),
)
SUPPRESSION_COLUMNS = ("customer_id", "address", "reason", "source", "suppressed_at")

LARGEST_ID = 2**63 - 1
"""PostgreSQL's bigint ends there."""

opt_out_app = typer.Typer(help="Who has asked not to be written to, by what.", no_args_is_help=True)
suppressions_app = typer.Typer(help="The suppression list, which no setting overrides.", no_args_is_help=True)

CustomerOption = Annotated[str | None, typer.Option(help="Customer id: every address of theirs.")]
AddressOption = Annotated[str | None, typer.Option(help="Address, whichever customer has it.")]
ChannelOption = Annotated[OptOutChannel | None, typer.Option(help="Only this channel; default: every one.")]
SiteOption = Annotated[str | None, typer.Option(help="Only this site, as scenarios name it; default: every one.")]


def register(parent: typer.Typer) -> None:
    """Add these commands to the application."""
    parent.add_typer(opt_out_app, name="opt-out")
    parent.add_typer(suppressions_app, name="suppressions")


@opt_out_app.command("add")
def add(
    customer: CustomerOption = None,
    address: AddressOption = None,
    channel: ChannelOption = None,
    site: SiteOption = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV with customer_id or address (docs/consent.md), instead."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="How it reached you; kept with it.")] = None,
    actor: ActorOption = None,
) -> None:
    """Record that somebody does not want to be written to; told twice, it stands once."""
    if (file is not None) == bool(customer or address):
        raise typer.BadParameter("say who: --customer, --address or both; or --file")
    if file is not None and (channel or site or reason):
        raise typer.BadParameter("a file says channel, site and reason for itself: leave out the options")
    settings, context = Settings(), acting_as(actor)
    with ledger(settings) as connection:
        if file is not None:
            added = again(connection, partial(_add_file, connection, file, settings, context.actor))
        else:
            asked = NewOptOut(customer, address, channel, site, reason=reason)
            added = opt_out(connection, [asked], source="command", now=utc_now(), recorded_by=context.actor)
        if customer and not is_customer(connection, customer, raw_schema=settings.raw_schema):
            complain("note", f"the shop has no customer {customer}: look whether the id is right")
    nothing = "nothing new: it stands already, or was withdrawn since"
    console().print(f"{counted(added, 'opt-out')} recorded" if added else nothing, highlight=False)


def _add_file(connection: Connection[Any], file: Path, settings: Settings, actor: str) -> int:
    """Record a whole file or nothing of it, and return how many are new."""
    moment = utc_now()
    with connection.transaction():
        asked = read_opt_outs(file, zone=settings.zone, now=moment)
        return opt_out(connection, asked, source="file", now=moment, recorded_by=actor)


@opt_out_app.command("list")
def list_opt_outs(
    customer: CustomerOption = None,
    address: AddressOption = None,
    channel: ChannelOption = None,
    site: SiteOption = None,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Those that were withdrawn as well.")] = False,
    limit: ShownOption = DEFAULT_ROWS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show opt-outs, the latest first."""
    settings = Settings()
    chosen = OptOutFilter(customer, address, channel, site or None)
    with ledger(settings) as connection:
        found = find_opt_outs(connection, chosen, limit=limit, withdrawn=withdrawn)
    columns = OPT_OUT_COLUMNS if withdrawn else OPT_OUT_COLUMNS[:9]
    show(found, columns, of=OptOut, form=form, zone=settings.zone)


@opt_out_app.command("withdraw")
def withdraw_opt_outs(
    opt_out_ids: Annotated[
        list[int] | None, typer.Argument(max=LARGEST_ID, metavar="[ID]...", help="As `list` shows them.")
    ] = None,
    customer: CustomerOption = None,
    address: AddressOption = None,
    channel: ChannelOption = None,
    site: SiteOption = None,
    reason: Annotated[str, typer.Option(help="How the customer has opted in again; kept as the consent.")] = "",
    actor: ActorOption = None,
) -> None:
    """Withdraw opt-outs of somebody who has opted in again; the suppression list stays as it is."""
    if site == "":
        # as of a script's variable that is not set
        raise typer.BadParameter("--site is empty: leave it out to mean every site")
    chosen = OptOutFilter(customer, address, channel, site, tuple(opt_out_ids or ()))
    settings, context = Settings(), acting_as(actor)
    with ledger(settings) as connection:
        withdrawn = withdraw(connection, chosen, reason=reason, now=utc_now(), context=context)
    console().print(f"{counted(len(withdrawn), 'opt-out')} withdrawn", highlight=False)
    show(withdrawn, OPT_OUT_COLUMNS[:7], of=OptOut, form=Format.TABLE, zone=settings.zone)


@suppressions_app.command("list")
def list_suppressions(
    customer: CustomerOption = None,
    address: AddressOption = None,
    limit: ShownOption = DEFAULT_ROWS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the suppression list and why each stands in it, the latest first."""
    settings = Settings()
    with ledger(settings) as connection:
        found = find_suppressions(connection, customer_id=customer, address=address, limit=limit)
    show(found, SUPPRESSION_COLUMNS, of=Suppression, form=form, zone=settings.zone)


@suppressions_app.command("sync")
def sync(
    full: Annotated[bool, typer.Option("--full", help="Read every list from its beginning.")] = False,
) -> None:
    """Add what SendGrid's own lists say: bounces, complaints, invalid addresses, unsubscribes, groups."""
    settings = Settings()
    lists = lists_for(settings)
    with ledger(settings) as connection:
        for each in sync_lists(connection, lists, settings=settings, now=utc_now(), full=full):
            since = f" since {to_the_minute(each.since, settings.zone)}" if each.since else ""
            entries = counted(each.entries, "entry", "entries")
            console().print(f"{each.list_name}: {entries}{since}, {each.added} new", highlight=False)
