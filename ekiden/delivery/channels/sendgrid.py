"""SendGrid: mail by `POST /v3/mail/send`.

A post has no idempotency key: the same post twice is the same mail twice. So nothing is repeated here unless
it is certain that nothing was sent, and what is not certain is called unknown.

One request per recipient. The documents:
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send and
https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sendgrid import SendGridAPIClient

from ekiden.delivery.channels.addressing import display_name, fault_of, list_headers
from ekiden.delivery.channels.base import Delivery, LineStopped, Outcome, OutgoingMessage
from ekiden.delivery.channels.transport import (
    CONNECT_SECONDS,
    IDLE_SECONDS,
    READ_SECONDS,
    Answer,
    NotConnected,
    PooledClient,
    error_messages,
    pool_for,
)

SENDGRID_HOST = "https://api.sendgrid.com"  # of all regions but the EU: https://api.eu.sendgrid.com

ACCEPTED = 202
TOO_MANY_REQUESTS = 429
REFUSED = frozenset({400, 413})
LINE_STOPPED = frozenset({401, 403, 406, 451})

# A rate limit is reset every minute at most; longer waits are for the next send run, not for a held claim.
LONGEST_WAIT = timedelta(seconds=30)
# A batch of 1,000 at 50 ms an answer takes 50 s; what took longer is better claimed and checked anew.
LONGEST_BATCH = timedelta(seconds=60)
# Several senders wait for the same reset; they should not all come back in the same moment.
JITTER_SECONDS = 1.0
# No reset is said: one second, the shortest interval SendGrid limits by.
WAIT_WITHOUT_RESET = timedelta(seconds=1)
# A provider in trouble would make every message of a batch an unknown one, each for a person to look into.
# Three in a row are trouble, not chance.
UNKNOWN_IN_A_ROW = 3
_LONGEST_DETAIL = 500  # characters; enough for any sentence, and a ledger's column stays readable


def payload(message: OutgoingMessage) -> dict[str, Any]:
    """Return the body of the request for one message.

    `custom_args` carries our id alone: it comes back with every event, and cannot be deleted at SendGrid. Our
    own unsubscribe link stands in header and text, so the subscription tracking of the account is off: it
    would put its link into the header, and expand `<% %>` in the text, which may be a customer's name.
    """
    sender = message.sender
    content = [{"type": "text/plain", "value": message.rendered.text}]
    if message.rendered.html is not None:
        content.append({"type": "text/html", "value": message.rendered.html})
    return {
        "personalizations": [
            {
                "to": [_mailbox(message.to_address, message.to_name)],
                "custom_args": {"ekiden_message_id": str(message.message_id)},
                "headers": list_headers(message),
            }
        ],
        "from": _mailbox(sender.address, sender.name),
        "reply_to": _mailbox(sender.reply_to or sender.address, ""),
        "subject": message.rendered.subject,
        "content": content,
        "tracking_settings": {"subscription_tracking": {"enable": False}},
    }


def _mailbox(address: str, name: str) -> dict[str, str]:
    shown = display_name(name)
    return {"email": address, "name": shown} if shown else {"email": address}


def _now() -> datetime:
    return datetime.now(UTC)


class SendGridChannel:
    """SendGrid as a channel.

    `clock` gives the time that rate limits are compared with; `sleep` and `elapsed` (seconds) are there for
    tests. After `time_limit` no further message of a batch is posted, so that a
    batch ends while its claim is fresh.
    """

    name = "sendgrid"

    def __init__(
        self,
        api_key: SecretStr,
        *,
        host: str = SENDGRID_HOST,
        clock: Callable[[], datetime] = _now,
        time_limit: timedelta = LONGEST_BATCH,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        host = host.rstrip("/")
        self._api_key = api_key
        self._pool = pool_for(host, connect_seconds=connect_seconds, read_seconds=read_seconds)
        # the real key is added by PooledClient alone, so that no object of the package can show it
        self._sendgrid = SendGridAPIClient("added-by-the-transport", host=host)
        headers = {"User-Agent": self._sendgrid.useragent, "Accept": "application/json"}
        self._sendgrid.client = PooledClient(self._pool, api_key, host=host, request_headers=headers, version=3)
        self._clock = clock
        self._time_limit = time_limit
        self._sleep = sleep
        self._elapsed = elapsed
        self._last_used = elapsed()

    def __repr__(self) -> str:
        return f"SendGridChannel(host={self._sendgrid.host!r})"

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: SendGrid cannot be asked for our ids; its events tell (the webhook)."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message; raise `LineStopped` if SendGrid turns us away altogether.

        After a failed connection, a rate limit beyond `LONGEST_WAIT`, several unknown outcomes in a row or
        `time_limit`, the rest of the batch is left alone and `not_sent`.
        """
        self._forget_idle_connections()
        deadline = self._elapsed() + self._time_limit.total_seconds()
        deliveries: list[Delivery] = []
        unknown_in_a_row = 0
        for message in messages:
            if self._elapsed() > deadline:
                return deliveries + _left_alone(messages[len(deliveries) :], "the batch took too long")
            try:
                delivery = self._deliver_one(message, deadline)
            except _LineStops as stop:
                rest = _left_alone(messages[len(deliveries) :], stop.reason)
                raise LineStopped(stop.reason, deliveries + rest) from None
            except _BatchEnds as end:
                return deliveries + _left_alone(messages[len(deliveries) :], end.reason)
            deliveries.append(delivery)
            unknown_in_a_row = unknown_in_a_row + 1 if delivery.outcome is Outcome.unknown else 0
            if unknown_in_a_row >= UNKNOWN_IN_A_ROW:
                reason = f"SendGrid left {unknown_in_a_row} messages before this one without a clear answer"
                return deliveries + _left_alone(messages[len(deliveries) :], reason)
        return deliveries

    def _deliver_one(self, message: OutgoingMessage, deadline: float) -> Delivery:
        """Post one message; raise `_BatchEnds` or `_LineStops` if it is certain that it was not sent."""
        if fault := fault_of(message):
            return Delivery(message.message_id, Outcome.refused, detail=fault)
        answer = self._post(message)
        if isinstance(answer, Delivery):
            return answer
        if answer.status_code == TOO_MANY_REQUESTS:
            self._wait_for_reset(answer.headers, deadline)
            answer = self._post(message)
            if isinstance(answer, Delivery):
                return answer
        return self._classified(message, answer)

    def _post(self, message: OutgoingMessage) -> Answer | Delivery:
        """Return SendGrid's answer, or the delivery if there is none that can be read."""
        try:
            answer: Answer = self._sendgrid.send(payload(message))
            return answer
        except NotConnected as error:
            raise _BatchEnds(f"no connection to SendGrid ({error})") from None
        except Exception as error:
            # whatever it was, the request may have arrived; the text of the error may hold the request
            detail = f"no readable answer from SendGrid ({type(error).__name__})"
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        finally:
            self._last_used = self._elapsed()

    def _classified(self, message: OutgoingMessage, answer: Answer) -> Delivery:
        status = answer.status_code
        detail = self._detail(message, status, answer.body)
        if status == ACCEPTED:
            return Delivery(message.message_id, Outcome.accepted, answer.headers.get("X-Message-Id"), detail)
        if status in REFUSED:
            return Delivery(message.message_id, Outcome.refused, detail=detail)
        if status in LINE_STOPPED:
            raise _LineStops(detail)
        if status == TOO_MANY_REQUESTS:
            raise _BatchEnds(detail)
        return Delivery(message.message_id, Outcome.unknown, detail=detail)

    def _detail(self, message: OutgoingMessage, status: int, body: bytes) -> str:
        said = error_messages(body)
        detail = f"SendGrid answered {status}" + (f": {said}" if said else "")
        # an answer may repeat what it was sent
        for hidden, shown in ((self._api_key.get_secret_value(), "[key]"), (message.to_address, "[address]")):
            detail = detail.replace(hidden, shown)
        return detail[:_LONGEST_DETAIL]

    def _wait_for_reset(self, headers: Mapping[str, str], deadline: float) -> None:
        until_reset = _until_reset(headers.get("X-RateLimit-Reset"), self._clock())
        seconds = until_reset.total_seconds() + random.uniform(0, JITTER_SECONDS)
        if until_reset > LONGEST_WAIT or self._elapsed() + seconds > deadline:
            raise _BatchEnds(f"SendGrid's rate limit is reset in {until_reset.total_seconds():.0f} s")
        self._sleep(seconds)

    def _forget_idle_connections(self) -> None:
        if self._elapsed() - self._last_used > IDLE_SECONDS:
            self._pool.clear()


class _BatchEnds(Exception):
    """This message was certainly not sent, and trying the next ones makes no sense now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _LineStops(_BatchEnds):
    """SendGrid turns everything away."""


def _left_alone(messages: Sequence[OutgoingMessage], reason: str) -> list[Delivery]:
    return [Delivery(message.message_id, Outcome.not_sent, detail=reason) for message in messages]


def _until_reset(reset: str | None, now: datetime) -> timedelta:
    """Return how long to wait for `reset` (seconds since 1970); a nonsensical one counts as none."""
    try:
        wait = datetime.fromtimestamp(int(reset or ""), UTC) - now
    except (ValueError, OverflowError, OSError):
        return WAIT_WITHOUT_RESET
    return max(wait, timedelta(0))
