"""Twilio's status callbacks: which are Twilio's, of the message that the path names.

Nothing in one says when it was signed: a captured request may be sent again for ever, and says nothing new. Does not
belong here: how one is signed (`twilio_signature`), keeping it (`door`), and what it says of a message
(`ekiden.delivery.events.status_reading`).
"""

from uuid import UUID

from starlette.requests import Request

from ekiden.clock import Clock
from ekiden.delivery.events.event_reading import BodyUnreadable
from ekiden.delivery.events.status_reading import fields_of, kept_body, status_callback
from ekiden.settings import Settings
from ekiden.webhook.bodies import is_plain
from ekiden.webhook.door import Accept, Authentic, ReadBody
from ekiden.webhook.refusals import RefusalReason, RequestRefused
from ekiden.webhook.twilio_signature import SIGNATURE_HEADER, is_signed, signed_forms


def accepting(settings: Settings, clock: Clock) -> Accept:
    """Return what accepts Twilio's callbacks, by this deployment's account and the address it tells Twilio."""
    token, status_url = settings.twilio_auth_token, settings.twilio_status_url

    async def accept(request: Request, read: ReadBody) -> Authentic:
        if not is_plain(request, "application/x-www-form-urlencoded"):
            raise RequestRefused(RefusalReason.CONTENT_TYPE)
        # an empty one, as a placeholder is, is a key that everybody has
        if token is None or not token.get_secret_value().strip() or status_url is None:
            raise RequestRefused(RefusalReason.NOT_CONFIGURED)
        body = await read(request)
        message_id: UUID = request.path_params["message_id"]
        try:
            fields = fields_of(body)
        except BodyUnreadable:
            # what is signed is its fields
            raise RequestRefused(RefusalReason.BAD_SIGNATURE) from None
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not is_signed(token, signed_forms(status_callback(status_url, message_id)), fields, signature):
            raise RequestRefused(RefusalReason.BAD_SIGNATURE)
        return Authentic(kept_body(message_id, body), clock())

    return accept
