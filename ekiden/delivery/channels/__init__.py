"""Ways to carry messages, one module or package each, behind one boundary (`base`).

This module chooses: it knows the settings, the channels do not. What a channel needs is imported only where a
deployment has it: the packages take a while. Does not belong here: what is sent to whom (`sending`), and what
providers tell afterwards (`events`).
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.addressing import can_begin_links, split_address
from ekiden.delivery.channels.base import (
    Carrier,
    Channel,
    FromAddress,
    ProviderStopped,
)
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.scenarios.definition import Channel as StepChannel
from ekiden.settings import NO_UNSUBSCRIBE_URL, Settings
from ekiden.settings.values import is_this_machine

__all__ = [
    "Carrier",
    "Channel",
    "ChannelMisconfigured",
    "ProviderStopped",
    "carried_channels",
    "carriers_for",
    "channel_for",
    "from_address_for",
    "mail_goes_by",
]


ONE_BY_ONE = 50
"""Messages taken together by a channel that posts each by itself: some seconds between reading consent and posting."""

FIRST_PORT_OF_ANYBODY = 1_024
"""Below it, a server that listens on this machine was set up by whoever runs it, to take mail for others (25, 587)."""


class ChannelMisconfigured(SaysEnough, ValueError):
    """A channel that the settings ask for cannot be made from them; the text names the variable."""


def carriers_for(settings: Settings, *, clock: Clock = utc_now) -> tuple[Carrier, ...]:
    """Return every way of sending that this deployment has configured; mail is always one of them.

    Where mail is kept in the house by `channel = "outbox"`, nothing else goes out either. Raises
    `ChannelMisconfigured` if one is half configured.
    """
    mail = Carrier(
        channel_for(settings, clock=clock), MAIL_CHANNELS, ONE_BY_ONE if mail_goes_by(settings) == "smtp" else None
    )
    makers = {StepChannel.LINE: _line, StepChannel.SMS: _twilio, StepChannel.WEB_PUSH: _web_push}
    try:
        return (mail, *(Carrier(makers[name](settings, clock), (name,), ONE_BY_ONE) for name in _others(settings)))
    except ValueError as error:
        raise ChannelMisconfigured(str(error)) from None


def carried_channels(settings: Settings) -> tuple[str, ...]:
    """Return the channels of steps that `carriers_for` would carry, without making a channel."""
    return (*MAIL_CHANNELS, *_others(settings))


def _others(settings: Settings) -> Iterator[StepChannel]:
    """Yield the channels besides mail that have credentials, unless nothing may leave the house."""
    if settings.channel == "outbox":
        return
    if settings.line_channel_access_token is not None:
        yield StepChannel.LINE
    if settings.twilio_account_sid is not None:
        yield StepChannel.SMS
    if settings.vapid_private_key is not None:
        yield StepChannel.WEB_PUSH


def _line(settings: Settings, clock: Clock) -> Channel:
    from ekiden.delivery.channels.line import LINE_HOST, LineChannel  # noqa: PLC0415

    assert settings.line_channel_access_token is not None  # that is why it is asked for
    return LineChannel(settings.line_channel_access_token, host=str(settings.line_host or LINE_HOST), clock=clock)


def _twilio(settings: Settings, clock: Clock) -> Channel:
    from ekiden.delivery.channels.sms import TWILIO_HOST, TwilioAccount, TwilioChannel  # noqa: PLC0415

    if settings.twilio_auth_token is None:
        raise ValueError("EKIDEN_TWILIO_ACCOUNT_SID is set, and there is no EKIDEN_TWILIO_AUTH_TOKEN")
    account = TwilioAccount(
        settings.twilio_account_sid or "",
        settings.twilio_auth_token,
        sender=settings.twilio_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
    )
    status_url = settings.twilio_status_url
    if status_url is not None and not can_begin_links(status_url):
        way_out = "write it like https://mail.shop.example/webhook/twilio, without ? and #: an id is appended"
        raise ValueError(f"EKIDEN_TWILIO_STATUS_URL is {status_url!r}; {way_out}")
    host = str(settings.twilio_host or TWILIO_HOST)
    if not is_this_machine(urlsplit(host).hostname or ""):
        # the law on specified e-mail holds for SMS as well
        _check_sender(settings)
    return TwilioChannel(account, host=host, status_url=status_url, clock=clock)


def _web_push(settings: Settings, clock: Clock) -> Channel:
    from ekiden.delivery.channels.web_push import WebPushChannel  # noqa: PLC0415

    assert settings.vapid_private_key is not None  # that is why it is asked for
    return WebPushChannel(
        settings.vapid_private_key,
        subject=settings.vapid_subject or f"mailto:{settings.sender_address}",
        services=settings.web_push_services,
        shop_url=settings.shop_url,
        clock=clock,
    )


def mail_goes_by(settings: Settings) -> str:
    """Return the name of this deployment's mail channel: the one it names, else the first of these that it has.

    SendGrid if there is a key, SMTP if there is a host, the outbox.
    """
    return settings.channel or ("sendgrid" if settings.sendgrid_api_key else "smtp" if settings.smtp_host else "outbox")


def channel_for(settings: Settings, *, clock: Clock = utc_now) -> Channel:
    """Return the mail channel by `mail_goes_by`; raises `ChannelMisconfigured` if it is not, or half, configured."""
    named = mail_goes_by(settings)
    try:
        _check_what_is_in_all(settings)
        if named == "sendgrid":
            return _sendgrid(settings, clock)
        return _smtp(settings, clock) if named == "smtp" else OutboxChannel(settings.outbox, clock)
    except ValueError as error:
        raise ChannelMisconfigured(str(error)) from None


def _smtp(settings: Settings, clock: Clock) -> Channel:
    from ekiden.delivery.channels.smtp.channel import MailServer, SMTPChannel  # noqa: PLC0415

    if settings.smtp_host is None:
        raise ValueError("EKIDEN_CHANNEL is smtp, and there is no server: set EKIDEN_SMTP_HOST")
    server = MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        settings.smtp_password,
    )
    # a mail server of this machine's own passes mail on; what only shows it listens where anybody may
    if not is_this_machine(settings.smtp_host) or settings.smtp_port < FIRST_PORT_OF_ANYBODY:
        _check_sender(settings)
    return SMTPChannel(server, envelope_sender=settings.smtp_envelope_sender, clock=clock)


def _sendgrid(settings: Settings, clock: Clock) -> Channel:
    from ekiden.delivery.channels.sendgrid.channel import SENDGRID_HOST, SendGridChannel  # noqa: PLC0415

    if settings.sendgrid_api_key is None:
        raise ValueError("EKIDEN_CHANNEL is sendgrid, and there is no key: set EKIDEN_SENDGRID_API_KEY")
    host = str(settings.sendgrid_host) if settings.sendgrid_host else SENDGRID_HOST
    if not is_this_machine(urlsplit(host).hostname or ""):
        _check_sender(settings)
    return SendGridChannel(
        settings.sendgrid_api_key,
        host=host,
        clock=clock,
        connections=settings.sendgrid_connections,
        substitution_bytes=settings.sendgrid_substitution_bytes,
    )


def _check_what_is_in_all(settings: Settings) -> None:
    """Raise `ValueError` for what would be wrong in every mail, before the first one fails for it."""
    for variable, address in (("SENDER_ADDRESS", settings.sender_address), ("REPLY_TO", settings.reply_to)):
        if address is not None and split_address(address) is None:
            raise ValueError(f"EKIDEN_{variable} is {address!r}, which is no mail address")
    if not can_begin_links(settings.unsubscribe_url):
        way_out = "write it like https://mail.shop.example/unsubscribe, without ? and #: a token is appended"
        raise ValueError(f"EKIDEN_UNSUBSCRIBE_URL is {settings.unsubscribe_url!r}; {way_out}")


def _check_sender(settings: Settings) -> None:
    """Raise `ValueError` where what leaves the house would be from nobody, or without a way out.

    It needs both by law, and for the providers. An SMS says the name, and the rest stands behind its link.
    """
    samples = {name: field.default for name, field in Settings.model_fields.items()}
    lacking = {
        "SENDER_ADDRESS": settings.sender_address.endswith(".invalid"),
        "SENDER_NAME": settings.sender_name in ("", samples["sender_name"]),
        "POSTAL_ADDRESS": settings.postal_address in ("", samples["postal_address"]),
    }
    if any(lacking.values()):
        variables = ", ".join(f"EKIDEN_{name}" for name, is_lacking in lacking.items() if is_lacking)
        raise ValueError(f"messages would be from nobody: set {variables}")
    if settings.unsubscribe_url == NO_UNSUBSCRIBE_URL:
        raise ValueError("links to unsubscribe would lead nowhere: set EKIDEN_UNSUBSCRIBE_URL (docs/consent.md)")


def from_address_for(settings: Settings) -> FromAddress:
    """Return who this deployment's messages are from."""
    return FromAddress(settings.sender_address, settings.sender_name, settings.reply_to)
