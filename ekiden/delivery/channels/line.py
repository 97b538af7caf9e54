"""LINE: a text by `POST /v2/bot/message/push` of the Messaging API, one recipient a request.

The request carries our message's id as its retry key, on the first try already: within 24 hours LINE accepts a key
once, and answers 409 to every repetition. So a try without a clear answer is repeated here, a few times, with the
same key.

If none of the tries is answered clearly, the outcome is unknown and not `not_sent`, although a repetition would be
harmless today: the ledger may make the next try whenever it likes, after a pause or by an operator's hand, and past the
24 hours the same key would be a second message. Nor is it true: the row would end as `failed`, which says that nobody
got it. Whoever settles such a message as not sent within the day of its first try risks nothing, as LINE then says 409.

The documents: https://developers.line.biz/en/reference/messaging-api/#send-push-message and
https://developers.line.biz/en/docs/messaging-api/retrying-api-request/.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Unpack
from uuid import UUID

from pydantic import SecretStr

from ekiden.content.lengths import fault_of_length
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage
from ekiden.delivery.channels.batches import WAIT, Stops, Waits
from ekiden.delivery.channels.http.posts import (
    NoAnswer,
    PostingChannel,
    Reply,
    Times,
    credential,
    retry_after,
    told,
)
from ekiden.delivery.channels.http.transport import NotConnected

LINE_HOST = "https://api.line.me"
# LINE answers in tenths of a second; with a retry key an early second try costs nothing, so the patience is short.
READ_SECONDS = 10.0
# Waits between tries, in seconds: a hiccup is over after the first, a restart of a machine after the second. Longer
# trouble is for later batches.
PAUSES = (1.0, 4.0)
# The month's messages are used up: only a person or the next month changes that.
MONTHLY_LIMIT = "monthly limit"
WAIT_FOR_A_LARGER_PLAN = timedelta(hours=1)


class LineChannel(PostingChannel):
    """The shop's LINE account as a channel; the contact point is the customer's user id.

    `sleep` is there for tests.
    """

    name = "line"

    def __init__(
        self,
        access_token: SecretStr,
        *,
        host: str = LINE_HOST,
        sleep: Callable[[float], None] = time.sleep,
        **times: Unpack[Times],
    ) -> None:
        super().__init__(f"{host.rstrip('/')}/v2/bot/message/push", **(Times(read_seconds=READ_SECONDS) | times))
        self._token = credential(access_token, "EKIDEN_LINE_CHANNEL_ACCESS_TOKEN")
        self._sleep = sleep

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: LINE tells what became of a key only by a repetition of the whole request."""

    def _deliver_one(self, message: OutgoingMessage) -> Delivery:
        text = message.rendered.text.strip()
        if fault := fault_of_length("line", message.rendered):
            return Delivery(message.message_id, Outcome.refused, detail=fault)
        unclear: Delivery | None = None
        for pause in (*PAUSES, None):
            delivery = self._try(message, text, unclear)
            if delivery.outcome is not Outcome.unknown:
                return delivery
            unclear = delivery
            if pause is not None:
                self._sleep(pause)
        assert unclear is not None  # there is at least one try
        raise Waits(unclear.detail, own=unclear)

    def _try(self, message: OutgoingMessage, text: str, unclear: Delivery | None) -> Delivery:
        """Ask once; `unclear` is what an earlier try of the same message was left with."""
        headers = {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "Content-Type": "application/json",
            "X-Line-Retry-Key": str(message.message_id),
        }
        body = json.dumps({"to": message.to_address, "messages": [{"type": "text", "text": text}]}).encode()
        try:
            reply = self._post(body, headers)
        except NotConnected as error:
            if unclear:
                return unclear
            raise Waits(f"no connection to LINE ({error})") from None
        except NoAnswer as error:
            detail = f"no readable answer from LINE ({error})"
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        return self._classified(message, reply, unclear)

    def _classified(self, message: OutgoingMessage, reply: Reply, unclear: Delivery | None) -> Delivery:
        fields = reply.fields()
        said = fields.get("message", "")
        detail = told("LINE", reply, said, (self._token.get_secret_value(), message.to_address))
        if reply.status in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            return Delivery(message.message_id, Outcome.accepted, _line_id(reply), detail)
        if reply.status == HTTPStatus.BAD_REQUEST:
            return Delivery(message.message_id, Outcome.refused, detail=detail)
        if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Stops(detail, own=unclear)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            otherwise = WAIT_FOR_A_LARGER_PLAN if MONTHLY_LIMIT in str(said) else WAIT
            raise Waits(detail, retry_after(reply, self._clock(), otherwise), own=unclear)
        delivery = Delivery(message.message_id, Outcome.unknown, detail=detail)
        if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # nothing of the kind is documented, so a repetition would get the same
            raise Waits(detail, own=delivery)
        return delivery


def _line_id(reply: Reply) -> str | None:
    """Return LINE's id of the message, else of the request that was accepted before (409)."""
    sent = reply.fields().get("sentMessages")
    if isinstance(sent, list) and sent and isinstance(sent[0], dict) and "id" in sent[0]:
        return str(sent[0]["id"])
    return reply.headers.get("X-Line-Accepted-Request-Id") or reply.headers.get("X-Line-Request-Id")
