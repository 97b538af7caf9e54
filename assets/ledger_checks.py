"""The ledger's invariants as asset checks; a new offender pauses all sending, visibly, until a person resumes.

Does not belong here: the invariants (`ekiden.schedule.invariants`), what a pause is (`ekiden.delivery`), and anything
that repairs.
"""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    ResourceParam,
    multi_asset_check,
)

from assets import deliveries, schedule
from assets.shown.tables import markdown_table
from assets.steps.acting import run_context
from assets.steps.termination import ends_at_once
from ekiden.clock import Clock
from ekiden.database.connection import connect
from ekiden.delivery.guards import InvariantCheck, check_invariant
from ekiden.schedule.invariants import INVARIANTS, Subject
from ekiden.settings import Settings


def ledger_checks() -> list[AssetChecksDefinition]:
    """Return the checks, one step for each of the two assets."""
    return [
        _checks_of(Subject.SCHEDULE, schedule.KEY, "check_schedule"),
        _checks_of(Subject.DELIVERIES, deliveries.KEY, "check_deliveries"),
    ]


def _checks_of(subject: Subject, asset: AssetKey, name: str) -> AssetChecksDefinition:
    invariants = {invariant.name: invariant for invariant in INVARIANTS if invariant.subject is subject}

    @multi_asset_check(
        name=name,
        specs=[
            # not blocking: a pause holds sending until a person resumes, and the history is built all the same; some
            # offenders are records that nobody can mend, and would keep it from being built for ever
            AssetCheckSpec(invariant.name, asset=asset, description=invariant.description, blocking=False)
            for invariant in invariants.values()
        ],
        can_subset=True,
    )
    def check_ledger(
        context: AssetCheckExecutionContext,
        settings: ResourceParam[Settings],
        clock: ResourceParam[Clock],
    ) -> Iterator[AssetCheckResult]:
        with connect(settings, autocommit=True) as connection:
            for selected in sorted(context.selected_asset_check_keys):
                # not around what is yielded: between two checks the step is Dagster's
                with ends_at_once():
                    check = check_invariant(
                        connection,
                        invariants[selected.name],
                        now=clock(),
                        context=run_context(context.op_execution_context),
                    )
                if check.pause:
                    context.log.error(f"{check.pause}. To go on: {check.pause.resume_command}")
                yield AssetCheckResult(
                    asset_key=asset,
                    check_name=selected.name,
                    passed=check.holds,
                    description=None if check.holds else _what_to_do(check),
                    metadata=_metadata(check),
                )

    return check_ledger


def _what_to_do(check: InvariantCheck) -> str:
    found = f"{check.found.total:,} rows break it: look at them first (docs/operating.md)"
    return f"{found}; all sending is paused until `{check.pause.resume_command}`" if check.pause else found


def _metadata(check: InvariantCheck) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {
        "offenders": MetadataValue.int(check.found.total),
        "first_offenders": MetadataValue.md(markdown_table(check.found.columns, check.found.first)),
    }
    if check.pause:
        metadata["paused"] = MetadataValue.text(str(check.pause))
        metadata["resume_command"] = MetadataValue.md(f"`{check.pause.resume_command}`")
    return metadata
