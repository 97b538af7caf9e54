"""The web application behind `ekiden webhook`: providers' events in, kept before they are answered for.

An answer of 200 says that the request is committed; taking its events in happens after that, here or elsewhere. Belongs
here: HTTP. Does not belong here: signatures (`sendgrid_signature`, `twilio_signature`), keeping (`requests`), and what
events lead to (`ekiden.delivery.events.drain`).
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import psycopg
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ekiden.clock import Clock, utc_now
from ekiden.database.connection import connect
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.events.drain import SENDGRID, TWILIO, drain
from ekiden.delivery.events.event_reading import BodyUnreadable, elements
from ekiden.delivery.events.status_reading import fields_of, kept_body, status_callback
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.webhook import twilio_signature, unsubscribe
from ekiden.webhook.answers import MOST_BYTES, MOST_SECONDS, TurnedAway, answer
from ekiden.webhook.bodies import read_body
from ekiden.webhook.requests import Refusal, keep_request, note_refusals
from ekiden.webhook.sendgrid_signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    is_signed,
    is_stale,
    read_keys,
    signed_at,
)

CONNECTIONS_AT_ONCE = 8
"""To the database: more would wait for its disk all the same."""
BODIES_AT_ONCE = 50
"""Of providers' requests: half of what the server takes at once (`ekiden.cli.webhook`). Whose they are is known once
they are read, and strangers' slow ones must leave places to those who unsubscribe."""
GATHERED = timedelta(seconds=1)
"""What comes within it is drained together; a provider posts in bursts."""
IDLE = timedelta(seconds=30)
"""After this long without a request it looks all the same: for what another process left, and for messages whose
outcome has become unknown."""
REQUESTS_A_DRAIN = 100
"""Of a provider; then whoever waits for this process to end is let go."""

DRAINER = RunContext("webhook")

Result = TypeVar("Result")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Authentic:
    """What a provider posted: to be kept, though nothing can be read in it where it has a fault."""

    body: bytes
    signed_at: datetime
    fault: str | None = None


