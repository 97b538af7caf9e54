"""Ways to carry messages, one module each, behind one boundary (`base.py`).

This module chooses: it knows the settings, the channels do not.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from ekiden.delivery.channels.base import (
    Carrier,
    Channel,
    Delivery,
    LineBusy,
    LineStopped,
    Outcome,
    OutgoingMessage,
    Sender,
)
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings

__all__ = [
    "Carrier",
    "Channel",
    "Delivery",
    "LineBusy",
    "LineStopped",
    "Outcome",
    "OutgoingMessage",
    "Sender",
    "carriers_for",
    "channel_for",
    "sender_for",
]


def _now() -> datetime:
    return datetime.now(UTC)


def carriers_for(settings: Settings, *, clock: Callable[[], datetime] = _now) -> tuple[Carrier, ...]:
    """Return every way of sending that this deployment has configured; mail is always one of them."""
    return (Carrier(channel_for(settings, clock=clock), MAIL_CHANNELS),)


def channel_for(settings: Settings, *, clock: Callable[[], datetime] = _now) -> Channel:
    """Return the mail channel of this deployment: the one it names, else SendGrid if a key is set, else the outbox."""
    if settings.channel == "sendgrid" and settings.sendgrid_api_key is None:
        raise ValueError("EKIDEN_CHANNEL is sendgrid, and there is no key: set EKIDEN_SENDGRID_API_KEY")
    if settings.channel == "outbox" or settings.sendgrid_api_key is None:
        return OutboxChannel(settings.outbox, clock)
    # the package and its transport take a while to import: only where mail goes that way
    from ekiden.delivery.channels.sendgrid import SENDGRID_HOST, SendGridChannel  # noqa: PLC0415

    host = str(settings.sendgrid_host) if settings.sendgrid_host else SENDGRID_HOST
    return SendGridChannel(settings.sendgrid_api_key, host=host, clock=clock)


def sender_for(settings: Settings) -> Sender:
    """Return who this deployment's messages are from."""
    return Sender(settings.sender_address, settings.sender_name, settings.reply_to)
