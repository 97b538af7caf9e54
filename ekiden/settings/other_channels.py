"""What a deployment sends by besides mail: LINE, SMS and web push.

Does not belong here: what every channel has (`sending`).
"""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from ekiden.settings.values import ProviderUrl, listed


class OtherChannelSettings(BaseModel):
    """LINE, SMS and web push."""

    line_channel_access_token: SecretStr | None = None
    """The Messaging API's token of the shop's LINE account; without one no LINE message is sent."""

    line_host: ProviderUrl | None = None
    """LINE's address; unset: the provider's own. For a test server."""

    twilio_account_sid: str | None = None
    """Twilio's account, for SMS; with it `twilio_auth_token`, and a sender: `twilio_from` or a messaging service."""

    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None
    """The number (+81…) or name that SMS come from."""

    twilio_messaging_service_sid: str | None = None
    """The messaging service that chooses the number."""

    twilio_host: ProviderUrl | None = None
    """Twilio's address; unset: the provider's own. For another region or a test server."""

    phone_country_code: int = Field(81, ge=1, le=999)
    """Of telephone numbers that are written without one, like 090-1234-5678."""

    vapid_private_key: SecretStr | None = None
    """The key for which browsers subscribed, in base64url or as PEM; without one no notification is sent."""

    vapid_subject: str | None = None
    """Whom a push service may write to about us: `mailto:…` or `https://…` (RFC 8292); unset: `sender_address`."""

    web_push_services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = (
        "fcm.googleapis.com",
        "push.services.mozilla.com",
        "notify.windows.com",
        "push.apple.com",
    )
    """Hosts that subscriptions may name, and those below them; `a,b` in the environment.

    Subscriptions come from customers: whatever else one names would make us call it from inside the house.
    """
