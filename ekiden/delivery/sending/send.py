"""Sending what is due: take a batch, post it, record it; until nothing is due, or sending is paused.

Any number of senders may run at once; all share one queue. Belongs here: one sender's run, from its first look to its
report. Does not belong here: whether there is anything to send (`due`), which carriers there are and for how long one
waits (`worker`), or what each stage does with a batch (`last_look`, `compose`, `claims`, `record`).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.clock import Clock
from ekiden.database.again import again
from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.admin_notice import notify_administrator
from ekiden.delivery.channels.base import Channel, Delivery, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.counts import Counts
from ekiden.delivery.guards import check_before_sending, pause_unanswered
from ekiden.delivery.pauses import Cause, Pause, open_pauses, pause, refuse_if_paused
from ekiden.delivery.sending.batch_plans import plan_for_any_batch, prepared_soon
from ekiden.delivery.sending.claims import Claimer, claim_outgoing, claim_withheld
from ekiden.delivery.sending.compose import Withheld, compose_all, read_due
from ekiden.delivery.sending.contents import ContentsBroken, faults_due
from ekiden.delivery.sending.last_look import look_at_due
from ekiden.delivery.sending.lease import Lease, holding_lease
from ekiden.delivery.sending.provider_waits import ProviderWait, note_wait, wait_of
from ekiden.delivery.sending.record import Recorded, record
from ekiden.delivery.unknown.carried import carried_already
from ekiden.delivery.unknown.reconcile import reconcile
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.run_summaries import SendSummary
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.schedule.unanswered import Unanswered
from ekiden.settings import Settings

NOBODY_ELSE = nullcontext()
"""Held while messages are made, where no other sender is in the same process."""


@dataclass(frozen=True)
class SendCounts(Counts):
    """How many rows took which way in a batch or in a whole run."""

    claimed: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    not_sent: int = 0
    """Surely not, and ready again: the provider was busy or away, or turned everything away."""
    held: int = 0
    cancelled: int = 0
    unknown: int = 0
    paused: int = 0
    """Left as they were because sending was paused while they were being composed."""


@dataclass(frozen=True)
class SendReport:
    """What one send run did."""

    run_id: UUID
    counts: SendCounts
    reconciled: Recorded
    pauses: tuple[Pause, ...] = ()
    """What was paused when it ended, in the shop's time zone: rows of these may be due and were left alone."""
    wait: ProviderWait | None = None
    """Until when the provider is left alone, and why; rows may be due until then."""


def send_due(
    connection: Connection[Any],
    *,
    channel: Channel,
    settings: Settings,
    clock: Clock,
    context: RunContext,
    step_channels: Sequence[str],
    batch_size: int | None = None,
    due_date: date | None = None,
    progress: Callable[[SendCounts], None] | None = None,
    is_over: Callable[[], bool] = lambda: False,
    composing: AbstractContextManager[Any] = NOBODY_ELSE,
) -> SendReport:
    """Send until nothing is due, and return what was done; `clock` yields aware datetimes.

    `due_date` narrows it to rows of that local date. Ends sooner, with what it has done, where `is_over` says so
    between two batches. `composing` is held while messages are made.

    Only rows whose step goes by one of `step_channels`, which are those that `channel` carries, and no more than
    `batch_size` at a time, where that is less than the settings' own.

    Begins with what earlier senders left behind, and with the guards. Raises `SendingPaused` if all sending is paused
    before the first claim; a pause that comes later ends the run with its next claim. Raises `ProviderStopped` when the
    provider turns everything away, which pauses all sending until a person resumes it, and `ContentsBroken`, once all
    others are sent, when rows are due whose content has faults; what was not sent then stays ready. A provider that
    asks us to wait ends the run, and `wait` of the report says until when.
    """
    total = SendCounts()
    mail_channel = channel if MAIL_CHANNELS[0] in step_channels else None
    with connection.transaction():
        run_id = start_run(
            connection, "send", "dispatcher", context, now=clock(), first_day=due_date, last_day=due_date
        )

    def report_of(counts: SendCounts, reconciled: Recorded) -> SendReport:
        pauses = open_pauses(connection, zone=settings.zone)
        return SendReport(run_id, counts, reconciled, pauses, wait_of(connection, channel.name, clock()))

    try:
        reconciled = reconcile(connection, run_id, channel=channel, settings=settings, now=clock(), context=context)
        check_before_sending(connection, settings, now=clock(), context=context)
        refuse_if_paused(connection, zone=settings.zone)
        broken = faults_due(connection, settings, now=clock(), step_channels=step_channels, due_date=due_date)
        with holding_lease(connection, run_id, settings.dispatcher_lease) as lease, prepared_soon(connection):
            sender = _Sender(
                connection=connection,
                lease=lease,
                run_id=run_id,
                channel=channel,
                step_channels=tuple(step_channels),
                batch_size=batch_size,
                settings=settings,
                clock=clock,
                context=context,
                broken_contents=tuple(broken),
                composing=composing,
            )
            while not is_over():
                try:
                    batch = sender.send_batch(due_date)
                except ContentsBroken as found:
                    # edited while we send: its rows wait from here on as if it had been broken from the start
                    broken |= found.faults
                    sender = replace(sender, broken_contents=tuple(broken))
                    continue
                if batch is None:
                    break
                total += batch
                if progress:
                    progress(total)
        if broken:
            raise ContentsBroken(broken, [report_of(total, reconciled)])
    except BaseException as error:
        if not connection.closed:
            with connection.transaction():
                summary = SendSummary(**vars(total), error=str(error))
                finish_run(connection, run_id, now=clock(), summary=summary, succeeded=False)
            if isinstance(error, Exception):
                notify_administrator(connection, mail_channel, settings, run_id, clock())
        raise
    with connection.transaction():
        finish_run(connection, run_id, now=clock(), summary=SendSummary(**vars(total)))
    notify_administrator(connection, mail_channel, settings, run_id, clock())
    return report_of(total, reconciled)


