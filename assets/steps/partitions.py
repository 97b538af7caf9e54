"""The daily partitions of schedule and deliveries: local due dates.

Belongs here: which days there are. Does not belong here: details of a day, which are in the ledger.
"""

from datetime import date, datetime

from dagster import AssetExecutionContext, DailyPartitionsDefinition, Failure

from ekiden.settings import Settings


def due_dates(settings: Settings) -> DailyPartitionsDefinition:
    """Return the local days from the start of the year before, today included."""
    first_day = first_partition(datetime.now(settings.zone).date())
    return DailyPartitionsDefinition(
        start_date=datetime.combine(first_day, datetime.min.time()),
        timezone=settings.time_zone,
        # a due date is worked on while it lasts
        end_offset=1,
    )


def first_partition(today: date) -> date:
    """Return the first of January of the year before.

    The same in every process of a year, at least a year to look back at, and at most 731 partitions: the UI slows
    down at some ten thousand. Older days stay in the ledger.
    """
    return date(today.year - 1, 1, 1)


def days_of(context: AssetExecutionContext) -> list[date]:
    """Return the local days that this step is asked for, in order; raises `Failure` for a run without partitions."""
    if not (context.has_partition_key or context.has_partition_key_range):
        raise Failure(
            "this run has no day: launch it for a partition; without one `backfill_days` plans several days, and "
            "`send_now` sends whatever is due",
            allow_retries=False,
        )
    return sorted(date.fromisoformat(key) for key in context.partition_keys)
