"""A mail server on the loopback address that fails at any step, as told, and remembers what it took."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

RESET, SILENCE, HANG_UP = "reset", "silence", "hang up"
DRIP, ENDLESS, CUT = "drip", "endless", "cut"
"""A byte now and then, lines of one reply without end, and a yes whose line is not ended."""
GREETING, BODY, DOT = "greeting", "body", "dot"

_USUAL = {
    GREETING: "220 mail.invalid ready",
    "EHLO": "250-mail.invalid\r\n250 SIZE 1000000",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go on",
    DOT: "250 2.0.0 Ok: queued as 4711",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


@dataclass
class MailServer:
    """`answers`: for a step, or a whole command, what is said to it, the first time, the second time, ...; the last of
    them for ever.
    """

    port: int
    answers: Mapping[str, tuple[str, ...]]
    taken: list[bytes] = field(default_factory=list)
    """Mails whose final dot it read, and answered with a yes or not at all."""
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    _asked: dict[str, int] = field(default_factory=dict)

    def said(self, step: str) -> str:
        told = self.answers.get(step)
        number = self._asked.get(step, 0)
        self._asked[step] = number + 1
        return told[min(number, len(told) - 1)] if told else _USUAL.get(step, "500 what?")

    def serve(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        if not self._say(connection, GREETING):
            return
        while line := lines.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            verb = command.partition(" ")[0].upper()
            go_on = self._say(connection, command if command in self.answers else verb)
            if not go_on or verb == "QUIT":
                return
            if verb == "DATA" and go_on.startswith("354") and not self._take_mail(connection, lines):
                return

    def _take_mail(self, connection: socket.socket, lines: Iterator[bytes]) -> bool:
        mail = b""
        for line in lines:
            if BODY in self.answers:
                return bool(self._say(connection, BODY))
            if line == b".\r\n":
                break
            mail += line[1:] if line.startswith(b".") else line
        answer = self.said(DOT)
        if answer[:1] not in "45":
            self.taken.append(mail)
        return bool(self._act(connection, answer))

    def _say(self, connection: socket.socket, step: str) -> str:
        return self._act(connection, self.said(step))

    def _act(self, connection: socket.socket, answer: str) -> str:
        """Return what was said, "" if the connection is over."""
        if answer == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return ""
        if answer == HANG_UP:
            return ""
        if answer == SILENCE:
            time.sleep(0.6)
            return ""
        if answer == CUT:
            connection.sendall(b"250 2.0.0 O")
            return ""
        while answer == DRIP:
            connection.sendall(b"2")
            time.sleep(0.05)
        while answer == ENDLESS:
            connection.sendall(b"250-and so on\r\n" * 1_000)
        connection.sendall(answer.encode() + b"\r\n")
        return "" if answer.startswith("421") else answer


@contextmanager
def mail_server(encryption: ssl.SSLContext | None = None, /, **answers: str | tuple[str, ...]) -> Iterator[MailServer]:
    """`encryption`: TLS from the first byte on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        told = {step: (said,) if isinstance(said, str) else said for step, said in answers.items()}
        server = MailServer(listening.getsockname()[1], told)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                server.connections += 1
                with connection, suppress(OSError):
                    server.serve(encryption.wrap_socket(connection, server_side=True) if encryption else connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            # close() alone does not wake a thread in accept()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)
