"""smtplib's connections, with an end to their patience: so long for a step, however slowly a server drips.

smtplib waits anew for every byte, reads replies without end, takes a line that was cut for a whole one, and forgets an
answer where the next question gets none. Belongs here: what it leaves open. Does not belong here: the conversation
(`channel`), and what an answer means (`replies`).
"""

import io
import smtplib
import socket
import ssl
from time import monotonic
from typing import Any

from ekiden.delivery.channels.incoming import Incoming

CONNECT_SECONDS = 10.0
"""For each address that a name has: in this time a lost first packet is sent again twice, after 1 and 3 seconds."""

LONGEST_REPLY = 65_536
"""Bytes. A server names its extensions in some hundred; one that never ends would fill the memory."""

_NOT_NOW = 4  # the first digit of a reply code


class _Counted(Incoming):
    """The same, counted."""

    def __init__(self, line: "MailLine") -> None:
        super().__init__(line.open_socket(), line.allot)
        self._line = line

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._line.count_reply(count or 0)
        return count


class _WholeLines(io.BufferedReader):
    """Lines that were ended; an answer that was cut says nothing."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(-1 if size is None else size)
        if line and (not line.endswith(b"\n") or len(line) == size):
            raise ConnectionError("a line was cut, or has no end")
        return line


class MailLine(smtplib.SMTP):
    """A connection to a mail server, whose steps have a time limit as a whole; `until` is monotonic."""

    def __init__(self, host: str, port: int, name: str, *, until: float, **more: Any) -> None:
        self.until = until
        self.log_in_refused: smtplib.SMTPAuthenticationError | None = None
        """The last answer to a way of logging in: a server may hang up when it is asked in the next."""
        self._reply_bytes = 0
        super().__init__(host, port, name, timeout=min(CONNECT_SECONDS, self._left()), **more)

    def open_socket(self) -> socket.socket:
        """Return the socket; raises `SMTPServerDisconnected` if there is none any more."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock

    def allot(self) -> None:
        """Give the next reading or writing what is left of the time; raises `TimeoutError` if nothing is."""
        self.open_socket().settimeout(self._left())

    def count_reply(self, count: int) -> None:
        """Count bytes of the present reply; raises `ConnectionError` for one that is too long."""
        self._reply_bytes += count
        if self._reply_bytes > LONGEST_REPLY:
            raise ConnectionError("the reply has no end")

    def send(self, s: Any) -> None:
        """Send it within the time that is left."""
        self.allot()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Return code and text of one whole reply; raises `SMTPServerDisconnected` where there is none in time."""
        self._reply_bytes = 0
        if self.file is None:
            self.file = _WholeLines(_Counted(self))
        return super().getreply()

    def ehlo(self, name: str = "") -> tuple[int, bytes]:
        """Say who we are; raises `SMTPHeloError` where the server has no time now.

        Asked in the old way instead (HELO), it would seem to offer neither encryption nor a log-in.
        """
        code, text = super().ehlo(name)
        if code // 100 == _NOT_NOW:
            raise smtplib.SMTPHeloError(code, text)
        return code, text

    def auth(self, *how: Any, **more: Any) -> tuple[int, bytes]:
        """Log in one way."""
        try:
            return super().auth(*how, **more)
        except smtplib.SMTPAuthenticationError as refused:
            self.log_in_refused = refused
            raise

    def _left(self) -> float:
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError("the mail server took too long")
        return left


class EncryptedMailLine(MailLine, smtplib.SMTP_SSL):
    """The same over TLS from the first byte on."""

    def __init__(self, host: str, port: int, name: str, *, until: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, name, until=until, context=context)
