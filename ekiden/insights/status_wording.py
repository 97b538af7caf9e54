"""How the deployment stands, in sentences, for `ekiden status` and the launchpad. Pure; nothing is read here."""

from collections.abc import Iterator

from ekiden.counting import counted_rows
from ekiden.insights.status import LATENCY_OVER, DeploymentStatus, LastRun
from ekiden.local_time import to_the_minute, to_the_second
from ekiden.settings import Settings
from ekiden.shortening import shortened

LONGEST_REASON = 200
"""Characters of why a run failed; the run's own log tells all."""


def status_in_words(found: DeploymentStatus, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what a person reads: a label and what there is to say; times are the shop's."""
    for each in found.pauses:
        since = to_the_minute(each.paused_at, settings.zone)
        yield "paused", f"{each.scope}, by {each.paused_by} since {since}: {each.reason} ({each.resume_command})"
    if not found.pauses:
        yield "paused", "nothing"
    yield from _rows(found, settings)
    hours = f"{LATENCY_OVER.total_seconds() / 3600:g} hours"
    yield "due to sent", f"{found.latency or 'nothing was sent'} in the last {hours}"
    if found.rows.lists_due:
        yield "lists", f"{counted_rows(found.rows.lists_due)} for `ekiden export`"
    ran = {run.kind: run for run in found.last_runs}
    for kind in ("plan", "send", "export"):
        if kind in ran or kind != "export":
            yield f"last {kind}", _run(ran[kind], settings) if kind in ran else "never"
    yield (
        "next plan",
        f"{to_the_minute(found.next_plan_at, settings.zone)} (EKIDEN_BATCH_TIME), where Dagster runs"
        " and its schedule plan_today is on",
    )
    for missed in found.missed:
        yield "missed days", f"{missed}: `ekiden plan --missed`"
    yield "last build", to_the_minute(found.last_build_at, settings.zone) if found.last_build_at else "never"
    for table in found.stale:
        yield "old data", str(table)
    if found.zone_data:
        yield "time zone", found.zone_data


def to_settle(rows: int, settings: Settings) -> str:
    """Return what to do about so many rows that nothing but a person will settle."""
    hours = f"{settings.unknown_after.total_seconds() / 3600:g}"
    return (
        f"{counted_rows(rows)} unknown for more than {hours} hours: `ekiden unknown list`, then `ekiden unknown settle`"
    )


def _rows(found: DeploymentStatus, settings: Settings) -> Iterator[tuple[str, str]]:
    rows = found.rows
    yield "due now", counted_rows(rows.due) + (f", and {rows.due_paused} paused" if rows.due_paused else "")
    if rows.late:
        yield "too late", f"{rows.late} of them: the next send holds them, until `ekiden release`"
    if rows.late_paused:
        yield "too late", f"{rows.late_paused} of those paused: the first send after `ekiden resume` holds them"
    for waiting in found.not_carried:
        since = to_the_minute(waiting.oldest_send_at, settings.zone)
        yield (
            "no channel",
            f"{counted_rows(waiting.rows)} of {waiting.channel} due since {since}: configure it (docs/channels.md)",
        )
    for wait in found.waits:
        until = to_the_second(wait.until, settings.zone)
        yield "waiting", f"{wait.channel_name} is left alone until {until}: {wait.reason}"
    if rows.switched_off:
        yield (
            "switched off",
            f"{counted_rows(rows.switched_off)} due, too, of scenarios that are not enabled: waiting until they are",
        )
    yield "ready later", counted_rows(rows.ready_later)
    yield "held", counted_rows(rows.held)
    yield "failed", counted_rows(rows.failed)
    yield "on their way", counted_rows(rows.on_their_way)
    if rows.unknown:
        yield "unknown", f"{counted_rows(rows.unknown)} of which nobody knows whether they were sent: never repeated"
    if rows.unknown_past_limit:
        yield "to settle", to_settle(rows.unknown_past_limit, settings)
    if rows.lost:
        yield "lost", f"{counted_rows(rows.lost)} whose sender is gone: settled by the next send"


def _run(run: LastRun, settings: Settings) -> str:
    days = f" of {run.partition_from} to {run.partition_to}" if run.partition_from else ""
    if run.finished_at is None:
        return f"{to_the_minute(run.started_at, settings.zone)} by {run.actor}{days}: not finished"
    return f"{to_the_minute(run.finished_at, settings.zone)} by {run.actor}{days}: {run.outcome}{_why(run)}"


def _why(run: LastRun) -> str:
    if run.error is None:
        return ""
    if not run.error.strip():
        return " (interrupted, or its error has no words)"
    # the database goes on with details; a list of faults begins on the next line
    first, *more = run.error.strip().splitlines()
    said = f"{first} {more[0].strip()}" if first.endswith(":") and more else first
    return f" ({shortened(said, LONGEST_REASON)})"
