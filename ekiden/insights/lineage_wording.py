"""A message's lineage for people: a tree from the order's lines to the file. No query is here."""

from datetime import datetime
from email import policy
from email.parser import BytesParser
from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from ekiden.counting import counted
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.insights.explanation.wording import key_in_words
from ekiden.insights.lineage import MessageLineage
from ekiden.local_time import to_the_second
from ekiden.settings import Settings

SHOWN_LINES = 5
"""Lines of the anchor order that are listed; a basket can have a hundred."""
SHOWN_EVENTS = 20
"""What the provider told: a message that went well has four or five."""


def describe(message: MessageLineage, settings: Settings) -> Tree:
    """Return the lineage as a tree, instants in the shop's time; the address is shown as `message` has it."""

    def local(moment: datetime | None) -> str:
        return to_the_second(moment, settings.zone) if moment else "-"

    tree = Tree(f"[bold]message {message.message_id}[/]")
    key = key_in_words(message.anchor_kind, message.anchor_key, settings.zone)
    anchor = tree.add(escape(f"anchor: {message.anchor_kind} {key}, {message.anchor_date}"))
    for line in message.anchor_lines[:SHOWN_LINES]:
        name = line.product_name or line.product_id
        quantity = f"{line.quantity.normalize():f}"
        anchor.add(escape(f"order line {line.line_no}: {quantity} x {name}, {local(line.ordered_at)}"))
    if len(message.anchor_lines) > SHOWN_LINES:
        anchor.add(f"and {counted(len(message.anchor_lines) - SHOWN_LINES, 'more line')}")
    tree.add(
        escape(
            f"eligibility: {message.scenario_code} version {message.scenario_version},"
            f" customer {message.customer_id}, dbt build {message.eligibility_build_id or '-'},"
            f" git {message.eligibility_git_revision or '-'}"
        )
    )
    row = tree.add(
        f"schedule row {message.schedule_row_id}: step {message.step_no}, due {message.due_date}, planned for"
        f" {local(message.planned_send_at)} by {_run(message.plan_dagster_run_id, message.plan_run_id)},"
        f" partition {message.plan_partition_date}"
    )
    for change in message.transitions:
        row.add(
            escape(
                f"{change.transition} {change.from_state or '∅'} → {change.to_state}"
                + (f" ({change.reason})" if change.reason else "")
                + f", by {change.actor_kind} {change.actor}, {local(change.transitioned_at)}"
            )
        )
    sent = tree.add(
        escape(
            f"sent {local(message.sent_at)} to {message.to_address or '-'} through {message.channel_name},"
            f" by {_run(message.send_dagster_run_id, message.send_run_id)}"
        )
    )
    consent = sent.add(f"consent: newsletter {message.newsletter_status or '-'}, read {local(message.consent_read_at)}")
    for each in (message.consent_evidence or {}).get("opt_outs", ()):
        scope = f"{each.get('channel', 'every channel')}, {each.get('site', 'every site')}"
        since = local(datetime.fromisoformat(each["since"]))
        aside = "another address" if each.get("applies", True) else "other messages"
        consent.add(escape(f"opt-out {each['id']} ({scope}, since {since}) was of {aside}"))
    for each in (message.consent_evidence or {}).get("suppressions", ()):
        since = local(datetime.fromisoformat(each["since"]))
        consent.add(escape(f"suppressed: entry {each['id']} ({each['reason']}, since {since}) was of another address"))
    sent.add(escape(f"content: {message.content}, sha256 {message.content_hash or '-'}"))
    if message.list_file:
        sent.add(escape(f"file: {settings.exports / message.list_file}"))
    elif file := _file(message, settings):
        sent.add(f"subject: {escape(_subject(file))}")
        sent.add(escape(f"file: {file}"))
    else:
        sent.add(escape(f"provider's id: {message.provider_message_id or '-'}"))
    if word := message.sent_by_word:
        sent.add(escape(f"settled as sent by {word.settled_by}, {local(word.settled_at)}: {word.reason}"))
    for event in message.events[:SHOWN_EVENTS]:
        by_machine = " by a machine" if event.is_machine else ""
        about = f": {event.about}" if event.about else ""
        tree.add(escape(f"{event.kind.replace('_', ' ')}{by_machine}, {local(event.happened_at)}{about}"))
    if (more := len(message.events) - SHOWN_EVENTS) > 0:
        tree.add(f"and {counted(more, 'more event')}; --format json has them all")
    return tree


def _run(dagster_run_id: str | None, run_id: object) -> str:
    return f"Dagster run {dagster_run_id}" if dagster_run_id else f"run {run_id}"


def _file(message: MessageLineage, settings: Settings) -> Path | None:
    outbox = OutboxChannel(settings.outbox)
    return outbox.path_of(message.message_id) if message.channel_name == outbox.name else None


def _subject(file: Path) -> str:
    with file.open("rb") as content:
        return str(BytesParser(policy=policy.default).parse(content, headersonly=True)["Subject"])
