"""From rows about to be claimed to messages: consent and suppression read live, an address chosen, content rendered.

Nothing here leaves the house or changes the ledger. Belongs here: reading what a message needs, and the one answer to
each row: a message, or why there is none. Does not belong here: the rules that say so (`address`), a content's words
(`ekiden.content`), or which rows it is about (`last_look`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from ekiden.content.render import ContentFault, MessageVariables, render
from ekiden.content.variants import Variants, load_variants
from ekiden.database.arrays import as_array
from ekiden.database.rows import by_column
from ekiden.database.statements import statement
from ekiden.delivery.address.browsers import newest_web_push_subscription
from ekiden.delivery.address.contact_points import ContactPoints
from ekiden.delivery.address.reach import Reached, Refusal, reach
from ekiden.delivery.address.recipients import BOTH_ADDRESSES, SkipReason, domain_kind
from ekiden.delivery.channels import from_address_for
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage
from ekiden.delivery.consent.objections import NO_OBJECTIONS, Asked, Objections, read_objections
from ekiden.delivery.consent.unsubscribe_tokens import UnsubscribeLinks, links_for
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.scenarios.definition import Channel as StepChannel
from ekiden.scenarios.scenario import AddressPolicy
from ekiden.settings import Settings

TEXT_FORMAT = "text"
"""What a customer asks for who wants no HTML, as the raw contract writes it (R-147)."""


class RowToSend(NamedTuple):
    """A row that is about to be claimed, with the live facts that decide on it and fill its message."""

    schedule_row_id: int
    message_id: UUID
    step_no: int
    channel: str
    customer_id: str
    scenario_code: str
    content: str
    consent_recheck: bool
    address_policy: dict[str, Any] | None
    """As the row's scenario version says it; None: nothing was said (C-18)."""
    variant_by_domain: bool
    anchor_date: date
    customer_exists: bool
    family_name: str | None
    given_name: str | None
    email: str | None
    email_2: str | None
    mail_format: str | None
    """What the customer asked for: text, html, or None (R-147)."""
    phone: str | None
    line_user_id: str | None
    web_push_subscription: str | None
    newsletter_status: str | None
    anchor_products: list[str]
    offered_products: list[str]
    objections: Objections = NO_OBJECTIONS
    """What stands against writing to the customer."""


@dataclass(frozen=True)
class Withheld:
    """A row that is not sent, and why."""

    row: RowToSend
    reason: SkipReason
    detail: str = ""


def read_due(connection: Connection[Any], rows: Sequence[int], *, country_code: int, time_zone: str) -> list[RowToSend]:
    """Return the rows, which the caller has locked, with live facts, in the order of their send times.

    `country_code` is the one of telephone numbers that are written without, `time_zone` the shop's.
    """
    if not rows:
        return []
    with connection.cursor(row_factory=by_column(RowToSend)) as cursor:
        query = statement(__file__, "read_rows_to_send")
        newest = newest_web_push_subscription("due.customer_id")
        due = cursor.execute(
            query.format(web_push_subscription=newest), {"rows": as_array(rows), "time_zone": time_zone}
        ).fetchall()
    # last: what is told while the rest was read counts as well
    objections = read_objections(connection, (_asked(row, country_code) for row in due))
    return [
        row._replace(objections=objections[row.schedule_row_id]) if row.schedule_row_id in objections else row
        for row in due
    ]


def _asked(row: RowToSend, country_code: int) -> Asked:
    written = reached(row).written(row.channel, country_code=country_code)
    return Asked(row.schedule_row_id, row.customer_id, row.channel, written)


