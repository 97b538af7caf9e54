"""HTTP connections that stay open, with time limits, and without second tries.

Belongs here: what is known of a request's fate by the connection alone. Does not belong here: mail, keys, any
provider's answers.

What a request's fate is: an error named `NotConnected` means that nothing was sent; any other error, that it may
have arrived. An answer counts only if it came whole and in time, and ahead of its request's end only if it turns the
request down. A connection is used again only if, as far as can be told, nothing of an earlier request is still on it.
"""

import io
import re
import socket
import ssl
from base64 import b64encode
from functools import partial
from http.client import HTTPResponse, IncompleteRead
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError

from ekiden.delivery.channels.incoming import Incoming
from ekiden.settings.values import is_this_machine

# A TCP and TLS handshake across an ocean takes under a second; after 5 nobody is there.
CONNECT_SECONDS = 5.0
# SendGrid answers in tens of milliseconds; a slow answer is still better than an unknown outcome, so the
# patience is long. It holds for the upload and for the answer, each as a whole, however slowly they drip.
READ_SECONDS = 30.0
# A connection that was idle this long may have been closed at the other end at the very moment we use it,
# which would make an outcome unknown for nothing. Load balancers close from about 10 seconds of idleness on.
IDLE_SECONDS = 5.0

# bytes sent between two looks at the clock, and for an answer that is there too early: a few milliseconds on any line
_PIECE = 65_536
_CLIENT_ERROR = 400
_FINAL = 200  # what is below is said on the way to the answer (RFC 9110, section 15.2)
_ON_THE_WAY = re.compile(rb"HTTP/1\.[01] 1")
_BEGINNING = len("HTTP/1.1 1")  # bytes; so many tell an answer from what is said on the way to it

LONGEST_ANSWER = 65_536  # bytes; an answer to a post has a few hundred


class NotConnected(Exception):
    """No connection came to be, so nothing was sent: refused, unknown name, failed TLS, nobody there."""


def _within(connection: socket.socket, seconds: float, begun: bytes) -> Incoming:
    """Return the bytes of a socket for so long, behind those that are `begun`; a time limit of the socket alone begins
    anew with every byte.
    """
    until = monotonic() + seconds

    def allot() -> None:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        connection.settimeout(left)

    return Incoming(connection, allot, begun)


def _come_already(connection: socket.socket) -> bytes:
    """Return the beginning of what can be read without waiting."""
    # what lies on a socket under TLS may be a word of TLS itself: only reading tells
    connection.settimeout(0)
    try:
        return connection.recv(_BEGINNING)
    except OSError:
        # nothing yet; or an end, which sending and reading find as well
        return b""


class _WholeLines(io.BufferedReader):
    """Lines that were ended; http.client takes an answer that was cut within its head for a complete one."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(-1 if size is None else size)
        if not line.endswith(b"\n") and len(line) != size:
            raise IncompleteRead(line)
        return line


class _WholeAnswer(HTTPResponse):
    def __init__(self, sock: socket.socket, *details: Any, begun: bytes = b"", **named: Any) -> None:
        super().__init__(sock, *details, **named)
        self.fp.close()
        self.fp = _WholeLines(_within(sock, sock.gettimeout() or READ_SECONDS, begun))


class _Line:
    """What our connections add to urllib3's."""

    response_class: Any = _WholeAnswer
    upload_seconds = READ_SECONDS
    last_used = 0.0
    reusable = True
    _upload_until: float | None = None
    _begun = b""
    """Of an answer that came before the request was whole."""

    def connect(self) -> None:
        # what came of an earlier request is no proxy's answer to a tunnel
        self._begun, self.response_class = b"", _WholeAnswer
        # the connection's own time limit is for a proxy's tunnel, too
        upload_until, self._upload_until = self._upload_until, None
        try:
            super().connect()  # type: ignore[misc]
            self._upload_until = upload_until
        except Exception as error:
            # told apart from what fails once bytes of the message may be out
            raise NotConnected(type(error).__name__) from None

    def request(self, *details: Any, **named: Any) -> None:
        self.reusable = False
        self._upload_until = monotonic() + self.upload_seconds
        self._begun, self.response_class = b"", _WholeAnswer
        super().request(*details, **named)  # type: ignore[misc]
        self.reusable = not self._begun or _ON_THE_WAY.match(self._begun) is not None

    def send(self, data: Any) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            connection = self.sock  # type: ignore[attr-defined]
            if connection is not None and self._upload_until is not None:
                seconds = self._upload_until - monotonic()
                if seconds <= 0:
                    raise TimeoutError("the upload took too long")
                if start and not self._begun:
                    self._begun = _come_already(connection)
                connection.settimeout(seconds)
            super().send(view[start : start + _PIECE])  # type: ignore[misc]

    def getresponse(self) -> Any:
        """Return the answer, also one that came before the upload was whole, if it turns the request down."""
        self.response_class = partial(_WholeAnswer, begun=self._begun)
        answer = super().getresponse()  # type: ignore[misc]
        if not self.reusable and answer.status < _CLIENT_ERROR:
            raise ProtocolError("answered before the request was whole")
        self.reusable = self.reusable and answer.status >= _FINAL
        return answer


