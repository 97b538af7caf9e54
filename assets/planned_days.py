"""`every_day_planned`: shows in the UI which local days no plan covered, and what to do about it.

Belongs here: the check and what it tells. Does not belong here: what counts as a planned day
(`ekiden.schedule.planning.missed`), and when anybody looks (`sensors.missed_days`).
"""

from collections.abc import Sequence

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    MetadataValue,
    ResourceParam,
    asset_check,
)

from assets import schedule
from assets.shown.tables import markdown_table
from assets.steps.acting import ledger
from ekiden.clock import Clock
from ekiden.schedule.planning.missed import MissedRange, find_missed_days, in_words
from ekiden.settings import Settings

KEY = AssetCheckKey(schedule.KEY, "every_day_planned")

WHAT_TO_DO = (
    "`ekiden plan --missed`, or the job backfill_days with no days given: one run that plans them and sends nothing; "
    f"{schedule.PAST_DATES}. With a dry run it only tells what that would mean."
)


def every_day_planned_check() -> AssetChecksDefinition:
    """Return the check of the schedule; it warns and stops nothing."""

    @asset_check(
        asset=KEY.asset_key,
        name=KEY.name,
        description=(
            "Every local day since the first one has been planned, for every scenario; today counts an hour after the "
            "batch time. A day of which only some scenarios were planned is missed."
        ),
    )
    def every_day_planned(settings: ResourceParam[Settings], clock: ResourceParam[Clock]) -> AssetCheckResult:
        with ledger(settings) as connection:
            missed = find_missed_days(connection, now=clock(), settings=settings)
        return AssetCheckResult(
            passed=not missed,
            severity=AssetCheckSeverity.WARN,
            # the sensor knows by it what the check shows
            description=in_words(missed),
            metadata=missed_metadata(missed),
        )

    return every_day_planned


def missed_metadata(missed: Sequence[MissedRange]) -> dict[str, MetadataValue]:
    """Return which days were missed, why, and what plans them."""
    table = markdown_table(
        ("first day", "last day", "days", "why"),
        ((each.first_day, each.last_day, each.days, each.why) for each in missed),
    )
    found = {
        "days_missed": MetadataValue.int(sum(each.days for each in missed)),
        "missed_days": MetadataValue.md(table),
    }
    return found | ({"what_to_do": MetadataValue.md(WHAT_TO_DO)} if missed else {})
