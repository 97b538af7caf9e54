"""Sending what is due: claim a batch, compose, post, record; until nothing is due, or sending is paused.

Any number of senders may run at once; each drains the same queue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from typing import Any, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Channel, Delivery, LineBusy, LineStopped, Outcome, OutgoingMessage
from ekiden.delivery.claim import Claim, claim, dispatcher
from ekiden.delivery.compose import ClaimedRow, Withheld, compose_all, read_claimed
from ekiden.delivery.contents import ContentsBroken, faults_due
from ekiden.delivery.guards import check_before_sending
from ekiden.delivery.pauses import Cause, Pause, open_pauses, pause, refuse_if_paused
from ekiden.delivery.provider_waits import note_wait, wait_of
from ekiden.delivery.reconcile import AT_ONCE, reconcile_within
from ekiden.delivery.record import Recorded, Retries, record
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.advance import advance
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.settings import Settings

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class SendCounts:
    """How many rows took which way in a batch or in a whole run."""

    claimed: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    held: int = 0
    cancelled: int = 0
    unknown: int = 0
    paused: int = 0
    """Claimed, and freed again because sending was paused before they were posted."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class SendReport:
    """What one send run did."""

    run_id: UUID
    counts: SendCounts
    reconciled: Recorded
    pauses: tuple[Pause, ...] = ()
    """What was paused when it ended: rows of these may be due and were left alone."""
    waits_until: datetime | None = None
    """When the provider wants to hear from us again, where it asked us to wait; rows may be due until then."""


@dataclass(frozen=True)
class DueSlot:
    """A due date with rows to send now, and since when the oldest of them waits."""

    due_date: date
    rows: int
    oldest_send_at: datetime


def due_now(
    connection: Connection[Any], *, now: datetime, step_channels: Sequence[str] = MAIL_CHANNELS
) -> list[DueSlot]:
    """Return what is due by due date: ready rows of enabled scenarios whose time has come, of these step channels."""
    with connection.cursor(row_factory=class_row(DueSlot)) as cursor:
        return cursor.execute(
            statement(__file__, "due_slots"), {"now": now, "channels": list(step_channels)}
        ).fetchall()


def lost_claims(connection: Connection[Any]) -> int:
    """Return how many rows are on their way without a living sender and without a known outcome."""
    row = connection.execute(statement(__file__, "count_lost_claims")).fetchone()
    assert row is not None
    return int(row[0])


def send_due(
    connection: Connection[Any],
    *,
    channel: Channel,
    settings: Settings,
    clock: Clock,
    context: RunContext,
    step_channels: Sequence[str] = MAIL_CHANNELS,
    due_date: date | None = None,
    progress: Callable[[SendCounts], None] | None = None,
) -> SendReport:
    """Send until nothing is due, `due_date` narrows it to rows of that local date; `clock` yields aware datetimes.

    Only rows whose step goes by one of `step_channels`, which are those that `channel` carries.

    Begins with what earlier senders left behind, and with the guards. Raises `SendingPaused` if all sending is paused
    before the first claim; a pause that comes later ends the run with its next claim. Raises `LineStopped` when the
    provider turns everything away, which pauses all sending until a person resumes it, and `ContentsBroken`, once all
    others are sent, when rows are due whose content has faults; what was not sent then stays ready. A provider that
    asks us to wait ends the run, and `waits_until` of the report says until when.
    """
    total = SendCounts()
    with connection.transaction():
        run_id = start_run(
            connection, "send", "dispatcher", context, now=clock(), first_day=due_date, last_day=due_date
        )
    try:
        reconciled = reconcile_within(
            connection, run_id, channel=channel, settings=settings, now=clock(), context=context
        )
        check_before_sending(connection, settings, now=clock(), context=context)
        refuse_if_paused(connection)
        broken = faults_due(connection, settings, now=clock(), due_date=due_date)
        with dispatcher(connection) as number:
            sender = _Sender(
                connection, number, run_id, channel, tuple(step_channels), settings, clock, context, tuple(broken)
            )
            while (batch := sender.send_batch(due_date)) is not None:
                total += batch
                if progress:
                    progress(total)
        if broken:
            raise ContentsBroken(broken)
    except BaseException as error:
        if not connection.closed and not connection.broken:
            with connection.transaction():
                summary = {**vars(total), "error": str(error)}
                finish_run(connection, run_id, now=clock(), summary=summary, succeeded=False)
        raise
    with connection.transaction():
        finish_run(connection, run_id, now=clock(), summary=dict(vars(total)))
    return SendReport(run_id, total, reconciled, open_pauses(connection), wait_of(connection, channel.name, clock()))


