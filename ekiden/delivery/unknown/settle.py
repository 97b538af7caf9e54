"""A person settles messages of unknown outcome: as sent (T7, with its record and the next step) or as not sent (T9).

Belongs here: what a person's word does to the ledger, once and for good. Does not belong here: which rows are unknown
and why one may not be settled (`rows`), and what an outcome means (`sending.record`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.sending.record import record
from ekiden.delivery.unknown.carried import CARRIED_ALREADY
from ekiden.delivery.unknown.rows import Settled, UnknownFilter, UnknownRow, unknown_counts, unknown_rows
from ekiden.errors import SaysEnough
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.operating.actions import ACTIONS, NotChanged, changed_meanwhile
from ekiden.schedule.operating.operators import DEFAULT_LIMIT, TooManyRows, operate
from ekiden.schedule.rows import RowFilter, row_ids
from ekiden.schedule.run_summaries import SettleSummary
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.settings import Settings


@dataclass(frozen=True)
class SettleReport:
    """How many rows on their way matched and how many were settled, retried, and why the others were left."""

    run_id: UUID
    matched: int
    changed: int
    retried: int = 0
    not_changed: tuple[NotChanged, ...] = ()


@dataclass(frozen=True)
class Settlement:
    """What a person said of one unknown message, when, and how its row stands now; instants are aware."""

    settled_at: datetime
    settled_by: str
    settled_as: str
    reason: str
    contradicted: bool
    """The provider's events show that it had what was called not sent."""
    was_posted_again: bool
    scenario_code: str
    customer_id: str
    step_no: int
    state: str
    answer: str | None
    events: str
    message_id: UUID
    schedule_row_id: int
    attempt_no: int
    run_id: UUID


class NothingToRetry(SaysEnough, ValueError):
    """What is called sent is to be sent again."""


def refuse_settling(settled: Settled, *, reason: str | None, retry_them: bool, matched: int, limit: int) -> None:
    """Raise what settling would be refused with: `ReasonMissing`, `NothingToRetry` or `TooManyRows`."""
    if not (reason and reason.strip()):
        raise ReasonMissing("a message of unknown outcome is settled only with a reason: say how you know")
    if retry_them and settled is Settled.SENT:
        raise NothingToRetry("what was sent is not retried: retry goes with not-sent")
    if matched > limit:
        raise TooManyRows(matched, limit)


def settle(
    connection: Connection[Any],
    settled: Settled,
    chosen: UnknownFilter,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    reason: str,
    limit: int = DEFAULT_LIMIT,
    retry_them: bool = False,
) -> SettleReport:
    """Settle the unknown rows that the filter admits, all in one transaction, and return what became of them.

    `sent`: T7 with the message's record and the next step. `not-sent`: T9, and `failed` until a person retries it, or
    at once with `retry_them` (T10, which counts as a release). In the ledger the dispatcher settles, in the person's
    name. Rows that are not unknown, or may not be settled so, are left and counted with the reason; of two who settle
    the same row one changes it, and so of a person and a provider's event. Raises `TooManyRows`, having changed
    nothing, `ReasonMissing` and `NothingToRetry`.
    """
    refuse_settling(settled, reason=reason, retry_them=retry_them, matched=0, limit=limit)
    attempt = partial(_settle, connection, settled, chosen, now, settings, context, reason.strip(), limit, retry_them)
    return again(connection, attempt)


def settlements(connection: Connection[Any], *, limit: int) -> list[Settlement]:
    """Return what people said, the latest first."""
    with connection.cursor(row_factory=class_row(Settlement)) as cursor:
        return cursor.execute(
            statement(__file__, "settlements"), {"most": limit, "carried_already": CARRIED_ALREADY}
        ).fetchall()


