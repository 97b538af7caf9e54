"""Web push: an encrypted notification to a browser's push service (RFC 8030, 8291), signed by VAPID (RFC 8292).

The shop's service worker shows what it is handed: a JSON object with `title` (the content's subject), `body` (its
text), `url` (the shop's front page, where there is one) and `tag`, our message's id. The same id is the Topic, by which
a push service replaces what it has not delivered yet, and as a notification's tag it replaces what is still shown. So
the same message twice is mostly seen once; mostly is not always, and an outcome without a clear answer stays unknown.

An endpoint comes from a customer's browser, that is, from anybody. Only hosts of the push services that the deployment
names are called, over https at their usual port: no other check holds against names that lead into the house.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import UUID

import urllib3
from py_vapid import Vapid, VapidException
from pydantic import SecretStr
from pywebpush import WebPusher

from ekiden.clock import Clock, utc_now
from ekiden.content.lengths import fault_of_length, notification
from ekiden.delivery.address.contact_points import subscription_of
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import WAIT, Elapsed, Stops, Waits, one_by_one
from ekiden.delivery.channels.http.posts import (
    NoAnswer,
    Reply,
    post,
    retry_after,
    told,
)
from ekiden.delivery.channels.http.transport import CONNECT_SECONDS, READ_SECONDS, NotConnected, pool_for

# Kept for a browser that is closed: a day, after which a message that had its hour is no longer wanted.
TIME_TO_LIVE = timedelta(days=1)
# A signature is good for 24 hours at most (RFC 8292, section 2); half of it leaves room for clocks that differ.
SIGNED_FOR = timedelta(hours=12)
# One browser that turns us away subscribed for another key; three are our key.
ENDPOINTS_THAT_STOP = 3

# one spelling that every parser of URLs reads alike: no user, no port, no backslash
_ENDPOINT = re.compile(r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1):[0-9]+/[A-Za-z0-9._~/-]*")


def service_of(endpoint: str, services: Sequence[str]) -> str | None:
    """Return which of `services` an endpoint belongs to, None for none: it is then never called.

    The loopback address is a service like others where it is named, for tests, and over http.
    """
    found = _ENDPOINT.fullmatch(endpoint) or _LOOPBACK.fullmatch(endpoint)
    if found is None:
        return None
    host = found[1]
    return next((service for service in services if host == service or host.endswith(f".{service}")), None)


class WebPushChannel:
    """Browsers' push services as a channel; the contact point is a subscription as JSON.

    `subject` is whom a service may write to about us; `clock` gives the time that signatures end by.
    """

    name = "web_push"

    def __init__(
        self,
        private_key: SecretStr,
        *,
        subject: str,
        services: Sequence[str],
        shop_url: str = "",
        clock: Clock = utc_now,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        elapsed: Elapsed = time.monotonic,
    ) -> None:
        self._vapid = _key(private_key)
        self._subject = subject
        self._services = tuple(services)
        self._shop_url = shop_url
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._elapsed = elapsed
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._check_subject()

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: a push service keeps no id of ours that it could be asked for."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message; raise `ProviderStopped` or `ProviderBusy` as docs/channels.md says."""
        batch = _Batch(self)
        try:
            deliveries = one_by_one(messages, batch.deliver, clock=self._clock, elapsed=self._elapsed)
        except ProviderStopped as stopped:
            raise ProviderStopped(stopped.reason, batch.without_judgement(stopped.deliveries)) from None
        if batch.unreached and not batch.reached_somebody:
            # then it is our way there that is missing, and no subscription is to blame
            untried = [replace(each, costs_a_try=False) for each in deliveries]
            raise ProviderBusy("no connection to any host that subscriptions name", self._clock() + WAIT, untried)
        return deliveries

    def payload(self, message: OutgoingMessage) -> bytes:
        """Return what the service worker is handed."""
        return notification(message.rendered, str(message.message_id), self._shop_url)

    def fault_of(self, message: OutgoingMessage) -> str | None:
        return fault_of_length("web_push", message.rendered, shop_url=self._shop_url)

    def authorization(self, endpoint: str) -> str:
        """Return the header by which the endpoint's push service knows us."""
        parts = urlsplit(endpoint)
        until = self._clock() + SIGNED_FOR
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(until.timestamp()), "sub": self._subject}
        signed: str = self._vapid.sign(claims)["Authorization"]
        return signed

    def _check_subject(self) -> None:
        try:
            self.authorization("https://push.invalid/")
        except VapidException:
            way_out = "write mailto:… with an address, or https://… with a host alone"
            raise ValueError(f"EKIDEN_VAPID_SUBJECT is {self._subject!r}; {way_out}") from None

    def service_of(self, endpoint: str) -> str | None:
        return service_of(endpoint, self._services)

    def post(self, endpoint: str, body: bytes, headers: dict[str, str]) -> Reply:
        host = urlsplit(endpoint).netloc
        if host not in self._pools:
            self._pools[host] = pool_for(
                endpoint, connect_seconds=self._connect_seconds, read_seconds=self._read_seconds
            )
        return post(self._pools[host], endpoint, body, headers)

    def retry_after(self, reply: Reply) -> timedelta:
        return retry_after(reply, self._clock())