class Door:
    """What the routes share: the keys, the way to the database, and the counts of what was turned away."""

    def __init__(self, settings: Settings, clock: Clock, *, drains: bool) -> None:
        self.settings = settings
        self.clock = clock
        self.keys = read_keys(settings.sendgrid_webhook_key)
        self.refusals: Counter[tuple[str, Refusal]] = Counter()
        """By provider and reason."""
        self._drains = drains
        self._wake = asyncio.Event()
        self._threads = CapacityLimiter(CONNECTIONS_AT_ONCE)
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, which may wait for the database."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def receive(self, request: Request) -> Response:
        """Answer one request of SendGrid's event webhook."""
        return await self._receive(request, SENDGRID, self._accept)

    async def receive_status(self, request: Request) -> Response:
        """Answer one status callback of Twilio."""
        return await self._receive(request, TWILIO, self._accept_status)

    async def _receive(
        self, request: Request, provider: str, accept: Callable[[Request], Awaitable[_Authentic]]
    ) -> Response:
        try:
            authentic = await accept(request)
            is_new = await self.in_thread(partial(self._keep, provider, authentic))
            if authentic.fault is not None:
                raise TurnedAway(Refusal.MALFORMED)
        except TurnedAway as refused:
            # counted here and written down later: a stranger's flood must not reach the database
            self.refusals[provider, refused.reason] += 1
            return answer(refused.reason)
        self._wake.set()
        return PlainTextResponse("stored" if is_new else "known")

    async def health(self, request: Request) -> Response:
        """Answer whether requests can be stored."""
        try:
            await self.in_thread(self._look)
        except (DatabaseUnavailable, psycopg.Error):
            return PlainTextResponse("no database", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("ok")

    async def look_after(self) -> None:
        """Write down refusals and drain what has come in, until cancelled; an error waits for the next round."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE.total_seconds())
            self._wake.clear()
            await asyncio.sleep(GATHERED.total_seconds())
            try:
                await self.write_down()
                if self._drains and await self.in_thread(self._drain) >= REQUESTS_A_DRAIN:
                    self._wake.set()
            except (DatabaseUnavailable, psycopg.OperationalError) as error:
                log.warning("the database does not answer; what has come in is drained later: %s", error)
            except Exception:
                log.exception("draining failed; what has come in is kept and drained later")

    async def write_down(self) -> None:
        """Write down how many requests were turned away since it was last done."""
        if not self.refusals:
            return
        noted, self.refusals = self.refusals, Counter()
        try:
            await self.in_thread(partial(self._note, noted))
        except Exception:
            # where this task is cancelled, the thread goes on and writes them down: they would count twice
            self.refusals += noted
            raise

    def _note(self, refusals: Counter[tuple[str, Refusal]]) -> None:
        with connect(self.settings, autocommit=True) as connection, connection.transaction():
            for provider in sorted({provider for provider, _ in refusals}):
                noted = {reason: requests for (whose, reason), requests in refusals.items() if whose == provider}
                note_refusals(connection, noted, now=self.clock(), provider=provider)

    def _drain(self) -> int:
        with connect(self.settings, autocommit=True) as connection:
            done = drain(
                connection,
                settings=self.settings,
                clock=self.clock,
                context=DRAINER,
                most_requests=REQUESTS_A_DRAIN,
            )
        return done.requests

    async def _accept(self, request: Request) -> _Authentic:
        """Return what SendGrid posted; raises `TurnedAway`."""
        if not _is_plain(request, "application/json"):
            raise TurnedAway(Refusal.CONTENT_TYPE)
        if not self.keys:
            raise TurnedAway(Refusal.NOT_CONFIGURED)
        signature, timestamp = request.headers.get(SIGNATURE_HEADER), request.headers.get(TIMESTAMP_HEADER)
        moment = signed_at(timestamp)
        if not signature or moment is None:
            raise TurnedAway(Refusal.BAD_SIGNATURE)
        body = await self._read(request)
        if not is_signed(self.keys, signature, timestamp, body):
            raise TurnedAway(Refusal.BAD_SIGNATURE)
        if is_stale(moment, now=self.clock(), max_age=self.settings.webhook_max_age):
            raise TurnedAway(Refusal.STALE)
        return _Authentic(body, moment, _fault_of(body))

    async def _accept_status(self, request: Request) -> _Authentic:
        """Return what Twilio posted of the message that the path names; raises `TurnedAway`.

        Nothing in it says when it was signed: a captured request may be sent again for ever, and says nothing new.
        """
        token, status_url = self.settings.twilio_auth_token, self.settings.twilio_status_url
        if not _is_plain(request, "application/x-www-form-urlencoded"):
            raise TurnedAway(Refusal.CONTENT_TYPE)
        # an empty one, as a placeholder is, is a key that everybody has
        if token is None or not token.get_secret_value().strip() or status_url is None:
            raise TurnedAway(Refusal.NOT_CONFIGURED)
        body = await self._read(request)
        message_id: UUID = request.path_params["message_id"]
        called = status_callback(status_url, message_id)
        try:
            fields = fields_of(body)
        except BodyUnreadable:
            # what is signed is its fields
            raise TurnedAway(Refusal.BAD_SIGNATURE) from None
        signature = request.headers.get(twilio_signature.SIGNATURE_HEADER, "")
        if not twilio_signature.is_signed(token, twilio_signature.signed_forms(called), fields, signature):
            raise TurnedAway(Refusal.BAD_SIGNATURE)
        return _Authentic(kept_body(message_id, body), self.clock())

    async def _read(self, request: Request) -> bytes:
        """Return the whole body; raises `TurnedAway`, at once where too many others are being read."""
        if self._bodies.locked():
            raise TurnedAway(Refusal.TOO_MANY)
        async with self._bodies:
            return await read_body(request, most_bytes=MOST_BYTES, most_seconds=MOST_SECONDS)

    def _keep(self, provider: str, authentic: _Authentic) -> bool:
        try:
            with connect(self.settings, autocommit=True) as connection, connection.transaction():
                # whatever the server's default: an answer of 200 is a promise
                connection.execute("set local synchronous_commit = on")
                return keep_request(
                    connection,
                    authentic.body,
                    signed_at=authentic.signed_at,
                    received_at=self.clock(),
                    fault=authentic.fault,
                    provider=provider,
                )
        except (DatabaseUnavailable, psycopg.Error) as error:
            log.error("a request could not be stored, so the provider is asked to send it again: %s", error)
            raise TurnedAway(Refusal.NOT_STORED) from error

    def _look(self) -> None:
        with connect(self.settings, autocommit=True) as connection:
            connection.execute("select from outreach.webhook_requests limit 1")


def webhook_app(settings: Settings, *, clock: Clock = utc_now, drains: bool = True) -> Starlette:
    """Return the application; `clock` yields aware datetimes. Raises `KeyUnreadable` and `SecretUnusable`.

    The database is migrated already. `drains` False: what comes in is kept, and drained by others.
    """
    door = Door(settings, clock, drains=drains)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(door.look_after())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            with contextlib.suppress(DatabaseUnavailable, psycopg.Error):
                await door.write_down()

    routes: list[BaseRoute] = [
        Route("/webhook/sendgrid", door.receive, methods=["POST"]),
        Route("/webhook/twilio/{message_id:uuid}", door.receive_status, methods=["POST"]),
        Route("/health", door.health, methods=["GET"]),
        *unsubscribe.routes(settings, clock=clock),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    # a redirect would take a link's token to http, which is all that we know of our address behind a proxy
    app.router.redirect_slashes = False
    app.state.door = door
    return app


def create() -> Starlette:
    """Return the application of this deployment, for servers that start several processes of it."""
    return webhook_app(Settings())


def _is_plain(request: Request, expected: str) -> bool:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return content_type == expected and encoding == "identity"


def _fault_of(body: bytes) -> str | None:
    try:
        elements(body)
    except BodyUnreadable as fault:
        return str(fault)
    return None
