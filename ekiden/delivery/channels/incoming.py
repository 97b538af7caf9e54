"""The bytes that a connection brings, for readers that wait anew for every byte: they get no more than their time.

Belongs here: reading a socket within a time for the whole answer. Does not belong here: what an answer is made of
(`transport` for HTTP, `smtp.lines` for mail servers).
"""

import io
import socket
from collections.abc import Callable
from typing import Any


class Incoming(io.RawIOBase):
    """The bytes of a socket; `allot` gives the next reading what is left of the time, and raises where nothing is."""

    def __init__(self, connection: socket.socket, allot: Callable[[], None]) -> None:
        self._bytes: Any = connection.makefile("rb", buffering=0)  # keeps the socket open until this is closed
        self._allot = allot

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._allot()
        count: int | None = self._bytes.readinto(buffer)
        return count

    def close(self) -> None:
        self._bytes.close()
        super().close()