class _Batch:
    """One call of `deliver`: signatures are made once for each service, and who turned us away is remembered."""

    def __init__(self, channel: WebPushChannel) -> None:
        self._channel = channel
        self._signed: dict[str, str] = {}
        self._turned_away: dict[str, dict[str, UUID]] = {}
        """By service: the endpoints whose last answer was that they do not know us."""
        self.unreached: set[str] = set()
        """Hosts that nobody was found at."""
        self.reached_somebody = False

    def deliver(self, message: OutgoingMessage) -> Delivery:
        try:
            subscription = subscription_of(message.to_address)
        except ValueError:
            return _refused(message, "the contact point is not a browser's subscription")
        endpoint = subscription.endpoint
        service = self._channel.service_of(endpoint)
        if service is None:
            return _refused(message, "the subscription names no push service of EKIDEN_WEB_PUSH_SERVICES")
        if fault := self._channel.fault_of(message):
            return _refused(message, fault)
        try:
            body = WebPusher(subscription.model_dump()).encode(self._channel.payload(message))["body"]
        except Exception as error:
            # the libraries raise what they please for a point that is not on the curve
            return _refused(message, f"the subscription's keys cannot be used ({type(error).__name__})")
        return self._hand_over(message, service, endpoint, body)

    def _hand_over(self, message: OutgoingMessage, service: str, endpoint: str, body: bytes) -> Delivery:
        host = urlsplit(endpoint).hostname or ""
        if host in self.unreached:
            return _not_sent(message, f"no connection to a host of {service} a moment ago")
        headers = {
            "Authorization": self._authorization(endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(TIME_TO_LIVE.total_seconds())),
            "Topic": message.message_id.hex,  # 32 characters, which is what a topic may have
        }
        try:
            reply = self._channel.post(endpoint, body, headers)
            self.reached_somebody = True
        except NotConnected as error:
            # whoever subscribed has named this host: it may never have been there, and nobody else is to wait for it.
            # That holds for a service's own name as well: most services are at hosts below theirs
            self.unreached.add(host)
            return _not_sent(message, f"no connection to a host of {service} ({error})")
        except NoAnswer as error:
            self.reached_somebody = True
            detail = f"no readable answer from {service} ({error})"
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        return self._classified(message, service, endpoint, reply)

    def _classified(self, message: OutgoingMessage, service: str, endpoint: str, reply: Reply) -> Delivery:
        said = reply.body.decode("utf-8", "replace").strip()  # some services say in words what is wrong
        detail = told(service, reply, said, (endpoint,))
        if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
            self._turned_away.pop(service, None)
            return Delivery(message.message_id, Outcome.accepted, reply.headers.get("Location"), detail)
        if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            doubtful = self._turned_away.setdefault(service, {})
            doubtful[endpoint] = message.message_id
            if len(doubtful) >= ENDPOINTS_THAT_STOP:
                raise Stops(f"{detail}; so did {len(doubtful) - 1} other endpoints of it: look at the VAPID key")
            return _refused(message, detail)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            # whose limit it is, a service may leave open (RFC 8030, section 5): one browser's must not come first again
            raise Waits(detail, self._channel.retry_after(reply), own=_not_sent(message, detail))
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return _refused(message, f"the subscription is gone: {detail}")
        if reply.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return _refused(message, detail)
        return Delivery(message.message_id, Outcome.unknown, detail=detail)

    def without_judgement(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries, those that were turned away as not sent: the fault was ours and not theirs."""
        doubtful = {message_id for endpoints in self._turned_away.values() for message_id in endpoints.values()}
        return [
            replace(each, outcome=Outcome.not_sent, costs_a_try=False) if each.message_id in doubtful else each
            for each in deliveries
        ]

    def _authorization(self, endpoint: str) -> str:
        host = urlsplit(endpoint).netloc
        if host not in self._signed:
            self._signed[host] = self._channel.authorization(endpoint)
        return self._signed[host]


def _refused(message: OutgoingMessage, detail: str) -> Delivery:
    return Delivery(message.message_id, Outcome.refused, detail=detail)


def _not_sent(message: OutgoingMessage, detail: str) -> Delivery:
    return Delivery(message.message_id, Outcome.not_sent, detail=detail)


def _key(private_key: SecretStr) -> Vapid:
    written = private_key.get_secret_value().strip()
    try:
        return Vapid.from_pem(written.encode()) if written.startswith("-----") else Vapid.from_string(written)
    except (ValueError, VapidException, TypeError):
        raise ValueError("EKIDEN_VAPID_PRIVATE_KEY is no key of P-256, in base64url or as PEM") from None
