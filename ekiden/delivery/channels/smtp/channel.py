"""SMTP: mail handed to any server that takes it (RFC 5321, submission by RFC 6409).

What is certain follows from the protocol's own steps. A server has a message only once it has read the line with a
single dot that ends it, so whatever goes wrong before that line has left is `not_sent`; from then on the answer alone
says more, and without one the outcome is unknown. That line is therefore sent by itself, after all the rest.

One connection carries a batch, RSET stands between two messages. A server that hangs up between two messages, as many
do after some number of them, is called again.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from pydantic import SecretStr

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.addressing import addr_spec, fault_of, split_address
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderStopped
from ekiden.delivery.channels.batches import BatchEnds, Elapsed, Stops, Waits, one_by_one
from ekiden.delivery.channels.mime import message_id_header, to_bytes
from ekiden.delivery.channels.smtp.lines import EncryptedMailLine, MailLine
from ekiden.delivery.channels.smtp.replies import GO_ON, READY, Said, of_connecting, of_message, of_recipient

# For connecting, for what leads up to a mail's end, and for the answer to that, each as a whole. Servers let strangers
# wait for their greeting, and look at a message before they answer: RFC 5321, section 4.5.3.2, would have us wait for
# minutes at each command. Servers that take submissions answer within seconds. All three, and the minute in which a
# batch may begin its last mail, are less than a sender's lease; whoever outlives that leaves the whole batch unknown.
SECONDS = 60.0
# One recipient whom the server passes nothing on to may be at a domain in disorder; three in a row are us.
RECIPIENTS_THAT_STOP = 3
# Nothing depends on the answer to QUIT.
SECONDS_TO_LEAVE = 5.0

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, and as whom; without a user nobody logs in."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str | None = None
    password: SecretStr | None = None

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together: set both EKIDEN_SMTP_USER and EKIDEN_SMTP_PASSWORD")
        if self.user is not None and self.security == "none":
            raise ValueError("the mail server's password would travel unencrypted: set EKIDEN_SMTP_SECURITY")
        if not (self.user or "").isascii() or (self.password and not self.password.get_secret_value().isascii()):
            # smtplib writes them as ASCII, and would fail at the first message
            raise ValueError("EKIDEN_SMTP_USER and EKIDEN_SMTP_PASSWORD may have ASCII characters only")


class SMTPChannel:
    """A mail server as a channel; `envelope_sender` None: bounces go to the message's sender.

    `clock` gives the Date header and the time that waits count from; `tls` is there for tests, `elapsed` (seconds) too.
    """

    name = "smtp"

    def __init__(
        self,
        server: MailServer,
        *,
        envelope_sender: str | None = None,
        clock: Clock = utc_now,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        elapsed: Elapsed = time.monotonic,
    ) -> None:
        if envelope_sender is not None and split_address(envelope_sender) is None:
            raise ValueError("EKIDEN_SMTP_ENVELOPE_SENDER is not a mail address")
        self._server = server
        self._envelope_sender = envelope_sender
        self._clock = clock
        # checks the certificate and the name in it
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds
        self._elapsed = elapsed

    def find(self, message_ids: Sequence[UUID]) -> None:
        """Return None: a mail server tells nobody what became of a mail; bounces come as mail."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message; raise `ProviderStopped` or `ProviderBusy` as docs/channels.md says."""
        session = _Session(self._server, self._tls, self._seconds)

        def hand_over(message: OutgoingMessage) -> Delivery:
            if fault := fault_of(message):
                return Delivery(message.message_id, Outcome.refused, detail=fault)
            sender = self._envelope_sender or message.from_address.address
            return session.hand_over(message, sender, to_bytes(message, self._clock()))

        try:
            return one_by_one(messages, hand_over, clock=self._clock, elapsed=self._elapsed)
        except ProviderStopped as stopped:
            raise ProviderStopped(stopped.reason, session.without_judgement(stopped.deliveries)) from None
        finally:
            session.end()


