"""One message of a sending run, kept to be shown in Dagster.

Belongs here: watching what a channel carries. Does not belong here: carrying it, and full addresses, which have no
place in an event log.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from assets.shown.tables import escaped
from ekiden.delivery.address.addresses import masked, without_tokens
from ekiden.delivery.channels.base import Channel, Delivery, Outcome, OutgoingMessage

IDS_SHOWN = 20
"""Message ids named in the metadata: enough to open one; all of them are in `outreach.messages`."""


def listing(message_ids: Sequence[UUID]) -> str:
    """Return the first of these ids as Markdown, each with the command that shows where it comes from."""
    return "\n".join(f"* `ekiden show {message_id}`" for message_id in message_ids[:IDS_SHOWN]) or "none"


class SampleKeeper:
    """A channel that passes everything on and remembers the first accepted message and some ids.

    `posting` is called before each batch.
    """

    def __init__(self, channel: Channel, posting: Callable[[], None] = lambda: None) -> None:
        self._channel = channel
        self._posting = posting
        self._first: OutgoingMessage | None = None
        self._ids: list[UUID] = []

    @property
    def name(self) -> str:
        return self._channel.name

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        self._posting()
        deliveries = self._channel.deliver(messages)
        for message, delivery in zip(messages, deliveries, strict=True):
            if delivery.outcome is not Outcome.accepted:
                continue
            self._first = self._first or message
            if len(self._ids) < IDS_SHOWN:
                self._ids.append(message.message_id)
        return deliveries

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery] | None:
        return self._channel.find(message_ids)

    @property
    def message_ids(self) -> Sequence[UUID]:
        """The first ids of what was accepted."""
        return self._ids

    def sample(self) -> str:
        """Return the first message as Markdown, its address masked and its unsubscribe link of no use."""
        if self._first is None:
            return "nothing was sent"
        message = self._first
        return (
            f"**{escaped(message.rendered.subject)}**\n\n"
            f"to {masked(message.to_address)}, {message.scenario_code} step {message.step_no}\n\n"
            f"```text\n{without_tokens(message.rendered.text).replace('```', '')}\n```"
        )
