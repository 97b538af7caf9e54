"""The jobs for who is not to be written to: opt-outs in the words of the command line, and a provider's own lists.

Belongs here: what they show. Does not belong here: what an opt-out means (`ekiden.delivery.consent.opt_outs`), how
lists are read (`ekiden.delivery.consent.suppressions`), and their forms in the launchpad (`forms`).
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from dagster import JobDefinition, MetadataValue, OpExecutionContext, ResourceParam, job, op

from assets.shown.tables import markdown_table
from assets.steps.acting import ledger, run_context
from assets.steps.refusals import refusing
from ekiden.clock import Clock
from ekiden.delivery.consent.opt_outs import (
    NewOptOut,
    OptOut,
    find_opt_outs,
    is_customer,
    opt_out,
    withdraw,
)
from ekiden.delivery.consent.suppressions import lists_for, sync
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings
from orchestration.jobs.forms import AddOptOut, SyncSuppressions, WhichOptOuts, WithdrawOptOuts
from orchestration.jobs.names import SYNCING_JOB
from orchestration.jobs.showing import show

SHOWN_ROWS = 50
"""Opt-outs shown of those that match: some screens."""


@op(name="record_opt_out", description="Record that somebody does not want to be written to.", tags={"kind": "ledger"})
@refusing()
def add_opt_out_op(
    context: OpExecutionContext,
    config: AddOptOut,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Record what the config says."""
    asked = NewOptOut(config.customer, config.address, config.of_channel(), config.site, reason=config.reason)
    actor = run_context(context, actor=config.actor).actor
    with ledger(settings) as connection, connection.transaction():
        added = opt_out(connection, [asked], source="command", now=clock(), recorded_by=actor)
        is_known = not config.customer or is_customer(connection, config.customer, raw_schema=settings.raw_schema)
    metadata: dict[str, MetadataValue] = {"opt_outs_recorded": MetadataValue.int(added)}
    if not is_known:
        note = f"the shop has no customer {config.customer}: look whether the id is right"
        context.log.warning(note)
        metadata["note"] = MetadataValue.text(note)
    show(context, metadata)


@op(name="show_opt_outs", description="Show who has opted out of what.", tags={"kind": "ledger"})
@refusing()
def list_opt_outs_op(context: OpExecutionContext, config: WhichOptOuts, settings: ResourceParam[Settings]) -> None:
    """Show those that the config means."""
    with ledger(settings) as connection:
        found = find_opt_outs(connection, config.chosen(), limit=SHOWN_ROWS)
    show(
        context,
        {"opt_outs": MetadataValue.md(opt_out_table(found, settings.zone)), "shown": MetadataValue.int(len(found))},
    )


@op(name="end_opt_outs", description="Withdraw opt-outs after a new opt-in.", tags={"kind": "ledger"})
@refusing()
def withdraw_opt_outs_op(
    context: OpExecutionContext,
    config: WithdrawOptOuts,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Withdraw those that the config means."""
    with ledger(settings) as connection:
        withdrawn = withdraw(
            connection,
            config.chosen(config.opt_out_ids),
            reason=config.reason,
            now=clock(),
            context=run_context(context, actor=config.actor),
        )
    metadata = {
        "opt_outs": MetadataValue.md(opt_out_table(withdrawn, settings.zone)),
        "opt_outs_withdrawn": MetadataValue.int(len(withdrawn)),
    }
    show(context, metadata)


@op(name="read_suppressions", description="Add what the provider's own lists say.", tags={"kind": "ledger"})
@refusing()
def sync_suppressions_op(
    context: OpExecutionContext,
    config: SyncSuppressions,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Read the provider's lists."""
    lists, synced = lists_for(settings), []
    try:
        with ledger(settings) as connection:
            for each in sync(connection, lists, settings=settings, now=clock(), full=config.full):
                synced.append(each)
    finally:
        # also what was read where another list could not be
        table = markdown_table(
            ("list", "since", "entries", "new"),
            (
                (each.list_name, _told(each.since, settings.zone) or "the beginning", each.entries, each.added)
                for each in synced
            ),
        )
        show(context, {"lists": MetadataValue.md(table), "new": MetadataValue.int(sum(each.added for each in synced))})


@job(description="Record an opt-out that reached the shop by telephone, in writing, or from another system.")
def add_opt_out() -> None:
    """Record an opt-out."""
    add_opt_out_op()


@job(description="Show opt-outs; changes nothing.")
def list_opt_outs() -> None:
    """Show opt-outs."""
    list_opt_outs_op()


@job(description="Withdraw opt-outs of a customer who has opted in again; only a person may do this.")
def withdraw_opt_outs() -> None:
    """Withdraw opt-outs."""
    withdraw_opt_outs_op()


@job(name=SYNCING_JOB, description="Add what SendGrid's own lists say to the suppression list. Removes nothing.")
def sync_suppressions() -> None:
    """Read the provider's lists."""
    sync_suppressions_op()


CONSENT_JOBS: tuple[JobDefinition, ...] = (add_opt_out, list_opt_outs, withdraw_opt_outs, sync_suppressions)


def opt_out_table(found: Iterable[OptOut], zone: ZoneInfo) -> str:
    """Return opt-outs as a Markdown table for an operator; instants are the shop's."""
    return markdown_table(
        ("id", "customer", "address", "channel", "site", "source", "opted out at", "withdrawn at"),
        (
            (
                *(each.opt_out_id, each.customer_id, each.address, each.channel or "every", each.site or "every"),
                *(each.source, _told(each.opted_out_at, zone), _told(each.withdrawn_at, zone)),
            )
            for each in found
        ),
    )


def _told(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return to_the_minute(moment, zone) if moment else None