class _Session:
    """A connection to the server, made when it is needed."""

    def __init__(self, server: MailServer, tls: ssl.SSLContext, seconds: float) -> None:
        self._server = server
        self._tls = tls
        self._seconds = seconds
        self._smtp: MailLine | None = None
        self._not_passed_on: dict[str, set[UUID]] = {}
        """Messages that the server did not want to pass on, since it last took a recipient, by their addresses."""

    def hand_over(self, message: OutgoingMessage, sender: str, mail: bytes) -> Delivery:
        """Return what became of one message; raise `Stops` or `Waits` where the server takes nothing at all."""
        smtp = self._ready(sender)
        smtp.until = self._patience()
        try:
            size = f" SIZE={len(mail)}" if smtp.has_extn("size") else ""
            for command, expected in (
                (f"MAIL FROM:<{addr_spec(sender)}>{size}", READY),
                (f"RCPT TO:<{addr_spec(message.to_address)}>", READY),
                ("DATA", GO_ON),
            ):
                said = Said.of(*smtp.docmd(command), hidden=message.to_address)
                if said.code not in expected:
                    if not said.is_no:
                        # what follows would be read as the answer to something else
                        self._forget()
                    verb = command.partition(" ")[0]
                    delivery = of_recipient(message.message_id, verb, said)
                    if verb == "RCPT" and said.is_no_relay:
                        self._note_no_relay(message, said)
                    return delivery
                if command.startswith("RCPT"):
                    self._not_passed_on.clear()
            # a line that begins with a dot gets another one (RFC 5321, section 4.5.2)
            smtp.send(mail.replace(b"\r\n.", b"\r\n.."))
        except BatchEnds:
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._forget()
            detail = f"the mail server left before the mail was whole ({_kind(error)})"
            return Delivery(message.message_id, Outcome.not_sent, detail=detail)
        except BaseException:
            self._forget()
            raise
        return self._ended(smtp, message)

    def _ended(self, smtp: MailLine, message: OutgoingMessage) -> Delivery:
        """Send the line that makes the message the server's, and return what it says to that."""
        smtp.until = self._patience()
        try:
            smtp.send(b".\r\n")
            said = Said.of(*smtp.getreply(), hidden=message.to_address)
        except (OSError, smtplib.SMTPException) as error:
            self._forget()
            detail = f"no readable answer to the whole mail ({_kind(error)})"
            return Delivery(message.message_id, Outcome.unknown, detail=detail)
        except BaseException:
            self._forget()
            raise
        delivery = of_message(message.message_id, message_id_header(message), said)
        if delivery.outcome is Outcome.unknown:
            # what follows would be read as the answer to something else
            self._forget()
        return delivery

    def _note_no_relay(self, message: OutgoingMessage, said: Said) -> None:
        self._not_passed_on.setdefault(message.to_address, set()).add(message.message_id)
        if len(self._not_passed_on) >= RECIPIENTS_THAT_STOP:
            others = f"and the like to {RECIPIENTS_THAT_STOP - 1} recipients before"
            raise Stops(f"{said} to RCPT, {others}; does it want EKIDEN_SMTP_USER?")

    def without_judgement(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries, those that were not passed on as not sent: the fault was ours and not theirs."""
        doubtful = set().union(*self._not_passed_on.values())
        return [
            replace(each, outcome=Outcome.not_sent, costs_a_try=False) if each.message_id in doubtful else each
            for each in deliveries
        ]

    def end(self) -> None:
        """Take leave of the server; nothing depends on its answer."""
        if self._smtp is not None:
            self._smtp.until = time.monotonic() + min(self._seconds, SECONDS_TO_LEAVE)
            try:
                self._smtp.docmd("QUIT")
            except (OSError, smtplib.SMTPException):
                pass
            finally:
                self._forget()

    def _patience(self) -> float:
        return time.monotonic() + self._seconds

    def _ready(self, sender: str) -> MailLine:
        """Return a connection on which nothing is under way."""
        until = self._patience()
        if self._smtp is not None:
            self._smtp.until = until
            try:
                code, _ = self._smtp.docmd("RSET")
                if code in READY:
                    return self._smtp
            except (OSError, smtplib.SMTPException):
                pass
            self._forget()
        self._smtp = self._connected(sender, until)
        return self._smtp

    def _connected(self, sender: str, until: float) -> MailLine:
        # our name is the sender's domain: what this machine is called is nobody's business, and asking for it is slow
        name = sender.rpartition("@")[2]
        host, port = self._server.host, self._server.port
        smtp: MailLine | None = None
        try:
            if self._server.security == "tls":
                smtp = EncryptedMailLine(host, port, name, until=until, context=self._tls)
            else:
                smtp = MailLine(host, port, name, until=until)
            assert smtp.sock is not None  # it is connected
            # the last line of a mail is a packet of its own, which must not wait for others
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            smtp.ehlo_or_helo_if_needed()
            if self._server.security == "starttls":
                if not smtp.has_extn("starttls"):
                    raise Stops("the mail server offers no encryption (STARTTLS); nothing is sent in the clear")
                smtp.starttls(context=self._tls)
                smtp.ehlo_or_helo_if_needed()
            if self._server.user is not None and self._server.password is not None:
                smtp.login(self._server.user, self._server.password.get_secret_value())
        except ssl.SSLCertVerificationError as error:
            _close(smtp)
            raise Stops(f"the mail server's certificate is not to be trusted: {error.verify_message}") from None
        except smtplib.SMTPResponseException as error:
            _close(smtp)
            raise of_connecting(Said.of(error.smtp_code, error.smtp_error)) from None
        except smtplib.SMTPException as error:
            _close(smtp)
            if isinstance(error, smtplib.SMTPServerDisconnected):
                if smtp is not None and (refused := smtp.log_in_refused):
                    raise of_connecting(Said.of(refused.smtp_code, refused.smtp_error)) from None
                raise Waits(f"no connection to the mail server ({_kind(error)})") from None
            # no log-in, or none but ways like XOAUTH2
            raise Stops("the mail server offers no way to log in that we know; check user, port and security") from None
        except (OSError, ValueError) as error:
            # a ValueError: a name that cannot be one, or a challenge that cannot be read
            _close(smtp)
            raise Waits(f"no connection to the mail server ({_kind(error)})") from None
        except BaseException:
            _close(smtp)
            raise
        return smtp

    def _forget(self) -> None:
        _close(self._smtp)
        self._smtp = None


def _close(smtp: MailLine | None) -> None:
    if smtp is not None:
        smtp.close()


def _kind(error: Exception) -> str:
    # the text of the error may hold what the server was told
    return type(error).__name__
