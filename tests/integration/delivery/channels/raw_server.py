"""A server of bare sockets on 127.0.0.1 that can go wrong at any byte, and a judge of what it was sent.

A conversation is a function that reads and writes; the first connection's requests have the first ones, the last
is for all that follow. The server notes every request it read to its end, and which of them it surely did not
accept, because it said so to the end.
"""

import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.delivery.channels.mail import faults_of_body, ids_of


class Talk:
    """One request and its answer, byte by byte."""

    def __init__(self, server: "RawServer", connection: socket.socket) -> None:
        self.server = server
        self.connection = connection
        self._bytes = b""
        self.open = True

    def begin(self) -> bool:
        """Wait for a byte; return whether there is one."""
        self._bytes = self._bytes or self.connection.recv(1)
        return bool(self._bytes)

    def head(self) -> bytes | None:
        """Read the request's head; None at the end of the connection."""
        while b"\r\n\r\n" not in self._bytes:
            if not self._more():
                return None
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        return head

    def give_back(self, head: bytes | None) -> None:
        """Let a head that was read be read once more."""
        if head is not None:
            self._bytes = head + b"\r\n\r\n" + self._bytes

    def request(self) -> bool:
        """Read a whole request, note whom it is for, and return whether there was one."""
        head = self.head()
        if head is None:
            self.open = False
            return False
        length = int(
            next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
        )
        while len(self._bytes) < length:
            if not self._more():
                self.open = False
                return False
        body, self._bytes = self._bytes[:length], self._bytes[length:]
        self.server.note(orjson.loads(body))
        return True

    def bytes(self, count: int) -> None:
        """Read `count` bytes of a connection's first request and no more."""
        count -= len(self._bytes)
        while count > 0 and (got := self.connection.recv(count)):
            count -= len(got)

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait(self) -> None:
        """Say nothing until the other side gives up."""
        while self._more():
            pass
        self.open = False

    def reset(self) -> None:
        self.open = False
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _plain(self.connection).close()

    def hang_up(self) -> None:
        """Close without a word; under TLS also without the closing alert."""
        self.open = False
        with suppress(OSError):
            _plain(self.connection).shutdown(socket.SHUT_RDWR)

    def _more(self) -> bool:
        got = self.connection.recv(65_536)
        self._bytes += got
        return bool(got)


def _plain(connection: socket.socket) -> socket.socket:
    return socket.socket(fileno=connection.detach()) if isinstance(connection, ssl.SSLSocket) else connection


Conversation = Callable[[Talk], None]


class RawServer:
    def __init__(self, conversations: tuple[Conversation, ...], context: ssl.SSLContext | None) -> None:
        self._conversations = conversations
        self._context = context
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._began = 0
        self._open: set[socket.socket] = set()
        self._serving: list[threading.Thread] = []
        self.closing = threading.Event()
        self.connections = 0
        self.bodies: list[Any] = []
        self.turned_down = Counter[UUID]()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def received(self) -> Counter[UUID]:
        return Counter(message_id for body in self.bodies for message_id in ids_of(body))

    @property
    def maybe_accepted(self) -> Counter[UUID]:
        """How often each message was received whole and not surely turned down: more than once is a mail twice."""
        return self.received - self.turned_down

    def note(self, body: Any) -> None:
        with self._lock:
            self.bodies.append(body)

    def note_turned_down(self) -> None:
        """Note that the last request read was answered, to the end, with a refusal."""
        with self._lock:
            self.turned_down.update(ids_of(self.bodies[-1]))

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # longer than anybody here waits, so that a busy machine is no fault
        connection.settimeout(30)
        with suppress(OSError):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            talk = Talk(self, connection)
            # a connection's next conversation begins with its next byte
            while talk.open and talk.begin():
                with self._lock:
                    conversation = self._conversations[min(self._began, len(self._conversations) - 1)]
                    self._began += 1
                conversation(talk)
        with suppress(OSError):
            connection.close()

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)
        for connection in list(self._open):
            # Ended here, closed by its own thread: a number closed under a thread that reads from it is given to the
            # next connection of the process, whose bytes that thread would then take.
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._serving:
            thread.join(5)


@contextmanager
def raw_server(*conversations: Conversation, context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(conversations, context)
    try:
        yield server
    finally:
        server.close()
    faults = [fault for body in server.bodies for fault in faults_of_body(body)]
    assert faults == []


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS with a certificate of its own for 127.0.0.1, and the file by which it can be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sendgrid.invalid")])
    day = timedelta(days=1)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        # what Python 3.13 asks for
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    private = folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem
