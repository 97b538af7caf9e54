"""What following the unsubscribe link of a message means: whose message it was, and the opt-out it becomes.

Belongs here: from a link's token to an opt-out. Does not belong here: the token's signature (`unsubscribe_tokens`),
and HTTP (`ekiden.webhook.unsubscribe`).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from itsdangerous import Signer
from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.consent.objections import sites_of
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, channel_of, opt_out
from ekiden.delivery.consent.unsubscribe_tokens import message_of
from ekiden.delivery.unknown.carried import CARRIED_ALREADY

UUID_LENGTH = 36
"""Characters of a message id as it is written."""


@dataclass(frozen=True)
class Addressee:
    """Who got a message, where, and of which site it was."""

    schedule_row_id: int
    message_id: UUID
    customer_id: str
    channel: str
    to_address: str | None
    site: str | None = None


def addressee_of(connection: Connection[Any], signer: Signer, token: str) -> Addressee | None:
    """Return who got the message of a link, None for a token that is of none.

    Links of messages claimed before links were signed carry the bare message id, and go on working.
    """
    message_id = message_of(signer, token)
    is_signed = message_id is not None
    message_id = message_id or _bare_message_id(token)
    if message_id is None:
        return None
    with connection.cursor(row_factory=class_row(Addressee)) as cursor:
        values = {"message_id": message_id, "is_signed": is_signed, "carried_already": CARRIED_ALREADY}
        found = cursor.execute(statement(__file__, "addressee"), values).fetchone()
    if found is None:
        return None
    return replace(found, site=sites_of(connection, [found.schedule_row_id]).get(found.schedule_row_id))


def unsubscribe(
    connection: Connection[Any], addressee: Addressee, *, source: str, now: datetime, only_site: bool = False
) -> bool:
    """Record, in the caller's transaction, that the addressee wants no more such messages; return whether it is new.

    It holds for the channel the message came by, for the customer, and for the address whoever else has it. Of every
    site, since a one-click request cannot say that others are welcome; `only_site`: of the message's alone, where it
    has one.
    """
    channel = OptOutChannel(channel_of(addressee.channel))
    asked = NewOptOut(
        customer_id=addressee.customer_id,
        # other channels' addresses are the customer's own
        address=addressee.to_address if channel is OptOutChannel.MAIL else None,
        channel=channel,
        site=addressee.site if only_site else None,
        message_id=addressee.message_id,
    )
    return bool(opt_out(connection, [asked], source=source, now=now, recorded_by=None))


def _bare_message_id(token: str) -> UUID | None:
    if len(token) != UUID_LENGTH:
        return None
    try:
        message_id = UUID(token)
    except ValueError:
        return None
    return message_id if str(message_id) == token.lower() else None
