"""How a deployment's mail goes out, and from whom.

Does not belong here: what every channel has (`sending`), and what the other channels need (`other_channels`).
"""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from ekiden.settings.values import Duration, ProviderUrl


class MailSettings(BaseModel):
    """Mail."""

    channel: Literal["outbox", "sendgrid", "smtp"] | None = None
    """How mail goes out; unset: SendGrid if there is a key, else a mail server if there is a host, else the outbox.

    `outbox`, where it is said: nothing leaves the house, by whatever other channel there may be credentials for.
    """

    sender_address: str = "shop@ekiden.invalid"
    sender_name: str = "Ekiden Shop"
    reply_to: str | None = None
    postal_address: str = "1-1 Sample Street, Sample City"
    """The sender's postal address; the law asks for it in every message."""

    smtp_host: str | None = None
    """The mail server that takes our mail; the delivery is its own."""

    smtp_port: int = Field(587, ge=1, le=65_535)
    """587 is submission with STARTTLS (RFC 6409), 465 submission over TLS (RFC 8314)."""

    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way there is encrypted; the server's certificate is checked. `none`: for a server in the house."""

    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_envelope_sender: str | None = None
    """Where bounces go (MAIL FROM); unset: to `sender_address`."""

    sendgrid_api_key: SecretStr | None = None
    """SendGrid's key; without one, mail goes by `smtp_host`, else into the outbox, a Maildir under `home`."""

    sendgrid_host: ProviderUrl | None = None
    """SendGrid's address; unset: the package's own. For the EU (https://api.eu.sendgrid.com) or a test server."""

    sendgrid_connections: int = Field(4, ge=1, le=64)
    """Requests to SendGrid that a sender has under way at once, where messages need requests of their own."""

    sendgrid_substitution_bytes: int = Field(10_000, ge=1_000, le=50_000)
    """A recipient's own words in a request shared with others; what has more goes in a request of its own.

    SendGrid's pages say 10,000 and 50,000; raise it once your account has taken a larger one.
    """

    admin_notice_address: str | None = None
    """Who is told what was sent, when scenario mail is sent (R-154); unset: nobody."""

    admin_notice_language: str = Field("en", pattern=r"^[a-z]{2}$")
    """The language of that notice: `en`, `ja`, or another file in `content/admin_notice`."""

    admin_notice_gap: Duration = timedelta(hours=1)
    """At least so long between two notices: what is sent meanwhile, to each customer at an hour of their own, is told
    together with what comes next."""
