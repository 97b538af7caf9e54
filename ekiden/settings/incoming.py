"""What comes in to a deployment: events of providers, and who does not want to be written to any more.

Does not belong here: reading them (`ekiden.webhook`, `ekiden.delivery.consent`).
"""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from ekiden.settings.values import LONGEST, Duration, HasUnit, listed, mapped

NO_UNSUBSCRIBE_URL = "https://ekiden.invalid/unsubscribe"
"""Leads nowhere: what links are made of where a deployment has no address for them."""

SHORTEST_SECRET = 32
"""Characters of a secret: 128 bits where they are hexadecimal digits."""


class IncomingSettings(BaseModel):
    """Events and unsubscriptions."""

    sendgrid_webhook_key: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    """The verification key of SendGrid's signed event webhook, as its page shows it; `a,b` where there are several
    webhooks, or while one key follows another. Unset: its events are turned away."""

    webhook_max_age: Annotated[timedelta, Field(gt=timedelta(), le=LONGEST), HasUnit] = timedelta(hours=25)
    """An event webhook's request signed longer ago is stale. SendGrid tries for 24 hours and does not say whether it
    signs each try anew; one more is for what comes late. A repeated request is known by its body, however young."""

    webhook_keep_bodies: Duration = timedelta(days=30)
    """Requests as they came, with addresses and devices, are forgotten this long after they were taken in."""

    twilio_status_url: str | None = None
    """Where Twilio tells what became of an SMS, like https://mail.shop.example/webhook/twilio; our message's id is
    appended. Unset: it is not asked to."""

    unsubscribe_url: str = NO_UNSUBSCRIBE_URL
    """Where the one-click unsubscribe link leads (RFC 8058); the message's opaque token is appended.

    Unset, links lead nowhere. Set it to an https address that reaches `ekiden webhook`, like
    https://mail.shop.example/unsubscribe.
    """

    unsubscribe_secret: Annotated[
        tuple[Annotated[SecretStr, Field(min_length=SHORTEST_SECRET)], ...], NoDecode, BeforeValidator(listed)
    ] = ()
    """What signs unsubscribe links; `new,old` in the environment: the first signs, all of them verify.

    Unset: one made once, in `unsubscribe-secret` in the home, which must then be the same on every machine that sends.
    """

    sendgrid_groups: Annotated[dict[int, str], NoDecode, BeforeValidator(mapped)] = Field(default_factory=dict)
    """SendGrid's unsubscribe groups by their id, and the site that each stands for; `{"123": "shop.example"}`.

    Who leaves a group that is not named here has opted out of all mail: we do not know of which part.
    """
