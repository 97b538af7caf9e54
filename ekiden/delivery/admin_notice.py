"""Telling the shop's administrator what was sent, in words of its own (R-154).

Belongs here: when a notice is due, and what it is about. Does not belong here: its text (`content/admin_notice`), and
anything about a customer: it is no message of the ledger.

A notice is about every send run that none was about before. The last of several senders tells for all, and not again
before `admin_notice_gap` is over. It is noted before it leaves: a process that ends in between has told nobody, and
nobody is told twice; `outreach.admin_notices` says what became of it. Nothing here keeps a send run from succeeding.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.content.message import RenderedMessage
from ekiden.content.notice import NoticeVariables, StepSummary, render_notice
from ekiden.database.statements import statement
from ekiden.delivery.address.addresses import NotAnAddress, normalised
from ekiden.delivery.channels import channel_for, from_address_for
from ekiden.delivery.channels.base import Channel, Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.sending.provider_waits import wait_of
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings

NOTICE = "admin_notice"
"""Stands where a customer's message names its scenario."""

LINKS = 10
"""At most so many links to Dagster's runs: the latest ones."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    run_id: UUID
    started_at: datetime
    dagster_run_id: str | None
    ended_early: bool


def notify_administrator(
    connection: Connection[Any], channel: Channel | None, settings: Settings, run_id: UUID, now: datetime
) -> bool:
    """Tell the administrator what send runs did, now that `run_id` has ended; return whether a notice left.

    By mail through `channel`; None: that of the settings. Raises nothing: what went wrong is logged.
    """
    if settings.admin_notice_address is None:
        return False
    try:
        return _notify(connection, channel or channel_for(settings), settings, now)
    except Exception:
        _log.exception("the administrator could not be told what was sent, after send run %s", run_id)
        return False


def _notify(connection: Connection[Any], channel: Channel, settings: Settings, now: datetime) -> bool:
    try:
        address = normalised(settings.admin_notice_address or "")
    except NotAnAddress as error:
        raise ValueError(f"EKIDEN_ADMIN_NOTICE_ADDRESS is no mail address: {error}") from None
    with connection.transaction():
        # one at a time: of two senders that end together, one finds everything told
        connection.execute("select pg_advisory_xact_lock(hashtext('ekiden.admin_notice'))")
        # a provider that is to be left alone would turn it away: it is told with what is sent afterwards
        if wait_of(connection, channel.name, now) or not _may_tell(connection, settings, now):
            return False
        runs = _untold(connection, now)
        steps = _steps(connection, runs)
        if not any(step.sent for step in steps):
            return False
        # before it is noted: a notice that cannot be rendered is told once its file was mended
        variables = _variables(settings, runs, steps, now)
        rendered = render_notice(settings.content, settings.admin_notice_language, variables)
        message_id = _note(connection, runs, address, channel.name, now)
    delivery = _deliver(channel, _message(message_id, address, rendered, settings))
    connection.execute(
        statement(__file__, "keep_notice_outcome"),
        {"outcome": delivery.outcome.value, "detail": delivery.detail, "message_id": message_id},
    )
    if delivery.outcome is not Outcome.accepted:
        _log.warning("the administrator's notice was not accepted: %s", delivery.detail or delivery.outcome)
    return delivery.outcome is Outcome.accepted


def _may_tell(connection: Connection[Any], settings: Settings, now: datetime) -> bool:
    parameters = {"now": now, "gap": settings.admin_notice_gap}
    row = connection.execute(statement(__file__, "may_tell"), parameters).fetchone()
    return bool(row and row[0])


def _untold(connection: Connection[Any], now: datetime) -> list[_Run]:
    with connection.cursor(row_factory=class_row(_Run)) as cursor:
        return cursor.execute(statement(__file__, "untold_runs"), {"now": now}).fetchall()


def _steps(connection: Connection[Any], runs: Sequence[_Run]) -> tuple[StepSummary, ...]:
    if not runs:
        return ()
    parameters = {
        "runs": [run.run_id for run in runs],
        "since": runs[0].started_at,
        "channels": list(MAIL_CHANNELS),
    }
    with connection.cursor(row_factory=class_row(StepSummary)) as cursor:
        return tuple(cursor.execute(statement(__file__, "steps_of_runs"), parameters).fetchall())


def _variables(
    settings: Settings, runs: Sequence[_Run], steps: tuple[StepSummary, ...], now: datetime
) -> NoticeVariables:
    page = settings.dagster_url.rstrip("/")
    known = dict.fromkeys(run.dagster_run_id for run in runs if page and run.dagster_run_id)
    return NoticeVariables(
        shop_name=settings.sender_name,
        started_at=runs[0].started_at.astimezone(settings.zone),
        finished_at=now.astimezone(settings.zone),
        time_zone=settings.time_zone,
        ended_early=any(run.ended_early for run in runs),
        run_urls=tuple(f"{page}/runs/{run}" for run in [*known][-LINKS:]),
        steps=steps,
        sent=sum(step.sent for step in steps),
        unknown=sum(step.unknown for step in steps),
    )


def _note(connection: Connection[Any], runs: Sequence[_Run], address: str, channel_name: str, now: datetime) -> UUID:
    values = {"address": address, "channel_name": channel_name, "now": now, "runs": [run.run_id for run in runs]}
    row = connection.execute(statement(__file__, "note_notice"), values).fetchone()
    assert row is not None
    message_id: UUID = row[0]
    return message_id


def _message(message_id: UUID, address: str, rendered: RenderedMessage, settings: Settings) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=message_id,
        to_address=address,
        to_name="",
        from_address=from_address_for(settings),
        rendered=rendered,
        unsubscribe_url="",
        scenario_code=NOTICE,
        step_no=0,
        for_administrator=True,
    )


def _deliver(channel: Channel, message: OutgoingMessage) -> Delivery:
    try:
        (delivery,) = channel.deliver([message])
    except (ProviderStopped, ProviderBusy) as turned_away:
        # customers' messages decide what this means for sending; the notice itself is lost
        (delivery,) = turned_away.deliveries
    return delivery
