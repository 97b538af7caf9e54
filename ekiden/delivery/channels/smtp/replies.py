"""What a mail server's answers mean for a message, and for all others. Pure.

Belongs here: reply codes (RFC 5321, section 4.2; RFC 4954 for logging in). Does not belong here: the connection.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from ekiden.delivery.channels.addressing import without_address
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.channels.batches import BatchEnds, Stops, Waits

READY = frozenset({250, 251, 252})
GO_ON = frozenset({354})
NO_ROOM = 452
TOO_BUSY = frozenset({421, NO_ROOM})
"""It is about to hang up, or has no room."""
NOT_FOR_US = frozenset({530, 534, 535, 538})
"""It wants to know first who we are, or did not believe it."""

TOO_LARGE = 552
"""The server takes no mail of so many bytes, which it can say to MAIL already (RFC 1870); another may be shorter."""

# 452 with one of these is of this recipient alone, like a full mailbox: X.1.X is the address, X.2.X the mailbox
# (RFC 3463, section 3). Whoever waited for it would keep the rest of the batch waiting as well.
_OF_THE_RECIPIENT = re.compile(r"#?4\.[12]\.[0-9]")

# "Relay access denied", "relay not permitted", "Unable to relay", "Relaying denied": it takes mail for its own domains
# alone, from us or from anybody. It may also repeat what a recipient's server said to it, when it asked there first.
# With a code of an address it speaks of the recipient: "5.1.1 User unknown in relay recipient table".
_NO_RELAY = re.compile(r"(?!#?5\.[12]\.[0-9]).*\brelay", re.IGNORECASE | re.DOTALL)

_POSITIVE, _TRANSIENT, _PERMANENT = 2, 4, 5  # the first digit
_LONGEST_TEXT = 400  # characters; a ledger's column stays readable


@dataclass(frozen=True)
class Said:
    """One answer, without what an answer may repeat."""

    code: int
    text: str

    @classmethod
    def of(cls, code: int, text: bytes | str, *, hidden: str = "") -> "Said":
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        words = " ".join(words.split())
        if hidden:
            words = without_address(words, hidden)
        return cls(code, words[:_LONGEST_TEXT])

    @property
    def kind(self) -> int:
        return self.code // 100

    @property
    def is_no(self) -> bool:
        """Whether it turns down what was asked, for now or for good."""
        return self.kind in (_TRANSIENT, _PERMANENT)

    @property
    def is_no_relay(self) -> bool:
        """Whether a recipient is turned down because mail for others is not passed on."""
        return self.kind == _PERMANENT and _NO_RELAY.match(self.text) is not None

    @property
    def is_too_busy(self) -> bool:
        """Whether it is about to hang up, or has no room for anybody."""
        return self.code in TOO_BUSY and not (self.code == NO_ROOM and _OF_THE_RECIPIENT.match(self.text))

    def __str__(self) -> str:
        return f"the mail server said {self.code} {self.text}".rstrip()


def of_connecting(said: Said) -> BatchEnds:
    """Return why a batch ends with an answer to the greeting, EHLO, STARTTLS or the log-in that is no yes."""
    return Stops(str(said)) if said.kind == _PERMANENT else Waits(str(said))


def of_recipient(message_id: UUID, command: str, said: Said) -> Delivery:
    """Return what became of a message whose MAIL, RCPT or DATA command was not taken; nothing was sent.

    Raises `Waits` where the server is too busy for anything, or takes nothing of our sender for now, who is in every
    mail the same; `Stops` where it does not take us or our sender. A recipient or a mail at which it breaks off has had
    a try: it may be the reason, and would be so the next time, before all others.
    """
    if said.is_too_busy:
        is_of_the_message = command != "MAIL"
        own = Delivery(message_id, Outcome.not_sent, detail=f"{said} to {command}") if is_of_the_message else None
        raise Waits(str(said), own=own)
    if command == "MAIL" and said.kind == _TRANSIENT:
        # like a limit on mails by the hour, or a sender's domain that it cannot look up: the next would hear the same
        raise Waits(f"{said} to MAIL")
    is_of_the_sender = command == "MAIL" and said.kind == _PERMANENT and said.code != TOO_LARGE
    if is_of_the_sender or said.code in NOT_FOR_US:
        raise Stops(f"{said} to {command}")
    outcome = Outcome.refused if said.kind == _PERMANENT else Outcome.not_sent
    return Delivery(message_id, outcome, detail=f"{said} to {command}")


def of_message(message_id: UUID, header: str, said: Said) -> Delivery:
    """Return what became of a message that was sent whole; `header` is its Message-ID, which bounces repeat.

    Raises `Waits` where the server was too busy to take it, which has cost the message a try.
    """
    if said.is_too_busy:
        raise Waits(str(said), own=Delivery(message_id, Outcome.not_sent, detail=str(said)))
    if said.kind == _POSITIVE:
        return Delivery(message_id, Outcome.accepted, header, str(said))
    if said.kind == _PERMANENT:
        return Delivery(message_id, Outcome.refused, detail=str(said))
    if said.kind == _TRANSIENT:
        return Delivery(message_id, Outcome.not_sent, detail=str(said))
    return Delivery(message_id, Outcome.unknown, detail=f"no readable answer to the whole mail: {said}")
