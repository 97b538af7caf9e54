"""The lineage of one message: from the order's lines to the provider's id, with every transition in between (R-225)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.address.addresses import masked, without_people
from ekiden.errors import SaysEnough
from ekiden.scenarios.anchor import ORDER_ANCHORS


@dataclass(frozen=True)
class AnchorLine:
    """One line of the order that a message counts from."""

    line_no: int
    product_id: str
    product_name: str | None
    quantity: Decimal
    ordered_at: datetime


@dataclass(frozen=True)
class Transition:
    """One change of state of the message's schedule row."""

    transition: str
    from_state: str | None
    to_state: str
    reason: str | None
    actor_kind: str
    actor: str
    transitioned_at: datetime


@dataclass(frozen=True)
class DeliveryEvent:
    """One thing the provider told of the message; `about` is a link or a reason."""

    kind: str
    happened_at: datetime
    about: str | None
    is_machine: bool


@dataclass(frozen=True)
class SentByWord:
    """A person's word that the message was sent, of which nobody knew."""

    settled_by: str
    settled_at: datetime
    reason: str


@dataclass(frozen=True)
class MessageLineage:
    """Everything one delivered message can be traced by; instants are aware."""

    message_id: UUID
    scenario_code: str
    scenario_name: str
    scenario_version: int
    step_no: int
    channel: str
    channel_name: str
    customer_id: str
    to_address: str | None
    newsletter_status: str | None
    consent_read_at: datetime | None
    consent_evidence: Mapping[str, Sequence[Mapping[str, Any]]] | None
    """Entries of the suppression list and opt-outs that were found then, those included that concern other messages."""
    content_hash: str | None
    content: str
    provider_message_id: str | None
    anchor_kind: str
    anchor_key: str
    anchor_date: date
    due_date: date
    planned_send_at: datetime
    send_at: datetime
    sent_at: datetime
    released_at: datetime | None
    released_by: str | None
    schedule_row_id: int
    enrolment_id: int
    entered_at: datetime
    plan_run_id: UUID
    plan_partition_date: date
    plan_dagster_run_id: str | None
    send_run_id: UUID
    send_dagster_run_id: str | None
    list_file: str | None
    """The name of the list's file, of a letter or a call; `ekiden export --again` may have written others since."""
    eligibility_build_id: str | None
    eligibility_git_revision: str | None
    anchor_lines: tuple[AnchorLine, ...] = ()
    transitions: tuple[Transition, ...] = ()
    events: tuple[DeliveryEvent, ...] = ()
    sent_by_word: SentByWord | None = None


class UnknownMessage(SaysEnough, LookupError):
    """No message has this id."""


def lineage(connection: Connection[Any], message_id: UUID) -> MessageLineage:
    """Return the lineage of a message; raises `UnknownMessage`."""
    with connection.cursor(row_factory=class_row(MessageLineage)) as cursor:
        message = cursor.execute(statement(__file__, "lineage"), {"message_id": message_id}).fetchone()
    if message is None:
        raise UnknownMessage(f"no message {message_id} was sent; find ids with `ekiden rows --state sent`")
    with connection.cursor(row_factory=class_row(AnchorLine)) as cursor:
        # the key of another anchor, an event's for one, may be the number of somebody's order as well
        order_id = message.anchor_key if message.anchor_kind in ORDER_ANCHORS else None
        lines = cursor.execute(statement(__file__, "anchor_lines"), {"order_id": order_id}).fetchall()
    with connection.cursor(row_factory=class_row(Transition)) as cursor:
        transitions = cursor.execute(
            statement(__file__, "row_transitions"), {"schedule_row_id": message.schedule_row_id}
        ).fetchall()
    with connection.cursor(row_factory=class_row(DeliveryEvent)) as cursor:
        events = cursor.execute(statement(__file__, "message_events"), {"message_id": message_id}).fetchall()
    with connection.cursor(row_factory=class_row(SentByWord)) as cursor:
        sent_by_word = cursor.execute(statement(__file__, "sent_by_word"), {"message_id": message_id}).fetchone()
    return replace(
        message,
        anchor_lines=tuple(lines),
        transitions=tuple(transitions),
        events=tuple(events),
        sent_by_word=sent_by_word,
    )


def masked_lineage(message: MessageLineage) -> MessageLineage:
    """Return the lineage fit to be shown: the address masked, also where a provider or a person repeats it."""

    def shown(text: str | None) -> str | None:
        return without_people(text) if text else text

    word = message.sent_by_word
    return replace(
        message,
        to_address=masked(message.to_address),
        transitions=tuple(replace(each, reason=shown(each.reason)) for each in message.transitions),
        events=tuple(replace(each, about=shown(each.about)) for each in message.events),
        sent_by_word=replace(word, reason=without_people(word.reason)) if word else None,
    )


def latest_messages(connection: Connection[Any], *, limit: int) -> list[UUID]:
    """Return the ids of the messages sent last, the newest first, at most one per scenario and step in turn."""
    rows = connection.execute(statement(__file__, "latest_messages"), {"limit": limit}).fetchall()
    return [message_id for (message_id,) in rows]
