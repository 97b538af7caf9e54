"""From claimed rows to messages: consent and suppression read live, an address chosen, the content rendered.

Nothing here leaves the house or changes the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.content.render import ContentFault, MessageVariables, load_content, render
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import OutgoingMessage, Sender
from ekiden.delivery.recipients import Recipient, SkipReason, choose_address
from ekiden.scenarios.definition import Channel
from ekiden.settings import Settings


@dataclass(frozen=True)
class ClaimedRow:
    """A claimed row with the live facts that decide on it and fill its message."""

    schedule_row_id: int
    enrolment_id: int
    message_id: UUID
    step_no: int
    channel: str
    send_at: Any
    scenario_code: str
    content: str
    consent_recheck: bool
    anchor_date: date
    customer_exists: bool
    family_name: str | None
    given_name: str | None
    email: str | None
    email_2: str | None
    newsletter_status: str | None
    is_suppressed: bool
    suppressed_addresses: list[str]
    anchor_products: list[str]
    offered_products: list[str]


@dataclass(frozen=True)
class Withheld:
    """A row that is not sent, and why."""

    row: ClaimedRow
    reason: SkipReason
    detail: str = ""


def read_claimed(connection: Connection[Any], rows: Sequence[int], number: int) -> list[ClaimedRow]:
    """Return the rows that dispatcher `number` still holds, with live facts."""
    with connection.cursor(row_factory=class_row(ClaimedRow)) as cursor:
        return cursor.execute(
            statement(__file__, "read_claimed"), {"rows": list(rows), "dispatcher": number}
        ).fetchall()


def compose(row: ClaimedRow, settings: Settings) -> OutgoingMessage | Withheld:
    """Return the message of one row, or why there is none."""
    recipient = Recipient(
        addresses=(row.email, row.email_2),
        newsletter_status=row.newsletter_status,
        is_suppressed=row.is_suppressed,
        suppressed_addresses=frozenset(row.suppressed_addresses),
    )
    address = choose_address(recipient, recheck_consent=row.consent_recheck)
    if isinstance(address, SkipReason):
        return Withheld(row, address)
    try:
        rendered = render(load_content(settings.content, row.content), variables_of(row, settings))
    except ContentFault as fault:
        return Withheld(row, SkipReason.CONTENT_INVALID, str(fault))
    if row.channel == Channel.TEXT_EMAIL:
        rendered = replace(rendered, html=None)
    return OutgoingMessage(
        message_id=row.message_id,
        to_address=address,
        to_name=_full_name(row),
        sender=Sender(settings.sender_address, settings.sender_name, settings.reply_to),
        rendered=rendered,
        unsubscribe_url=_unsubscribe_url(row, settings),
        scenario_code=row.scenario_code,
        step_no=row.step_no,
    )


def variables_of(row: ClaimedRow, settings: Settings) -> MessageVariables:
    """Return what the templates may use for this row."""
    return MessageVariables(
        customer_name=_full_name(row),
        family_name=row.family_name or "",
        given_name=row.given_name or "",
        shop_name=settings.sender_name,
        postal_address=settings.postal_address,
        contact_address=settings.reply_to or settings.sender_address,
        unsubscribe_url=_unsubscribe_url(row, settings),
        anchor_date=row.anchor_date,
        anchor_products=tuple(row.anchor_products),
        step_no=row.step_no,
        offered_products=tuple(row.offered_products),
        shop_url=settings.shop_url,
    )


def _full_name(row: ClaimedRow) -> str:
    return " ".join(part for part in (row.given_name, row.family_name) if part)


def _unsubscribe_url(row: ClaimedRow, settings: Settings) -> str:
    # the message's id is random and known to nobody else: an opaque, unguessable token (RFC 8058, section 3.1)
    return f"{settings.unsubscribe_url.rstrip('/')}/{row.message_id}"
