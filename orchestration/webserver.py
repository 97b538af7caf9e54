"""`python -m orchestration.webserver`: Dagster's webserver, with its options, and a guard before it.

Dagster takes orders by a plain GET from anybody: an image on any page that an operator opens could stop or release
everything. Belongs here: which requests are let through to Dagster. Does not belong here: starting and watching the
process (`up`), and what it serves (`composition`).
"""

import argparse
import ipaddress
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dagster_webserver import app as dagster_app
from dagster_webserver.cli import main as dagster_main
from dagster_webserver.webserver import DagsterWebserver
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ekiden.settings import Settings

GRAPHQL = "/graphql"
READING = ("GET", "HEAD")
DEFAULT_PORTS = {"http": 80, "https": 443}
"""Browsers leave them out of `Host` and `Origin`, proxies do not always."""

NO_ORDER = (
    f"{GRAPHQL} takes orders by POST with the content type application/json alone, which no page of another site can "
    "send: post it like that."
)
UNKNOWN_HOST = (
    "This is no name of this Dagster's, and whoever owns the name could read and order everything: open it as "
    "localhost, by its address in numbers or by the name given with --host, or set EKIDEN_DAGSTER_URL to the address "
    "that people open (like https://dagster.shop.example) and start this server again."
)
FOREIGN_ORIGIN = (
    "This comes from a page of another address than this Dagster's. Behind a proxy, let it pass Host on "
    "(nginx: proxy_set_header Host $http_host;), or set EKIDEN_DAGSTER_URL to the address that people open and start "
    "this server again."
)


class Guard:
    """ASGI middleware: turns away what a page of another site can have a browser send.

    `names` are the hosts that this Dagster goes by; localhost and addresses in numbers are taken in any case: no
    stranger's name server can lead those here.
    """

    def __init__(self, app: ASGIApp, *, names: frozenset[str], opened_at: str = "") -> None:
        self._app = app
        self._own = _split(opened_at.strip())
        named = self._own.hostname if self._own else None
        self._names = names | {"localhost", named or "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or let Dagster."""
        if scope["type"] in ("http", "websocket") and (refusal := self._refusal(scope)):
            status, words = refusal
            await PlainTextResponse(f"{words}\n", status)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return HTTPStatus.FORBIDDEN, UNKNOWN_HOST
        origin = headers.get("origin")
        if scope["type"] == "websocket":
            # a browser sends it always, and asks nobody before it opens one
            return None if origin and self._is_own_page(origin, hosts[0]) else (HTTPStatus.FORBIDDEN, FOREIGN_ORIGIN)
        reads = scope["method"] in READING
        if origin is not None and not reads and not self._is_own_page(origin, hosts[0]):
            return HTTPStatus.FORBIDDEN, FOREIGN_ORIGIN
        # whatever the path begins with: Dagster takes a prefix
        if scope["path"].rstrip("/").endswith(GRAPHQL):
            content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            is_order = scope["method"] == "POST" and content_type == "application/json"
            # without a query there is nothing to be done: it is the page on which people write queries
            if not is_order and not (reads and not scope["query_string"]):
                return HTTPStatus.METHOD_NOT_ALLOWED if reads else HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NO_ORDER
        return None

    def _is_ours(self, host: str) -> bool:
        parts = _split(f"//{host}")
        if parts is None or parts.hostname is None or "@" in host:
            return False
        return parts.hostname in self._names or _is_in_numbers(parts.hostname)

    def _is_own_page(self, origin: str, host: str) -> bool:
        page = _split(origin)
        if page is None or page.scheme not in DEFAULT_PORTS:
            return False
        asked = _split(f"{page.scheme}://{host}")
        return any(own is not None and _place(page) == _place(own) for own in (asked, self._own))


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _place(address: SplitResult) -> tuple[str | None, int | None]:
    return address.hostname, address.port or DEFAULT_PORTS.get(address.scheme)


def _is_in_numbers(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def guarded(names: frozenset[str], opened_at: str) -> type[DagsterWebserver[Any, Any]]:
    """Return Dagster's webserver with the guard before all of its routes."""

    class GuardedWebserver(DagsterWebserver[Any, Any]):
        def build_middleware(self) -> list[Middleware]:
            return [Middleware(Guard, names=names, opened_at=opened_at), *super().build_middleware()]

        def make_security_headers(self) -> dict[str, str]:
            # in another page's frame, a launchpad filled in by its link needs one click by somebody who does not see it
            return {**super().make_security_headers(), "X-Frame-Options": "SAMEORIGIN"}

    return GuardedWebserver


def main() -> None:
    """Serve with the options of `dagster-webserver`, until stopped."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--host", "-h", default="localhost")
    host = options.parse_known_args(sys.argv[1:])[0].host.lower()
    # of all that its command line does, this is where it makes the application; `up` and a test see to it that it does
    dagster_app.DagsterWebserver = guarded(frozenset({host}), Settings().dagster_url)  # type: ignore[misc]
    dagster_main()


if __name__ == "__main__":
    main()
