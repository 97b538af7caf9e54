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

from ekiden.content.render import ContentFault, MessageVariables, StepContent, load_content, render
from ekiden.database.statements import statement
from ekiden.delivery.channels import sender_for
from ekiden.delivery.channels.base import OutgoingMessage
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


def compose_all(rows: Sequence[ClaimedRow], settings: Settings) -> list[tuple[ClaimedRow, OutgoingMessage | Withheld]]:
    """Return the message of each row, or why there is none; each content is read once."""
    contents = {name: _load(name, settings) for name in {row.content for row in rows}}
    return [(row, compose(row, contents[row.content], settings)) for row in rows]


def _load(name: str, settings: Settings) -> StepContent | ContentFault:
    try:
        return load_content(settings.content, name)
    except ContentFault as fault:
        return fault


def compose(row: ClaimedRow, content: StepContent | ContentFault, settings: Settings) -> OutgoingMessage | Withheld:
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
    if isinstance(content, ContentFault):
        return Withheld(row, SkipReason.CONTENT_INVALID, str(content))
    try:
        rendered = render(content, variables_of(row, settings))
    except ContentFault as fault:
        return Withheld(row, SkipReason.CONTENT_INVALID, str(fault))
    if row.channel == Channel.TEXT_EMAIL:
        rendered = replace(rendered, html=None)
    return OutgoingMessage(
        message_id=row.message_id,
        to_address=address,
        to_name=_full_name(row, settings),
        sender=sender_for(settings),
        rendered=rendered,
        unsubscribe_url=_unsubscribe_url(row, settings),
        scenario_code=row.scenario_code,
        step_no=row.step_no,
    )


def variables_of(row: ClaimedRow, settings: Settings) -> MessageVariables:
    """Return what the templates may use for this row."""
    return MessageVariables(
        customer_name=_full_name(row, settings),
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


def _full_name(row: ClaimedRow, settings: Settings) -> str:
    names = (row.family_name, row.given_name)
    ordered = names if settings.name_order == "family_first" else reversed(names)
    return " ".join(name for name in ordered if name)


def _unsubscribe_url(row: ClaimedRow, settings: Settings) -> str:
    # the message's id says whose opt-out it is and tells a stranger nothing
    return f"{settings.unsubscribe_url.rstrip('/')}/{row.message_id}"
