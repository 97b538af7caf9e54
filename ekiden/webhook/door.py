"""The door that every provider's requests come through: kept before they are answered for, and drained after that.

An answer of 200 says that the request is committed; taking its events in happens later, here or elsewhere. Belongs
here: what all providers' requests share. Does not belong here: whether a request is a provider's (`sendgrid`,
`twilio`), which path leads here (`app`), and what events lead to (`ekiden.delivery.events.drain`).
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import psycopg
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ekiden.clock import Clock
from ekiden.database.connection import connect
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.events.drain import drain
from ekiden.delivery.events.providers import Provider
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.webhook.bodies import read_body
from ekiden.webhook.refusals import MOST_BYTES, MOST_SECONDS, RefusalReason, RequestRefused, answer_refusal
from ekiden.webhook.requests import keep_request, note_refusals

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
class Authentic:
    """What a provider posted: to be kept, though nothing can be read in it where it has a fault."""

    body: bytes
    signed_at: datetime
    fault: str | None = None


ReadBody = Callable[[Request], Awaitable[bytes]]
"""Returns the whole body of a request; raises `RequestRefused`."""
Accept = Callable[[Request, ReadBody], Awaitable[Authentic]]
"""Returns what a provider posted; raises `RequestRefused` for what is not the provider's."""


class Door:
    """What the routes share: the way to the database, and the counts of what was refused."""

    def __init__(self, settings: Settings, clock: Clock, *, drains: bool) -> None:
        self.settings = settings
        self.clock = clock
        self.refusals: Counter[tuple[Provider, RefusalReason]] = Counter()
        self._drains = drains
        self._wake = asyncio.Event()
        self._threads = CapacityLimiter(CONNECTIONS_AT_ONCE)
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, which may wait for the database."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def receive(self, request: Request, *, provider: Provider, accept: Accept) -> Response:
        """Answer one request to a provider's address."""
        try:
            authentic = await accept(request, self._read)
            is_new = await self.in_thread(partial(self._keep, provider, authentic))
            if authentic.fault is not None:
                raise RequestRefused(RefusalReason.MALFORMED)
        except RequestRefused as refused:
            # counted here and written down later: a stranger's flood must not reach the database
            self.refusals[provider, refused.reason] += 1
            return answer_refusal(refused.reason)
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
        """Write down how many requests were refused since it was last done."""
        if not self.refusals:
            return
        noted, self.refusals = self.refusals, Counter()
        try:
            await self.in_thread(partial(self._note, noted))
        except Exception:
            # where this task is cancelled, the thread goes on and writes them down: they would count twice
            self.refusals += noted
            raise

    def _note(self, refusals: Counter[tuple[Provider, RefusalReason]]) -> None:
        with connect(self.settings, autocommit=True) as connection, connection.transaction():
            for provider in sorted({provider for provider, _ in refusals}):
                noted = {reason: requests for (whose, reason), requests in refusals.items() if whose is provider}
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

    async def _read(self, request: Request) -> bytes:
        """Return the whole body; raises `RequestRefused`, at once where too many others are being read."""
        if self._bodies.locked():
            raise RequestRefused(RefusalReason.TOO_MANY)
        async with self._bodies:
            return await read_body(request, most_bytes=MOST_BYTES, most_seconds=MOST_SECONDS)

    def _keep(self, provider: Provider, authentic: Authentic) -> bool:
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
            raise RequestRefused(RefusalReason.NOT_STORED) from error

    def _look(self) -> None:
        with connect(self.settings, autocommit=True) as connection:
            connection.execute("select from outreach.webhook_requests limit 1")
