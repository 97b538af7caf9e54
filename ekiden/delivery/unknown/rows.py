"""Looking at messages of which nobody knows whether they were sent, with all that there is to know of each.

Belongs here: which rows are unknown, their evidence, and which of them a person may settle. Does not belong here:
settling them (`settle`), and whatever finds out by itself (`reconcile`, and the provider's events).
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import all_hold, statement
from ekiden.delivery.address.addresses import masked
from ekiden.schedule.rows import row_ids

STILL_POSTING = timedelta(minutes=10)
"""A sender that was cut off from the database may post for the length of its lease, and then be at that batch still: a
batch is given up after one minute, its last answer after three more, and this is more than twice that."""

MOST_HOURS = 1_000_000
"""Since a message was posted; more than a century ago there was none."""


class Settled(StrEnum):
    """What a person says became of an unknown message."""

    SENT = "sent"
    NOT_SENT = "not-sent"


class Standing(StrEnum):
    """How a row on its way stands."""

    UNKNOWN = "unknown"
    UNDER_WAY = "under_way"
    """Its sender is at it."""
    NOT_POSTED = "not_posted"
    """Its sender is gone, and posted nothing."""


@dataclass(frozen=True)
class UnknownFilter:
    """Which rows; every given field narrows. `channel` is that of the step or the carrier's name, `run` an id of the
    ledger's or of Dagster's run that posted it, `rows` numbers of rows or ids of messages. Raises `NoRowId`.
    """

    scenario: str | None = None
    customer: str | None = None
    channel: str | None = None
    run: str | None = None
    posted_until: datetime | None = None
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        row_ids(self.rows)

    @property
    def is_for_all(self) -> bool:
        """Whether nothing is given, so that an action would be for all of them."""
        return self == UnknownFilter()

    def condition(self) -> sql.Composed:
        """Return the filter as an SQL condition over `outreach.rows_on_their_way`."""
        narrowed = all_hold(
            (
                ("scenario_code = {value}", self.scenario),
                ("customer_id = {value}", self.customer),
                ("{value} in (channel, channel_name)", self.channel),
                ("{value} in (run_id::text, dagster_run_id)", self.run),
                ("coalesce(posted_at, claimed_at) <= {value}", self.posted_until),
            )
        )
        if not self.rows:
            return narrowed
        numbers, messages = row_ids(self.rows)
        ids = sql.SQL(" and (schedule_row_id = any({numbers}::bigint[]) or message_id = any({messages}::uuid[]))")
        return narrowed + ids.format(numbers=numbers, messages=messages)


@dataclass(frozen=True)
class UnknownRow:
    """One row on its way and what is known of its latest attempt; instants are aware."""

    scenario_code: str
    customer_id: str
    step_no: int
    due_date: date
    channel: str
    channel_name: str
    to_address: str
    """Masked."""
    standing: Standing
    past_limit: bool
    """Longer unknown than `unknown_after`: what could settle it by itself has had its time."""
    hours: float
    """Since it was posted, or claimed where it was not."""
    claimed_at: datetime
    posted_at: datetime | None
    answered_at: datetime | None
    """When its sender said that it does not know; None: the sender vanished."""
    answer: str | None
    events: str
    """What the provider told since, the oldest first."""
    has_arrived: bool
    """Whether those events show that the provider has it."""
    provider_message_id: str | None
    sender: str
    run_id: UUID
    dagster_run_id: str | None
    message_id: UUID
    schedule_row_id: int
    attempt_no: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "to_address", masked(self.to_address))
        object.__setattr__(self, "standing", Standing(self.standing))

    def __str__(self) -> str:
        return (
            f"{self.scenario_code}, customer {self.customer_id}, step {self.step_no}, message {self.message_id}:"
            f" {self.standing} for {self.hours:.0f} hours, {self.answer or 'its sender vanished'}"
        )

    def why_not(self, settled: Settled, now: datetime, lease: timedelta) -> str | None:
        """Return why a person may not settle it so at `now`, in the words of an operator; None if they may.

        `lease` is that of senders.
        """
        if self.standing is Standing.UNDER_WAY:
            return "their sender is at it"
        if self.standing is Standing.NOT_POSTED:
            return "never posted, so not unknown: the next send run frees them"
        if settled is Settled.NOT_SENT and self.has_arrived:
            return "the provider's events show that it has them"
        if settled is Settled.NOT_SENT and (self.posted_at is None or now - self.posted_at < lease + STILL_POSTING):
            minutes = math.ceil((lease + STILL_POSTING).total_seconds() / 60)
            return f"posted less than {minutes} minutes ago: a sender that was cut off may be posting them still"
        return None


@dataclass(frozen=True)
class UnknownCount:
    """How many rows on their way stand how, by scenario, step and carrier."""

    scenario_code: str
    step_no: int
    channel_name: str
    standing: Standing
    past_limit: int
    rows: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "standing", Standing(self.standing))


def unknown_rows(
    connection: Connection[Any],
    chosen: UnknownFilter,
    *,
    now: datetime,
    unknown_after: timedelta,
    limit: int | None,
    whatever: bool = False,
) -> list[UnknownRow]:
    """Return at most `limit` unknown rows (None: all) with their evidence, the oldest first.

    `whatever`: also those on their way that are not unknown.
    """
    query = statement(__file__, "unknown_rows").format(
        condition=chosen.condition(),
        now=now,
        unknown_after=unknown_after,
        standings=None if whatever else [Standing.UNKNOWN.value],
        most=limit,
    )
    with connection.cursor(row_factory=class_row(UnknownRow)) as cursor:
        return cursor.execute(query).fetchall()


def unknown_counts(
    connection: Connection[Any], chosen: UnknownFilter, *, now: datetime, unknown_after: timedelta
) -> tuple[UnknownCount, ...]:
    """Return how all rows on their way stand that the filter admits."""
    query = statement(__file__, "unknown_counts").format(
        condition=chosen.condition(), now=now, unknown_after=unknown_after
    )
    with connection.cursor(row_factory=class_row(UnknownCount)) as cursor:
        return tuple(cursor.execute(query).fetchall())