class _HTTPConnection(_Line, HTTPConnection): ...


class _HTTPSConnection(_Line, HTTPSConnection): ...


class _Lines:
    """What our pools add to urllib3's."""

    def __init__(self, *details: Any, idle_seconds: float, **named: Any) -> None:
        super().__init__(*details, **named)
        self._idle_seconds = idle_seconds

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.upload_seconds = self.timeout.read_timeout  # type: ignore[attr-defined]
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if monotonic() - connection.last_used > self._idle_seconds:
            connection.close()  # it is opened anew when it is used
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            if not connection.reusable:
                connection.close()
            connection.reusable = True
            connection.last_used = monotonic()
        super()._put_conn(connection)  # type: ignore[misc]


class _HTTPPool(_Lines, HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(_Lines, HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def pool_for(
    url: str,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
    connections: int = 1,
) -> urllib3.PoolManager:
    """Return a pool for calls to `url`, through the environment's proxy if it names one for that host.

    It keeps up to `connections` open and may be used by as many threads. Ask it with `retries=False` and
    `redirect=False`.
    """
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=connect_seconds, read=read_seconds),
        "maxsize": connections,
    }
    if urlsplit(url).scheme == "https":
        # one for all connections: to read the system's certificates takes longer than a handshake
        options["ssl_context"] = ssl.create_default_context()
    proxy = _proxy_for(url)
    if proxy:
        pool: urllib3.PoolManager = urllib3.ProxyManager(proxy, proxy_headers=_log_in(proxy), **options)
    else:
        pool = urllib3.PoolManager(**options)
    pool.pool_classes_by_scheme = {
        "http": partial(_HTTPPool, idle_seconds=idle_seconds),  # type: ignore[dict-item]
        "https": partial(_HTTPSPool, idle_seconds=idle_seconds),  # type: ignore[dict-item]
    }
    return pool


def _proxy_for(url: str) -> str | None:
    """Return the proxy of the usual variables (`https_proxy`, `no_proxy`); none for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_this_machine(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _log_in(proxy: str) -> dict[str, str]:
    """Return the header that says to a proxy who we are, by user and password in its address (RFC 7617)."""
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


def read_whole(response: urllib3.BaseHTTPResponse, longest: int = LONGEST_ANSWER) -> bytes:
    """Return an answer's first `longest` bytes as they came, and free its connection, or close it where more follows.

    Raises whatever kept the answer from being read, the connection closed.
    """
    try:
        body = response.read(longest, decode_content=False)
        complete = response.read(1, decode_content=False) == b""
    except BaseException:
        response.close()
        raise
    if complete:
        response.release_conn()
    else:
        response.close()  # the rest of the answer would be read as the next one
    return body