def _settle(
    connection: Connection[Any],
    settled: Settled,
    chosen: UnknownFilter,
    now: datetime,
    settings: Settings,
    context: RunContext,
    reason: str,
    limit: int,
    retry_them: bool,
) -> SettleReport:
    with connection.transaction():
        run_id = start_run(connection, "reconcile", "dispatcher", context, now=now)
        locked = _lock(connection, chosen, limit, now, settings)
        found = _read_again(connection, chosen, locked, now, settings)
        reasons_against = {row.schedule_row_id: row.why_not(settled, now, settings.dispatcher_lease) for row in found}
        rows = [row for row in found if reasons_against[row.schedule_row_id] is None]
        left = [NotChanged(count, why) for why, count in Counter(filter(None, reasons_against.values())).most_common()]
        left += _settled_before(connection, chosen)
        if lost := len(locked) - len(found):
            left.append(changed_meanwhile(lost))
        with acting(connection, "dispatcher", context, run_id, now=now):
            _keep(connection, rows, settled, now, context.actor, reason, run_id)
            answers = [(row.schedule_row_id, _answer(row, settled, context.actor, reason)) for row in rows]
            # what a person says was not sent stays failed: whether it still should go is the person's decision, too
            record(connection, answers, now=now, settings=settings, run_id=run_id, tries_again=False)
        retried = _retry(connection, rows, now, settings, context, reason) if retry_them and rows else 0
        told = SettleSummary(settled.value, len(locked), len(rows), retried, reason, tuple(left) or None)
        finish_run(connection, run_id, now=now, summary=told)
    return SettleReport(run_id, len(locked), len(rows), retried, tuple(left))


def _lock(
    connection: Connection[Any], chosen: UnknownFilter, limit: int, now: datetime, settings: Settings
) -> list[int]:
    locking = statement(__file__, "lock_unknown").format(condition=chosen.condition(), most=limit + 1)
    locked = [row for (row,) in connection.execute(locking).fetchall()]
    if len(locked) > limit:
        counts = unknown_counts(connection, chosen, now=now, unknown_after=settings.unknown_after)
        raise TooManyRows(max(sum(count.rows for count in counts), len(locked)), limit)
    return locked


def _read_again(
    connection: Connection[Any], chosen: UnknownFilter, locked: Sequence[int], now: datetime, settings: Settings
) -> list[UnknownRow]:
    """Return the locked rows that the filter still admits: others may have changed them before they were locked."""
    if not locked:
        return []
    return unknown_rows(
        connection,
        replace(chosen, rows=tuple(map(str, locked))),
        now=now,
        unknown_after=settings.unknown_after,
        limit=None,
        whatever=True,
    )


def _settled_before(connection: Connection[Any], chosen: UnknownFilter) -> list[NotChanged]:
    """Return in which states the rows are that were named, and that are not on their way."""
    numbers, messages = row_ids(chosen.rows)
    found = connection.execute(
        statement(__file__, "not_on_their_way"), {"numbers": numbers, "messages": messages}
    ).fetchall()
    return [NotChanged(rows, f"not on their way, so settled already or never sent: {state}") for state, rows in found]


def _keep(
    connection: Connection[Any],
    rows: Sequence[UnknownRow],
    settled: Settled,
    now: datetime,
    actor: str,
    reason: str,
    run_id: UUID,
) -> None:
    values = {
        "rows": [row.schedule_row_id for row in rows],
        "events": [row.events for row in rows],
        "settled_as": settled.value,
        "actor": actor,
        "now": now,
        "reason": reason,
        "run_id": run_id,
    }
    connection.execute(statement(__file__, "record_settlements"), values)


def _answer(row: UnknownRow, settled: Settled, actor: str, reason: str) -> Delivery:
    """Return what stands in the attempt from now on; the answer it had is in the settlement."""
    outcome = Outcome.accepted if settled is Settled.SENT else Outcome.not_sent
    return Delivery(
        row.message_id, outcome, row.provider_message_id, f"settled as {settled.value} by {actor}: {reason}"
    )


def _retry(
    connection: Connection[Any],
    rows: Sequence[UnknownRow],
    now: datetime,
    settings: Settings,
    context: RunContext,
    reason: str,
) -> int:
    report = operate(
        connection,
        ACTIONS["retry"],
        RowFilter(rows=tuple(str(row.schedule_row_id) for row in rows)),
        now=now,
        settings=settings,
        context=context,
        limit=len(rows),
        reason=reason,
    )
    return report.changed
