"""A channel that carries nothing: it counts what it is handed, and answers as a script says."""

from collections.abc import Sequence
from uuid import UUID

from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage


class SenderDied(BaseException):
    """The sending process is gone: the provider has the messages, and nobody heard its answer.

    No `Exception`: a dead process handles nothing.
    """


class RecordingChannel:
    """Takes every message; dies after taking them where it is told to."""

    name = "recording"

    def __init__(self) -> None:
        self.calls: list[OutgoingMessage] = []
        self.dies_after_taking = False
        self.says = Outcome.accepted
        """What it says of the messages it is handed."""
        self.answer: Outcome | None = None
        """What it says when it is asked about earlier messages; None: it cannot be asked."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        self.calls += messages
        if self.dies_after_taking:
            raise SenderDied
        return [
            Delivery(message.message_id, self.says, provider_message_id=f"recorded-{message.message_id}")
            for message in messages
        ]

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery] | None:
        if self.answer is None:
            return None
        return {message_id: Delivery(message_id, self.answer, f"found-{message_id}") for message_id in message_ids}
