"""One send worker: everything that is due, by every carrier, and what becomes due within a moment.

Belongs here: going round until there is nothing to wait for. Does not belong here: sending one carrier's rows (`send`),
what is due (`due`), and how many workers there are.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from psycopg import Connection

from ekiden.clock import Clock
from ekiden.content.faults import ContentFault
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.pauses import SendingPaused
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.due import next_due
from ekiden.delivery.sending.send import SendCounts, SendReport
from ekiden.delivery.sending.side_by_side import Turn, send_side_by_side
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings

BETWEEN_ROUNDS = timedelta(seconds=2)
"""At least, where rows become due one by one: every round is a run in the ledger, with the guards' looks."""

LONGEST_TURN = timedelta(minutes=1)
"""Of one carrier at a time, where there are several: what is posted one by one takes hours where much is due, and what
the others carry has its minute as well. A batch takes as long at most."""

JUST_AFTER = timedelta(milliseconds=10)
"""What is slept longer: two clocks may differ by microseconds, and a moment too early would cost another round."""

BETWEEN_COLLECTIONS = 50_000
"""New objects after which Python looks for those that hold each other while nobody else does. A batch of 1,000 messages
makes about as many, which end with it and of which none is of that kind: to look after each 700 of them, as Python
does, takes an eighth of a sender's processor time."""


@dataclass(frozen=True)
class Patience:
    """For how long a worker waits for what comes next, and how long it works at most, all in all."""

    ahead: timedelta = timedelta()
    longest: timedelta = timedelta()


IMPATIENT = Patience()
"""Sends what is due and ends."""


@dataclass(frozen=True)
class CarrierReport:
    """One carrier's part of one round."""

    due_date: date | None
    carrier: Carrier
    report: SendReport


@contextmanager
def _few_collections() -> Iterator[None]:
    usual = gc.get_threshold()
    gc.set_threshold(BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@_few_collections()
def send_all_due(
    connection: Connection[Any],
    *,
    carriers: Sequence[Carrier],
    settings: Settings,
    clock: Clock,
    context: RunContext,
    due_dates: Sequence[date | None] = (None,),
    patience: Patience = IMPATIENT,
    progress: Callable[[Carrier, SendCounts], None] | None = None,
    tell: Callable[[CarrierReport], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[CarrierReport]:
    """Send what is due of these local due dates (None: of all) by every carrier; return one report for each send.

    With `patience` it waits for rows whose time comes within `ahead`, and for a provider that wants to be left alone no
    longer than that, and goes on then; nothing is sent before its time. Several carriers take turns. Raises what
    `send_due` raises: `ContentsBroken` at the end, the others at once, and `SendingPaused` only if it was paused before
    anything was sent. `tell` gets each report as it comes, whatever is raised later.
    """
    step_channels = [name for carrier in carriers for name in carrier.step_channels]
    done: list[CarrierReport] = []
    faults: dict[str, ContentFault] = {}
    began = clock()
    while True:
        round_began = clock()
        waits: list[datetime | None] = []
        is_cut_short = False
        for due_date in due_dates:
            for carrier in carriers:
                ends_at = clock() + LONGEST_TURN if len(carriers) > 1 else None
                turn = Turn(carrier, settings, clock, context, due_date, ends_at)
                try:
                    reports = send_side_by_side(connection, turn, progress=progress and partial(progress, carrier))
                except ContentsBroken as broken:
                    # everything else of this carrier was sent, and the others have contents of their own
                    faults |= broken.faults
                    reports = list(broken.reports)
                except SendingPaused:
                    if faults:
                        raise ContentsBroken(faults) from None
                    if not done:
                        raise
                    return done
                is_cut_short |= turn.is_over() and any(report.counts != SendCounts() for report in reports)
                for report in reports:
                    done.append(CarrierReport(due_date, carrier, report))
                    tell(done[-1])
                    waits.append(report.wait.until if report.wait else None)
        if is_cut_short:
            continue
        now = clock()
        until = min(now + patience.ahead, began + patience.longest)
        waits.append(next_due(connection, step_channels=step_channels, due_dates=due_dates, after=now, until=until))
        wake_at = min((moment for moment in waits if moment and now < moment <= until), default=None)
        if wake_at is None:
            break
        wake_at = max(wake_at, round_began + BETWEEN_ROUNDS) + JUST_AFTER
        sleep((wake_at - now).total_seconds())
        if clock() <= now:
            # it stands still, or was set back: nobody waits for ever
            break
    if faults:
        raise ContentsBroken(faults)
    return done