@dataclass(frozen=True)
class _Sender:
    connection: Connection[Any]
    number: int
    run_id: UUID
    channel: Channel
    step_channels: tuple[str, ...]
    settings: Settings
    clock: Clock
    context: RunContext
    broken_contents: tuple[str, ...]

    def send_batch(self, due_date: date | None) -> SendCounts | None:
        """Send one batch; None when nothing was due, or when the provider wants us to wait."""
        if wait_of(self.connection, self.channel.name, self.clock()):
            return None
        claimed = again(self.connection, partial(self._claim, due_date))
        if not claimed.looked_at:
            return None
        counts = SendCounts(claimed=len(claimed.rows), held=claimed.held, cancelled=claimed.cancelled)
        messages, prepared = again(self.connection, partial(self._prepare, claimed.rows))
        counts += prepared
        recorded = self._post(messages)
        return counts + SendCounts(sent=recorded.sent, failed=recorded.failed, unknown=recorded.unknown)

    def _claim(self, due_date: date | None) -> Claim:
        return claim(
            self.connection,
            number=self.number,
            channel_name=self.channel.name,
            step_channels=self.step_channels,
            now=self.clock(),
            settings=self.settings,
            context=self.context,
            run_id=self.run_id,
            due_date=due_date,
            broken_contents=self.broken_contents,
        )

    def _prepare(self, rows: tuple[int, ...]) -> tuple[list[tuple[int, OutgoingMessage]], SendCounts]:
        """Compose the claimed rows, skip those withheld, free those paused, mark the others as about to be posted."""
        now = self.clock()
        with acting(self.connection, "dispatcher", self.context, self.run_id, now=now):
            claimed = read_claimed(self.connection, rows, self.number)
            composed = compose_all(claimed, self.settings)
            withheld = [item for _, item in composed if isinstance(item, Withheld)]
            self._skip(withheld, now)
            outgoing = [(row, item) for row, item in composed if isinstance(item, OutgoingMessage)]
            paused = self._free_paused(outgoing, now)
            posted = self._mark_posted([pair for pair in outgoing if pair[0].schedule_row_id not in paused], now)
        counts = SendCounts(skipped=len(withheld), paused=len(paused))
        return [(row.schedule_row_id, item) for row, item in outgoing if row.schedule_row_id in posted], counts

    def _skip(self, withheld: list[Withheld], now: datetime) -> None:
        if not withheld:
            return
        parameters = {
            "rows": [item.row.schedule_row_id for item in withheld],
            "reasons": [item.reason.value for item in withheld],
            "details": [item.detail or item.reason.value for item in withheld],
            "newsletter_statuses": [item.row.newsletter_status for item in withheld],
            "consent_read_at": now,
            "now": now,
        }
        self.connection.execute(statement(__file__, "close_withheld"), parameters)
        self.connection.execute(statement(__file__, "skip"), parameters)
        # on_skip decides whether the chain ends here or goes on with the next step
        rows = [row for (row,) in self.connection.execute(statement(__file__, "go_on_after_skip"), parameters)]
        advance(self.connection, rows, now=now, settings=self.settings, run_id=self.run_id)
        self.connection.execute(statement(__file__, "end_after_skip"), parameters)

    def _free_paused(self, outgoing: list[tuple[ClaimedRow, OutgoingMessage]], now: datetime) -> set[int]:
        """Free what was paused since it was claimed, and return it: composing a batch takes seconds."""
        rows = {"rows": [row.schedule_row_id for row, _ in outgoing]}
        paused = {row for (row,) in self.connection.execute(statement(__file__, "paused_rows"), rows)}
        answers = [
            (row.schedule_row_id, Delivery(message.message_id, Outcome.not_sent, detail="sending was paused"))
            for row, message in outgoing
            if row.schedule_row_id in paused
        ]
        record(self.connection, answers, now=now, settings=self.settings, run_id=self.run_id, retries=AT_ONCE)
        return paused

    def _mark_posted(self, outgoing: list[tuple[ClaimedRow, OutgoingMessage]], now: datetime) -> set[int]:
        if not outgoing:
            return set()
        marked = self.connection.execute(
            statement(__file__, "mark_posted"),
            {
                "rows": [row.schedule_row_id for row, _ in outgoing],
                "addresses": [message.to_address for _, message in outgoing],
                "newsletter_statuses": [row.newsletter_status for row, _ in outgoing],
                "content_hashes": [message.rendered.content_hash for _, message in outgoing],
                "consent_read_at": now,
                "now": now,
                "dispatcher": self.number,
            },
        ).fetchall()
        return {row for (row,) in marked}

    def _post(self, messages: list[tuple[int, OutgoingMessage]]) -> Recorded:
        if not messages:
            return Recorded()
        rows = [row for row, _ in messages]
        turned_away: LineStopped | LineBusy | None = None
        try:
            deliveries = self.channel.deliver([message for _, message in messages])
        except (LineStopped, LineBusy) as error:
            turned_away, deliveries = error, error.deliveries
        answers = list(zip(rows, deliveries, strict=True))
        # a provider that turns everything away has not judged the message
        retries = Retries(self.settings.retry_after, None if turned_away else self.settings.max_attempts)
        if isinstance(turned_away, LineBusy):
            retries = AT_ONCE
            note_wait(self.connection, self.channel.name, turned_away, now=self.clock())
        recorded = again(self.connection, partial(self._record, answers, retries))
        if isinstance(turned_away, LineStopped):
            pause(
                self.connection,
                None,
                reason=f"{self.channel.name} turns everything away: {turned_away.reason}",
                now=self.clock(),
                context=self.context,
                cause=Cause.PROVIDER,
            )
            raise turned_away
        return recorded

    def _record(self, answers: list[tuple[int, Delivery]], retries: Retries) -> Recorded:
        now = self.clock()
        with acting(self.connection, "dispatcher", self.context, self.run_id, now=now):
            return record(
                self.connection, answers, now=now, settings=self.settings, run_id=self.run_id, retries=retries
            )
