"""A message's lineage for people: a few lines from the order to the file. No query is here."""

from datetime import datetime
from pathlib import Path

from rich.text import Text

from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.insights.lineage import MessageLineage
from ekiden.settings import Settings

SHOWN_LINES = 5
"""Lines of the anchor order that are listed; a basket can have a hundred."""


def _file(message: MessageLineage, settings: Settings) -> Path | None:
    outbox = OutboxChannel(settings.outbox)
    return outbox.path_of(message.message_id) if message.channel_name == outbox.name else None


def describe(message: MessageLineage, settings: Settings) -> Text:
    """Return the lineage as text, instants in the shop's time."""

    def local(moment: datetime | None) -> str:
        return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M:%S}" if moment else "-"

    lines = [
        ("message", f"{message.message_id} to {message.to_address}"),
        ("scenario", f"{message.scenario_code} version {message.scenario_version}, step {message.step_no}"),
        ("anchor", f"{message.anchor_kind} {message.anchor_key} on {message.anchor_date}"),
    ]
    lines += [
        ("order line", f"{line.line_no}: {line.quantity.normalize():f} x {line.product_name} ({line.product_id})")
        for line in message.anchor_lines[:SHOWN_LINES]
    ]
    if len(message.anchor_lines) > SHOWN_LINES:
        lines.append(("", f"and {len(message.anchor_lines) - SHOWN_LINES} more lines"))
    lines += [
        ("eligibility", f"dbt build {message.eligibility_build_id}, git {message.eligibility_git_revision or '-'}"),
        (
            "planned",
            f"run {message.plan_run_id}, partition {message.plan_partition_date}"
            + (f", Dagster run {message.plan_dagster_run_id}" if message.plan_dagster_run_id else ""),
        ),
        ("due", f"{message.due_date}, planned for {local(message.planned_send_at)}"),
    ]
    lines += [
        (
            change.transition,
            f"{change.from_state or 'new'} → {change.to_state}"
            f" at {local(change.transitioned_at)} by {change.actor_kind} {change.actor}"
            + (f" ({change.reason})" if change.reason else ""),
        )
        for change in message.transitions
    ]
    lines += [
        ("consent", f"newsletter {message.newsletter_status}, read {local(message.consent_read_at)}"),
        ("content", f"{message.content}, sha256 {message.content_hash}"),
        (
            "sent",
            f"{local(message.sent_at)} through {message.channel_name}, run {message.send_run_id}"
            + (f", Dagster run {message.send_dagster_run_id}" if message.send_dagster_run_id else ""),
        ),
        ("provider id", message.provider_message_id or "-"),
    ]
    if file := _file(message, settings):
        lines.append(("file", str(file)))
    text = Text()
    for label, value in lines:
        text.append(f"{label:>12}  ", style="bold").append(f"{value}\n")
    return text
