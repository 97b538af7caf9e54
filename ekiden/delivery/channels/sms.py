"""SMS through Twilio: `POST /2010-04-01/Accounts/{sid}/Messages.json`, one recipient a request.

A post has no idempotency key: the same post twice is the same message twice. So nothing is repeated here, and what was
not answered clearly is unknown. Accepted means that Twilio will try; whether a telephone got it, only its status
callback tells, which comes to `ekiden webhook` where the deployment has an address for it.

The documents: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource and
https://www.twilio.com/docs/api/errors. Twilio asks not to build on its error codes, so the status decides; the codes
named here are the few that a person must be told of in another way.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Unpack
from urllib.parse import quote, urlencode
from uuid import UUID

from pydantic import SecretStr

from ekiden.content.lengths import fault_of_length
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage
from ekiden.delivery.channels.batches import Stops, Waits
from ekiden.delivery.channels.http.posts import (
    NoAnswer,
    PostingChannel,
    Reply,
    Times,
    retry_after,
    told,
)
from ekiden.delivery.channels.http.transport import NotConnected
from ekiden.delivery.events.status_reading import ANSWERED_STOP, status_callback

TWILIO_HOST = "https://api.twilio.com"
OUR_SETTINGS = frozenset({21212, 21603, 21606, 21609, 21659, 21660, 21701, 21702, 21704, 21705})
"""`From` is missing, invalid, not ours or cannot send, the messaging service is not there or has no number, or Twilio
cannot call back at `StatusCallback` (21609): every message would get the same answer. (21703, no number that reaches
this recipient, is no such code.)"""
TURNED_AWAY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""What is not found is the account: nothing else is in the URL."""
QUEUE_FULL = 21611
"""Twilio holds as many messages of our number as it can send in some hours; whatever the status, it takes no more."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True)
class TwilioAccount:
    """Who sends: one of `sender` (a number or a name) and `messaging_service_sid` is set."""

    sid: str
    auth_token: SecretStr
    sender: str | None = None
    messaging_service_sid: str | None = None

    def __post_init__(self) -> None:
        if bool(self.sender) == bool(self.messaging_service_sid):
            raise ValueError("SMS need one sender: set EKIDEN_TWILIO_FROM or EKIDEN_TWILIO_MESSAGING_SERVICE_SID")


class TwilioChannel(PostingChannel):
    """Twilio as a channel; the contact point is a number like +819012345678.

    `status_url` is where it tells what became of a message, None: nowhere.
    """

    name = "twilio"

    def __init__(
        self,
        account: TwilioAccount,
        *,
        host: str = TWILIO_HOST,
        status_url: str | None = None,
        **times: Unpack[Times],
    ) -> None:
        path = f"/2010-04-01/Accounts/{quote(account.sid, safe='')}/Messages.json"
        super().__init__(host.rstrip("/") + path, **times)
        self._account = account
        self._status_url = status_url

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: Twilio keeps no id of ours that it could be asked for."""

    def _deliver_one(self, message: OutgoingMessage) -> Delivery:
        body = message.rendered.text.strip()
        if fault := _fault_of(message):
            return Delivery(message.message_id, Outcome.refused, detail=fault)
        service = self._account.messaging_service_sid
        sender = {"MessagingServiceSid": service} if service else {"From": self._account.sender or ""}
        tells = {"StatusCallback": status_callback(self._status_url, message.message_id)} if self._status_url else {}
        form = urlencode({"To": message.to_address, **sender, "Body": body, **tells}).encode()
        credentials = f"{self._account.sid}:{self._account.auth_token.get_secret_value()}"
        headers = {
            "Authorization": f"Basic {b64encode(credentials.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        try:
            reply = self._post(form, headers)
        except NotConnected as error:
            raise Waits(f"no connection to Twilio ({error})") from None
        except NoAnswer as error:
            detail = f"no readable answer from Twilio ({error})"
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        return self._classified(message, reply)

    def _classified(self, message: OutgoingMessage, reply: Reply) -> Delivery:
        fields = reply.fields()
        code = found if isinstance(found := fields.get("code"), int) else None
        said = f"{fields.get('message', '')} ({code})" if code else ""
        detail = told("Twilio", reply, said, (self._account.auth_token.get_secret_value(), message.to_address))
        if reply.status == HTTPStatus.CREATED:
            sid = fields.get("sid")
            return Delivery(message.message_id, Outcome.accepted, str(sid) if sid else None, detail)
        if reply.status in TURNED_AWAY or code in OUR_SETTINGS:
            raise Stops(detail)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS or code == QUEUE_FULL:
            raise Waits(detail, retry_after(reply, self._clock()))
        if reply.status != HTTPStatus.BAD_REQUEST:
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        if str(code) == ANSWERED_STOP:
            detail = f"the recipient answered STOP to our SMS, and Twilio keeps to it ({ANSWERED_STOP})"
            return Delivery(message.message_id, Outcome.refused, detail=detail, has_opted_out=True)
        return Delivery(message.message_id, Outcome.refused, detail=detail)


def _fault_of(message: OutgoingMessage) -> str | None:
    if not _E164.fullmatch(message.to_address):
        return "the recipient's number is not an international one like +819012345678"
    return fault_of_length("sms", message.rendered)
