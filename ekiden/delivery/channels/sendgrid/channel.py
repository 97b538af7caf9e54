"""SendGrid: mail by `POST /v3/mail/send`, up to 1,000 recipients a request.

A post has no idempotency key: the same post twice is the same mail twice. So nothing is repeated here unless
it is certain that nothing was sent, and what is not certain is called unknown.

Belongs here: the channel, and one post. Does not belong here: what goes together and how it is written (`requests`),
what an answer means (`answers`), who of a refused request is guilty (`bisect`), order and end of a batch (`posting`),
and the official package's client over connections that stay open (`client`, `http.transport`).
"""

import random
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from pydantic import SecretStr
from sendgrid import SendGridAPIClient

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.addressing import fault_of
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import LONGEST_BATCH, Elapsed
from ekiden.delivery.channels.http.posts import credential
from ekiden.delivery.channels.http.transport import CONNECT_SECONDS, IDLE_SECONDS, READ_SECONDS, NotConnected, pool_for
from ekiden.delivery.channels.sendgrid.answers import Meaning, UnderstoodAnswer, understand
from ekiden.delivery.channels.sendgrid.bisect import Portion
from ekiden.delivery.channels.sendgrid.client import PooledClient
from ekiden.delivery.channels.sendgrid.posting import Fate, Posting
from ekiden.delivery.channels.sendgrid.requests import (
    SUBSTITUTION_BYTES,
    Limits,
    Unwritable,
    grouped_into_requests,
    request_body,
)

SENDGRID_HOST = "https://api.sendgrid.com"  # of all regions but the EU: https://api.eu.sendgrid.com

# An answer takes about 50 ms and its handling under one, so a few connections suffice for requests of their own;
# each is a connection that SendGrid holds open for us.
CONNECTIONS = 4
# Senders that share a channel, and its connections: as many as a worker has by default.
SENDERS = 2
# Several senders wait for the same reset; they should not all come back in the same moment.
JITTER_SECONDS = 1.0


class SendGridChannel:
    """SendGrid as a channel. Each thread that sends by it counts for itself what stayed without a clear answer.

    `clock` gives the time that rate limits are compared with; `elapsed` (seconds) is there for tests. After
    `time_limit` no further request of a batch begins, so that a batch ends while its claim is fresh.
    """

    name = "sendgrid"

    def __init__(
        self,
        api_key: SecretStr,
        *,
        host: str = SENDGRID_HOST,
        clock: Clock = utc_now,
        connections: int = CONNECTIONS,
        substitution_bytes: int = SUBSTITUTION_BYTES,
        time_limit: timedelta = LONGEST_BATCH,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        elapsed: Elapsed = time.monotonic,
    ) -> None:
        host = host.rstrip("/")
        self._api_key = credential(api_key, "EKIDEN_SENDGRID_API_KEY")
        # the real key is added by PooledClient alone, so that no object of the package can show it
        self._sendgrid = SendGridAPIClient("added-by-the-transport", host=host)
        pool = pool_for(
            host,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            idle_seconds=idle_seconds,
            connections=connections * SENDERS,
        )
        headers = {"User-Agent": self._sendgrid.useragent, "Accept": "application/json"}
        self._sendgrid.client = PooledClient(pool, self._api_key, host=host, request_headers=headers, version=3)
        self._mail_send = self._sendgrid.client.mail.send
        self._limits = Limits(substitution_bytes=substitution_bytes)
        self._connections = connections
        self._clock = clock
        self._time_limit = time_limit
        self._elapsed = elapsed
        self._of_this_thread = threading.local()

    def __repr__(self) -> str:
        return f"SendGridChannel(host={self._sendgrid.host!r})"

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: SendGrid cannot be asked for our ids; its events tell (the webhook)."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message, in order.

        Raise `ProviderStopped` if SendGrid turns us away altogether; `ProviderBusy` if it wants us to wait, cannot be
        reached, left `UNKNOWN_IN_A_ROW` requests without a clear answer, or took longer than `time_limit` (then without
        a wait). What had not begun by then is `not_sent`. Nothing is posted twice that may have been accepted.
        """
        faults = {position: fault for position, one in enumerate(messages) if (fault := fault_of(one))}
        fit = (position for position in range(len(messages)) if position not in faults)
        deadline = self._elapsed() + self._time_limit.total_seconds()
        posting = Posting(
            messages,
            grouped_into_requests(messages, fit, self._limits),
            post=partial(self._post, messages),
            in_time=lambda: self._elapsed() <= deadline,
            clock=self._clock,
            connections=self._connections,
            unknown_in_a_row=getattr(self._of_this_thread, "unknown_in_a_row", 0),
        )
        posting.run()
        self._of_this_thread.unknown_in_a_row = posting.unknown_in_a_row
        deliveries = [
            Delivery(one.message_id, Outcome.refused, detail=faults[position])
            if position in faults
            else posting.delivery(position)
            for position, one in enumerate(messages)
        ]
        if posting.stopped is not None:
            raise ProviderStopped(posting.stopped, deliveries)
        if posting.wait_until is not None:
            waits = posting.wait_until > self._clock()
            jitter = timedelta(seconds=random.uniform(0, JITTER_SECONDS) if waits else 0)
            raise ProviderBusy(posting.ended or "", posting.wait_until + jitter, deliveries)
        return deliveries

    def _post(self, messages: Sequence[OutgoingMessage], portion: Portion) -> Fate:
        """Post one request and return what became of it, whatever happens."""
        recipients = [messages[position] for position in portion.positions]
        try:
            body = request_body(recipients, self._limits)
        except Unwritable as error:
            return error
        except Exception as error:
            # nothing was posted; the text of the error may hold a part of the message
            return Unwritable(f"no request can be made of it ({type(error).__name__})")
        try:
            answer = self._mail_send.post(request_body=body)
        except NotConnected as error:
            return error
        except Exception as error:
            # whatever it was, the request may have arrived; the text of the error may hold the request
            return UnderstoodAnswer(Meaning.unknown, f"no readable answer from SendGrid ({type(error).__name__})")
        secrets = (self._api_key.get_secret_value(), *(one.to_address for one in recipients))
        return understand(answer.status_code, answer.headers, answer.body, now=self._clock(), secrets=secrets)
