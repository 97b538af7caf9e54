"""The HTTP under the official `sendgrid` package: connections that stay open, time limits, no second tries.

The package's own transport opens a connection and a TLS context per call (about 20 calls a second), has no
time limit, and follows redirects by turning our POST into a GET. This module puts
a pool of urllib3 in its place, inside the package's client. It knows HTTP and nothing of mail.
"""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, getproxies, proxy_bypass

import python_http_client
import urllib3
from pydantic import SecretStr
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# A TCP and TLS handshake across an ocean takes under a second; after 5 nobody is there.
CONNECT_SECONDS = 5.0
# SendGrid answers in tens of milliseconds; a slow answer is still better than an unknown outcome, so the
# patience is long.
READ_SECONDS = 30.0
# A connection that was idle this long may have been closed at the other end at the very moment we use it,
# which would make an outcome unknown for nothing. Load balancers close from about 10 seconds of idleness on.
IDLE_SECONDS = 5.0
_LONGEST_ANSWER = 65_536  # bytes; an answer has a few hundred


class NotConnected(Exception):
    """No connection came to be, so nothing was sent: refused, unknown name, failed TLS, nobody there."""


class _HTTPConnection(HTTPConnection):
    def connect(self) -> None:
        _connect(super().connect)


class _HTTPSConnection(HTTPSConnection):
    def connect(self) -> None:
        _connect(super().connect)


def _connect(connect: Callable[[], None]) -> None:
    """Call `connect`; what fails here is told apart from what fails once bytes of the message may be out."""
    try:
        connect()
    except Exception as error:
        raise NotConnected(type(error).__name__) from None


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class Answer:
    """A urllib3 response with the faces of the package's own response and of the one it makes that from."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        try:
            self._body = response.read(_LONGEST_ANSWER, decode_content=False)
            complete = response.read(1, decode_content=False) == b""
        except BaseException:
            response.close()
            raise
        if complete:
            response.release_conn()
        else:
            response.close()  # the rest of the answer would be read as the next one

    @property
    def status_code(self) -> int:
        return self._response.status

    @property
    def body(self) -> bytes:
        return self._body

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    def getcode(self) -> int:
        return self.status_code

    def read(self) -> bytes:
        return self._body

    def info(self) -> Mapping[str, str]:
        return self.headers


class PooledClient(python_http_client.Client):  # type: ignore[misc]  # the package has no types
    """The package's client over a pool; the key is added at the last moment and stands in no log."""

    def __init__(self, pool: urllib3.PoolManager, api_key: SecretStr, **details: Any) -> None:
        # first: the base class answers for attributes that do not exist with a part of the URL
        self._pool = pool
        self._api_key = api_key
        super().__init__(**details)

    def _build_client(self, name: str | None = None) -> "PooledClient":
        return PooledClient(
            self._pool,
            self._api_key,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def post(self, request_body: object) -> Answer:
        """Return the answer to a POST of `request_body` as JSON.

        The package's own way to here builds an opener of urllib per call, which costs as much as the call,
        and writes whole requests, addresses included, into its debug log.
        """
        headers = {**self.request_headers, "Content-Type": "application/json"}
        return self._answer("POST", self._build_url(None), json.dumps(request_body).encode(), headers)

    def _make_request(self, _opener: object, request: Request, timeout: object = None) -> Answer:
        """Return the answer to any other call that the package has prepared."""
        body = request.data if isinstance(request.data, bytes) else None
        return self._answer(request.get_method(), request.full_url, body, request.headers)

    def _answer(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        key = self._api_key.get_secret_value()
        return Answer(
            self._pool.request(
                method,
                url,
                body=body,
                headers={**headers, "Authorization": f"Bearer {key}"},
                preload_content=False,
                retries=False,
                redirect=False,
            )
        )


def pool_for(url: str, *, connect_seconds: float, read_seconds: float) -> urllib3.PoolManager:
    """Return a pool for calls to `url`, through the environment's proxy if it names one for that host."""
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
    proxy = _proxy_for(url)
    pool = urllib3.ProxyManager(proxy, timeout=timeout) if proxy else urllib3.PoolManager(timeout=timeout)
    pool.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pool


def _proxy_for(url: str) -> str | None:
    """Return the proxy of the usual variables (`https_proxy`, `no_proxy`); none for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or _is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def error_messages(body: bytes) -> str:
    """Return what SendGrid says is wrong (`{"errors": [{"message", "field"}]}`), "" where it says nothing."""
    try:
        errors = json.loads(body)["errors"]
        return "; ".join(f"{error.get('field') or 'request'}: {error['message']}" for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
