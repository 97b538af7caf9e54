"""What every channel promises: messages in, one delivery each out.

Belongs here: the boundary between the sender and whoever carries a message. Does not belong here: a
provider's particulars (one module per channel), and what an outcome does to the ledger (the sender).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from ekiden.content.message import RenderedMessage
from ekiden.content.variables import harmless
from ekiden.errors import SaysEnough


@dataclass(frozen=True)
class FromAddress:
    """Who a message is from; `reply_to` None: answers go to `address`."""

    address: str
    name: str
    reply_to: str | None = None


class OutgoingMessage(NamedTuple):
    """One rendered message to one customer."""

    message_id: UUID
    """Ours, made before the first attempt and the same in every later one."""
    to_address: str
    to_name: str
    """May be empty."""
    from_address: FromAddress
    rendered: RenderedMessage
    unsubscribe_url: str
    scenario_code: str
    step_no: int
    for_administrator: bool = False
    """A notice to the shop itself (R-154): nobody opts out of it, and it belongs to no scenario."""


class Outcome(StrEnum):
    """What is known of one attempt."""

    accepted = "accepted"
    """The carrier has it."""
    refused = "refused"
    """Certainly not sent, and the same message would be refused again."""
    not_sent = "not_sent"
    """Certainly not sent; it may be tried again."""
    unknown = "unknown"
    """It may have been sent: never repeated by itself, somebody has to find out."""


@dataclass(frozen=True)
class Delivery:
    """What became of one message in one attempt."""

    message_id: UUID
    outcome: Outcome
    provider_message_id: str | None = None
    detail: str = ""
    """For an operator: why; free of secrets and of the recipient's address."""
    costs_a_try: bool = True
    """Whether it counts among the tries that a message has; not where the message was left alone, for others' sake."""
    has_opted_out: bool = False
    """Whether the recipient has told the provider to get no more of this channel."""

    def __post_init__(self) -> None:
        # what a provider says may hold what no database takes (NUL, half a character), and one such answer would keep
        # those of a whole batch from being recorded
        if not self.detail.isprintable():
            object.__setattr__(self, "detail", harmless(self.detail))
        if self.provider_message_id is not None and not self.provider_message_id.isprintable():
            object.__setattr__(self, "provider_message_id", harmless(self.provider_message_id))


class Channel(Protocol):
    """A provider's way to carry messages, `channel_name` in the ledger; a step's channel is another `Channel`, that of
    `ekiden.scenarios`, imported here as `StepChannel`."""

    @property
    def name(self) -> str:
        """The channel's name in the ledger: "outbox", "sendgrid"."""
        ...

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message, in order; raise `ProviderStopped` or `ProviderBusy` and nothing else."""
        ...

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery] | None:
        """Return what surely became of earlier messages; None, even for none of them, if it cannot be asked."""
        ...


@dataclass(frozen=True)
class Carrier:
    """A channel and the channels of steps whose messages it carries, like `html_email`."""

    channel: Channel
    step_channels: tuple[str, ...]
    batch_size: int | None = None
    """Messages taken together at most; fewer where they are posted one by one, so that consent is read just before."""


class ProviderStopped(SaysEnough):
    """The provider turns away everything we send; sending stops until somebody has looked.

    `deliveries` has one entry per message of the call, in order: those already answered with their outcome,
    all others `not_sent`, which costs them no try.
    """

    def __init__(self, reason: str, deliveries: Sequence[Delivery]) -> None:
        self.reason = harmless(reason)
        super().__init__(self.reason)
        self.deliveries = list(deliveries)

    def __reduce__(self) -> tuple[type["ProviderStopped"], tuple[str, list[Delivery]]]:
        # an exception is pickled by its text alone otherwise, and the deliveries must not get lost on the way
        return ProviderStopped, (self.reason, self.deliveries)


class ProviderBusy(Exception):
    """The provider asks us to wait; nothing is wrong. `deliveries` as with `ProviderStopped`; `until` is aware."""

    def __init__(self, reason: str, until: datetime, deliveries: Sequence[Delivery]) -> None:
        self.reason = harmless(reason)
        super().__init__(self.reason)
        self.until = until
        self.deliveries = list(deliveries)

    def __reduce__(self) -> tuple[type["ProviderBusy"], tuple[str, datetime, list[Delivery]]]:
        return ProviderBusy, (self.reason, self.until, self.deliveries)
