"""A sink that takes mail as fast as it can and counts whom it was for: SendGrid's mail/send, and SMTP for the peers.

A process of its own: `python -m tests.benchmarks.mail_sink` prints its ports and serves until its input ends. Belongs
here: answering and counting. Does not belong here: any fault (the tests' own servers have those).
"""

import asyncio
import json
import re
import ssl
import sys
from dataclasses import dataclass, field

RECIPIENT = re.compile(rb'"email":\s*"customer(\d+)@')
SMTP_RECIPIENT = re.compile(rb"customer(\d+)@")
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"
LENGTH = re.compile(rb"(?i)content-length:\s*(\d+)")


@dataclass
class Taken:
    """What has come in since it was last forgotten."""

    requests: int = 0
    messages: int = 0
    customers: set[int] = field(default_factory=set)

    def add(self, customers: list[int]) -> None:
        self.requests += 1
        self.messages += len(customers)
        self.customers.update(customers)

    def forget(self) -> None:
        self.requests = self.messages = 0
        self.customers.clear()

    def told(self) -> bytes:
        return json.dumps(
            {
                "requests": self.requests,
                "messages": self.messages,
                "distinct": len(self.customers),
                "sum": sum(self.customers),
            }
        ).encode()


class Http(asyncio.Protocol):
    """Keep-alive HTTP/1.1 with bodies of a said length; `GET` tells what was taken, `DELETE` forgets it."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.pieces: list[bytes] = []
        self.size = 0
        self.wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.size += len(data)
        if self.size < self.wanted:
            return
        received = b"".join(self.pieces)
        while received:
            head_end = received.find(b"\r\n\r\n")
            if head_end < 0:
                break
            length = LENGTH.search(received, 0, head_end)
            end = head_end + 4 + (int(length[1]) if length else 0)
            self.wanted = end
            if len(received) < end:
                break
            self._answer(received[:3], received[head_end + 4 : end])
            received, self.wanted = received[end:], 0
        self.pieces, self.size = [received], len(received)

    def _answer(self, method: bytes, body: bytes) -> None:
        if method == b"POS":
            self.taken.add([int(number) for number in RECIPIENT.findall(body)])
            self.transport.write(ACCEPTED)
            return
        told = self.taken.told()
        if method == b"DEL":
            self.taken.forget()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))


class Smtp(asyncio.Protocol):
    """As much of SMTP as Django's mail backend speaks."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.buffer = b""
        self.in_data = False
        self.customers: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            line, found, rest = self.buffer.partition(end)
            if not found:
                return
            self.buffer = rest
            self._line(line)

    def _line(self, line: bytes) -> None:
        command = line[:4].upper()
        if self.in_data:
            self.in_data = False
            self.taken.add(self.customers)
            self.customers = []
        elif command == b"RCPT":
            self.customers += [int(number) for number in SMTP_RECIPIENT.findall(line)]
        elif command == b"DATA":
            self.in_data = True
            self.transport.write(b"354 go on\r\n")
            return
        elif command == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
            return
        self.transport.write(b"250 ok\r\n")


async def serve(certificate: str | None) -> None:
    """Serve HTTP, HTTPS where there is a certificate, and SMTP on loopback until standard input ends."""
    taken = Taken()
    loop = asyncio.get_running_loop()
    secured = None
    if certificate:
        secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secured.load_cert_chain(certificate)
    servers = [
        await loop.create_server(lambda: Http(taken), "127.0.0.1", 0),
        await loop.create_server(lambda: Smtp(taken), "127.0.0.1", 0),
    ]
    if secured:
        servers.append(await loop.create_server(lambda: Http(taken), "127.0.0.1", 0, ssl=secured))
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    # whoever started it closes its input when it ends, however it ends
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1] if len(sys.argv) > 1 else None))
