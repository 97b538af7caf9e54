"""The web application behind `ekiden webhook`: which path leads to whom, and what runs as long as it does.

Two providers' events come in (`sendgrid`, `twilio`), and customers unsubscribe (`unsubscribe`). Does not belong here:
what is done with a request (`door`, and those three).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import psycopg
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ekiden.clock import Clock, utc_now
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.events.providers import Provider
from ekiden.settings import Settings
from ekiden.webhook import sendgrid, twilio, unsubscribe
from ekiden.webhook.door import Door


def webhook_app(settings: Settings, *, clock: Clock = utc_now, drains: bool = True) -> Starlette:
    """Return the application; `clock` yields aware datetimes. Raises `KeyUnreadable` and `SecretUnusable`.

    The database is migrated already. `drains` False: what comes in is kept, and drained by others.
    """
    door = Door(settings, clock, drains=drains)
    from_sendgrid = partial(door.receive, provider=Provider.SENDGRID, accept=sendgrid.accepting(settings, clock))
    from_twilio = partial(door.receive, provider=Provider.TWILIO, accept=twilio.accepting(settings, clock))

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
        Route("/webhook/sendgrid", from_sendgrid, methods=["POST"]),
        Route("/webhook/twilio/{message_id:uuid}", from_twilio, methods=["POST"]),
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