def compose_all(rows: Sequence[RowToSend], settings: Settings) -> list[tuple[RowToSend, OutgoingMessage | Withheld]]:
    """Return the message of each row, or why there is none; each content is read once.

    Raises `ContentsBroken` where a content has faults, whoever it is for: somebody may be editing it at this moment,
    and nobody is skipped for that.
    """
    offers = {(row.content, row.channel, tuple(row.offered_products)) for row in rows}
    offers_of = Counter((content, channel) for content, channel, _ in offers)
    contents = {kind: _Content(load_variants(settings.content, *kind), many == 1) for kind, many in offers_of.items()}
    house = _House(settings, from_address_for(settings), links_for(settings))
    # all of them before the first message: a processor that stays at one kind of work saves a tenth
    addresses = [_address(row, settings) for row in rows]
    composed = [
        (row, _compose(row, address, contents[row.content, row.channel], house))
        for row, address in zip(rows, addresses, strict=True)
    ]
    invalid = {(row.content, row.channel) for row, item in composed if _is_of_invalid_content(item)}
    faults = {kind[0]: fault for kind in invalid if (fault := contents[kind].variants.fault)}
    if faults:
        raise ContentsBroken(faults)
    return composed


def _is_of_invalid_content(item: OutgoingMessage | Withheld) -> bool:
    return isinstance(item, Withheld) and item.reason is SkipReason.CONTENT_INVALID


@dataclass(frozen=True)
class _Content:
    """A content of a batch; `one_offer`: all its messages in there offer the same."""

    variants: Variants
    one_offer: bool


@dataclass(frozen=True)
class _House:
    """What is the same in all messages."""

    settings: Settings
    from_address: FromAddress
    links: UnsubscribeLinks


def _address(row: RowToSend, settings: Settings) -> str | Withheld:
    """Return where the message of one row goes, or why it goes nowhere."""
    address = reach(
        reached(row),
        row.channel,
        policy=AddressPolicy.model_validate(row.address_policy) if row.address_policy else BOTH_ADDRESSES,
        recheck_consent=row.consent_recheck,
        country_code=settings.phone_country_code,
    )
    if not isinstance(address, Refusal):
        return address
    is_erased = address.reason is SkipReason.NO_ADDRESS and not row.customer_exists
    return Withheld(row, address.reason, "the shop has no such customer any more" if is_erased else address.detail)


def _compose(row: RowToSend, address: str | Withheld, of_batch: _Content, house: _House) -> OutgoingMessage | Withheld:
    """Return the message of one row, or why there is none."""
    if isinstance(address, Withheld):
        return address
    content = of_batch.variants.of(domain_kind(address) if row.variant_by_domain else "pc")
    if isinstance(content, ContentFault):
        return Withheld(row, SkipReason.CONTENT_INVALID, str(content))
    variables = variables_of(row, house.settings, house.links.link(row.message_id))
    try:
        rendered = render(content, variables, one_offer=of_batch.one_offer)
    except ContentFault as fault:
        return Withheld(row, SkipReason.CONTENT_INVALID, str(fault))
    if row.channel == StepChannel.TEXT_EMAIL or row.mail_format == TEXT_FORMAT:
        rendered = rendered.without_html()
    return OutgoingMessage(
        message_id=row.message_id,
        to_address=address,
        to_name=variables.customer_name,
        from_address=house.from_address,
        rendered=rendered,
        unsubscribe_url=variables.unsubscribe_url,
        scenario_code=row.scenario_code,
        step_no=row.step_no,
    )


def reached(row: RowToSend) -> Reached:
    """Return what decides where this row's message may go."""
    points = ContactPoints(row.phone, row.line_user_id, row.web_push_subscription)
    return Reached((row.email, row.email_2), points, row.newsletter_status, row.objections)


def variables_of(row: RowToSend, settings: Settings, unsubscribe_url: str) -> MessageVariables:
    """Return what the templates may use for this row."""
    return MessageVariables(
        customer_name=_full_name(row, settings),
        family_name=row.family_name or "",
        given_name=row.given_name or "",
        shop_name=settings.sender_name,
        postal_address=settings.postal_address,
        contact_address=settings.reply_to or settings.sender_address,
        unsubscribe_url=unsubscribe_url,
        anchor_date=row.anchor_date,
        anchor_products=tuple(row.anchor_products),
        step_no=row.step_no,
        offered_products=tuple(row.offered_products),
        shop_url=settings.shop_url,
    )


def _full_name(row: RowToSend, settings: Settings) -> str:
    names = (row.family_name, row.given_name)
    ordered = names if settings.name_order == "family_first" else reversed(names)
    return " ".join(name for name in ordered if name)
