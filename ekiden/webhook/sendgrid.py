"""Requests of SendGrid's event webhook: which are SendGrid's and of our time, and whether anything can be read in them.

Does not belong here: how one is signed (`sendgrid_signature`), keeping it (`door`), and what its events mean
(`ekiden.delivery.events.event_reading`).
"""

from starlette.requests import Request

from ekiden.clock import Clock
from ekiden.delivery.events.event_reading import BodyUnreadable, elements
from ekiden.settings import Settings
from ekiden.webhook.bodies import is_plain
from ekiden.webhook.door import Accept, Authentic, ReadBody
from ekiden.webhook.refusals import RefusalReason, RequestRefused
from ekiden.webhook.sendgrid_signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    is_signed,
    is_stale,
    read_keys,
    signed_at,
)


def accepting(settings: Settings, clock: Clock) -> Accept:
    """Return what accepts SendGrid's requests by this deployment's keys; raises `KeyUnreadable`."""
    keys = read_keys(settings.sendgrid_webhook_key)

    async def accept(request: Request, read: ReadBody) -> Authentic:
        if not is_plain(request, "application/json"):
            raise RequestRefused(RefusalReason.CONTENT_TYPE)
        if not keys:
            raise RequestRefused(RefusalReason.NOT_CONFIGURED)
        signature, timestamp = request.headers.get(SIGNATURE_HEADER), request.headers.get(TIMESTAMP_HEADER)
        moment = signed_at(timestamp)
        if not signature or moment is None:
            raise RequestRefused(RefusalReason.BAD_SIGNATURE)
        body = await read(request)
        if not is_signed(keys, signature, timestamp, body):
            raise RequestRefused(RefusalReason.BAD_SIGNATURE)
        if is_stale(moment, now=clock(), max_age=settings.webhook_max_age):
            raise RequestRefused(RefusalReason.STALE)
        return Authentic(body, moment, _fault_of(body))

    return accept


def _fault_of(body: bytes) -> str | None:
    try:
        elements(body)
    except BodyUnreadable as fault:
        return str(fault)
    return None
