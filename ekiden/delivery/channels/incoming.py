"""The bytes that a connection brings, for readers that wait anew for every byte: they get no more than their time.

Belongs here: reading a socket within a time for the whole answer. Does not belong here: what an answer is made of
(`http.transport` for HTTP, `smtp.lines` for mail servers).
"""

import io
import socket
from collections.abc import Callable
from typing import Any


class Incoming(io.RawIOBase):
    """The bytes of a socket; `allot` gives the next reading what is left of the time, and raises where nothing is.

    `begun` is what has been read of them already.
    """

    def __init__(self, connection: socket.socket, allot: Callable[[], None], begun: bytes = b"") -> None:
        self._bytes: Any = connection.makefile("rb", buffering=0)  # keeps the socket open until this is closed
        self._allot = allot
        self._begun = begun

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._allot()
        if self._begun:
            read, self._begun = self._begun[: len(buffer)], self._begun[len(buffer) :]
            buffer[: len(read)] = read
            return len(read)
        count: int | None = self._bytes.readinto(buffer)
        return count

    def close(self) -> None:
        self._bytes.close()
        super().close()
