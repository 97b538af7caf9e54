"""Who tells us of messages: the names that stand beside what they told.

Does not belong here: how a provider's requests are read (`drain`), or received (`ekiden.webhook`).
"""

from enum import StrEnum


class Provider(StrEnum):
    """A provider whose requests are kept and drained."""

    SENDGRID = "sendgrid"
    TWILIO = "twilio"
