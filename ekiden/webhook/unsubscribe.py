"""The pages behind the unsubscribe link: GET asks, POST unsubscribes (RFC 8058).

A mail program posts without a person, cookies or redirects, and gets 200 once the opt-out is committed. Programs that
follow links to look at them get a page, and change nothing. Belongs here: HTTP. Does not belong here: what a link means
(`ekiden.delivery.consent.unsubscribing`), or how often somebody may ask: that is the proxy's to say.
"""

import base64
import hashlib
import logging
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import psycopg
from anyio import CapacityLimiter, to_thread
from itsdangerous import Signer
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ekiden.clock import Clock, utc_now
from ekiden.database.connection import connect
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.consent.opt_outs import channel_of
from ekiden.delivery.consent.unsubscribe_tokens import signer_for
from ekiden.delivery.consent.unsubscribing import Addressee, addressee_of, unsubscribe
from ekiden.settings import Settings
from ekiden.webhook.bodies import read_body
from ekiden.webhook.refusals import STATUS, RequestRefused
from ekiden.webhook.unsubscribe_words import Words, words_for

PATH = "/unsubscribe/{token}"
MOST_BYTES = 8192
"""Of a request's body: `List-Unsubscribe=One-Click` has 26, as a multipart form some hundred."""
MOST_SECONDS = 10
"""In which the body must have come."""
CONNECTIONS_AT_ONCE = 4
"""To the database; an opt-out takes milliseconds."""
RETRY_SECONDS = 300
"""After which a mail program may try again while the database is away."""
ONE_CLICK = "List-Unsubscribe"
"""The field of RFC 8058, section 3.1, by which a mail program's request is told from a person's."""

Page = Literal["ask", "done", "unknown", "unavailable"]
HERE = Path(__file__).parent

log = logging.getLogger(__name__)


def routes(settings: Settings, *, clock: Clock = utc_now) -> list[Route]:
    """Return the routes of the unsubscribe link, to be mounted where `unsubscribe_url` leads.

    Raises `SecretUnusable` if links could not be verified.
    """
    pages = _Pages(settings, signer_for(settings), clock)
    # a slash that somebody's program appended is no other link
    return [Route(path, pages.answer, methods=["GET", "POST"]) for path in (PATH, f"{PATH}/")]


class _Pages:
    def __init__(self, settings: Settings, signer: Signer, clock: Clock) -> None:
        self._settings = settings
        self._signer = signer
        self._clock = clock
        self._threads = CapacityLimiter(CONNECTIONS_AT_ONCE)
        self._template = Environment(autoescape=True, loader=FileSystemLoader(HERE)).get_template("unsubscribe.html")
        self._style = (HERE / "unsubscribe.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            # the address of this page is a key: nobody else may learn it
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex",
        }

    async def answer(self, request: Request) -> Response:
        """Answer a request for a link, whatever its method."""
        words = words_for(request.headers.get("accept-language", ""))
        token = request.path_params["token"]
        asked: dict[str, list[str]] = {}
        if request.method == "POST":
            try:
                asked = await _form(request)
            except RequestRefused as refused:
                return self._page("unavailable", words, status=STATUS[refused.reason])
        by_one_click = ONE_CLICK in asked
        # a mail program knows of no scope
        only_site = asked.get("scope") == ["site"] and not by_one_click
        post = partial(self._unsubscribe, token, by_one_click=by_one_click, only_site=only_site)
        work = post if request.method == "POST" else partial(self._look, token)
        try:
            addressee = await to_thread.run_sync(work, limiter=self._threads)
        except (DatabaseUnavailable, psycopg.Error) as error:
            log.warning("an unsubscribe link could not be followed: %s", type(error).__name__)
            return self._page("unavailable", words, status=HTTPStatus.SERVICE_UNAVAILABLE)
        if addressee is None:
            return self._page("unknown", words, status=HTTPStatus.NOT_FOUND)
        if request.method == "POST":
            return self._page("done", words, site=addressee.site if only_site else None)
        return self._page("ask", words, site=addressee.site, channel=channel_of(addressee.channel))

    def _look(self, token: str) -> Addressee | None:
        with connect(self._settings, autocommit=True) as connection:
            return addressee_of(connection, self._signer, token)

    def _unsubscribe(self, token: str, *, by_one_click: bool, only_site: bool) -> Addressee | None:
        with connect(self._settings, autocommit=True) as connection, connection.transaction():
            # whatever the server's default: an answer of 200 is a promise
            connection.execute("set local synchronous_commit = on")
            addressee = addressee_of(connection, self._signer, token)
            if addressee is not None:
                unsubscribe(
                    connection,
                    addressee,
                    source="one_click" if by_one_click else "page",
                    now=self._clock(),
                    only_site=only_site,
                )
            return addressee

    def _page(
        self, page: Page, words: Words, *, site: str | None = None, channel: str = "", status: int = HTTPStatus.OK
    ) -> Response:
        """Return a page; `site` is the one that may be refused by itself, or that was."""
        told = {
            "done": words.done_site.format(site=site) if site else words.done_told,
            "unknown": words.unknown_told,
            "unavailable": words.unavailable_told,
        }
        content = self._template.render(
            words=words,
            style=self._style,
            shop=self._settings.sender_name,
            # the law lets an SMS show them here instead of in its text
            postal_address=self._settings.postal_address,
            contact_address=self._settings.reply_to or self._settings.sender_address,
            title=getattr(words, page),
            told=told.get(page) or words.ask_of.get(channel, words.ask_of[""]),
            asks=page == "ask",
            site=site,
        )
        headers = {**self._headers, "Content-Language": words.language}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_SECONDS)
        return HTMLResponse(content, status, headers)


async def _form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a POST; a body that is no form, like an empty one, has none and still unsubscribes."""
    body = await read_body(request, most_bytes=MOST_BYTES, most_seconds=MOST_SECONDS)
    if request.headers.get("content-type", "").startswith("multipart/"):
        # RFC 8058 allows it; what matters of it is whether a mail program wrote it
        return {ONE_CLICK: []} if f'name="{ONE_CLICK}"'.encode() in body else {}
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True)
    except ValueError:
        return {}