@dataclass(frozen=True)
class _Batch:
    """Rows that were looked at together, and the messages of those that are claimed."""

    looked_at: int
    counts: SendCounts
    messages: list[tuple[int, OutgoingMessage]]
    carried: dict[UUID, Delivery]
    """What stands for a post of those that the provider has already."""


@dataclass(frozen=True)
class _Sender:
    connection: Connection[Any]
    lease: Lease
    run_id: UUID
    channel: Channel
    step_channels: tuple[str, ...]
    batch_size: int | None
    settings: Settings
    clock: Clock
    context: RunContext
    broken_contents: tuple[str, ...]
    composing: AbstractContextManager[Any]

    def send_batch(self, due_date: date | None) -> SendCounts | None:
        """Send one batch and return its counts; None when nothing was due, or when the provider wants us to wait.

        Raises `ContentsBroken` for a content that was edited since the run began, and `ProviderStopped`.
        """
        if wait_of(self.connection, self.channel.name, self.clock()):
            return None
        try:
            batch = again(self.connection, partial(self._take, due_date))
        except Unanswered as found:
            # of this scenario nothing goes out until somebody has looked; the others' rows are next
            pause_unanswered(self.connection, found, now=self.clock(), context=self.context)
            return SendCounts()
        if not batch.looked_at:
            return None
        recorded = self._post(batch)
        return batch.counts + SendCounts(
            sent=recorded.sent,
            failed=recorded.failed - recorded.tried_again,
            not_sent=recorded.tried_again,
            unknown=recorded.unknown,
        )

    def _take(self, due_date: date | None) -> _Batch:
        """Look at the next rows, compose them and claim what goes out, all in one transaction.

        So consent is read when the claim is made, and a sender that ends before leaves every row as it was.
        """
        now = self.clock()
        with acting(self.connection, "dispatcher", self.context, self.run_id, now=now):
            look = look_at_due(
                self.connection,
                step_channels=self.step_channels,
                now=now,
                settings=self.settings,
                batch_size=self.batch_size,
                due_date=due_date,
                broken_contents=self.broken_contents,
            )
            plan_for_any_batch(self.connection)
            due = read_due(
                self.connection,
                look.rows,
                country_code=self.settings.phone_country_code,
                time_zone=self.settings.time_zone,
            )
            with self.composing:
                composed = compose_all(due, self.settings)
            # composing takes a while, in which somebody may have pressed the button
            paused = self._paused(look.rows)
            going = [(row, item) for row, item in composed if row.schedule_row_id not in paused]
            outgoing = [(row, item) for row, item in going if isinstance(item, OutgoingMessage)]
            withheld = [item for _, item in going if isinstance(item, Withheld)]
            claimer = Claimer(self.lease.number, self.channel.name, self.run_id, now)
            claim_withheld(self.connection, withheld, claimer, settings=self.settings)
            claim_outgoing(self.connection, outgoing, claimer)
            # within the claim: what fails between that and the post leaves messages of which nobody knows the outcome
            carried = carried_already(self.connection, [row.schedule_row_id for row, _ in outgoing])
            self.lease.renew(self.connection)
        counts = SendCounts(
            claimed=len(going),
            skipped=len(withheld),
            held=look.held,
            cancelled=look.cancelled,
            paused=len(paused),
        )
        return _Batch(look.looked_at, counts, [(row.schedule_row_id, item) for row, item in outgoing], carried)

    def _paused(self, rows: tuple[int, ...]) -> set[int]:
        found = self.connection.execute(statement(__file__, "paused_rows"), {"rows": as_array(rows)})
        return {row for (row,) in found}

    def _post(self, batch: _Batch) -> Recorded:
        if not batch.messages:
            return Recorded()
        to_post = [message for _, message in batch.messages if message.message_id not in batch.carried]
        turned_away: ProviderStopped | ProviderBusy | None = None
        try:
            deliveries = self._deliver(to_post)
        except (ProviderStopped, ProviderBusy) as error:
            turned_away, deliveries = error, error.deliveries
        posted = {message.message_id: delivery for message, delivery in zip(to_post, deliveries, strict=True)}
        became = batch.carried | posted
        answers = [(row, became[message.message_id]) for row, message in batch.messages]
        recorded = again(self.connection, partial(self._record, answers))
        if isinstance(turned_away, ProviderBusy):
            note_wait(self.connection, self.channel.name, turned_away, now=self.clock())
        if isinstance(turned_away, ProviderStopped):
            pause(
                self.connection,
                None,
                reason=f"{self.channel.name} turns everything away: {turned_away.reason}",
                now=self.clock(),
                # nobody pressed a button
                context=replace(self.context, actor=self.channel.name),
                cause=Cause.PROVIDER,
            )
            raise turned_away
        return recorded

    def _deliver(self, messages: list[OutgoingMessage]) -> Sequence[Delivery]:
        if not messages:
            return []
        if self.lease.is_over:
            # held up for so long, others may have settled these rows, and a person decided about them
            detail = "its sender was held up before it was posted"
            return left_alone(messages, detail)
        return self.channel.deliver(messages)

    def _record(self, answers: list[tuple[int, Delivery]]) -> Recorded:
        now = self.clock()
        with acting(self.connection, "dispatcher", self.context, self.run_id, now=now):
            self.lease.renew(self.connection)
            plan_for_any_batch(self.connection)
            return record(
                self.connection,
                answers,
                now=now,
                settings=self.settings,
                run_id=self.run_id,
                sender=self.lease.number,
            )
