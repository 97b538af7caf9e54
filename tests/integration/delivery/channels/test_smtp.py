"""Mail handed to a real SMTP server, encrypted and with a log-in."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from pydantic import SecretStr

from ekiden.delivery.channels.base import Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.mime import to_bytes
from ekiden.delivery.channels.smtp.channel import MailServer, SMTPChannel
from tests.integration.delivery.channels.provider import PATIENCE, messages_to, outcomes
from tests.loopback import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

PASSWORD = "mail-password-of-the-test"
NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
HANAKO, TARO = "hanako@mail.invalid", "taro..yamada.@docomo.invalid"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class Post:
    """Takes every mail, and offers a way to log in that we do not know."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    async def auth_XOAUTH2(self, server: object, args: list[str]) -> AuthResult:
        return AuthResult(success=False)


@contextmanager
def post(
    authority: trustme.CA, name: str = "localhost", *, at_once: bool = False, **options: object
) -> Iterator[tuple[Post, int]]:
    """A server whose certificate is for `name`; `at_once`: TLS from the first byte on, else by STARTTLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    def knows(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> AuthResult:
        known = (data.login, data.password) == (b"shop", PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    encryption = {"ssl_context": context} if at_once else {"tls_context": context, "require_starttls": True}
    taker = Post()
    controller = Controller(
        taker,
        hostname="127.0.0.1",
        port=free_port(),
        server_hostname="mail.invalid",
        authenticator=knows,
        auth_required=True,
        auth_require_tls=not at_once,
        ready_timeout=PATIENCE,
        **encryption,
        **options,
    )
    controller.start()
    try:
        yield taker, controller.port
    finally:
        controller.stop()


def channel_to(
    port: int, authority: trustme.CA | None, *, envelope_sender: str | None = None, **server: object
) -> SMTPChannel:
    tls = ssl.create_default_context()
    if authority is not None:
        authority.configure_trust(tls)
    options = {"user": "shop", "password": SecretStr(PASSWORD)} | server
    place = MailServer("localhost", port, **options)
    return SMTPChannel(place, envelope_sender=envelope_sender, clock=lambda: NOW, tls=tls, seconds=PATIENCE)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_batch_arrives_as_it_was_written(authority: trustme.CA, security: str) -> None:
    messages = messages_to(HANAKO, TARO, text=".begins with a dot\n..\n.\nends\n", html="<p>本文</p>")
    with post(authority, at_once=security == "tls") as (taker, port):
        deliveries = channel_to(port, authority, security=security).deliver(messages)
    assert outcomes(deliveries) == [Outcome.accepted] * 2
    assert deliveries[0].provider_message_id == f"<{UUID(int=0)}@shop.invalid>"
    assert [envelope.content for envelope in taker.envelopes] == [to_bytes(message, NOW) for message in messages]
    assert [envelope.rcpt_tos for envelope in taker.envelopes] == [[HANAKO], [TARO]]
    assert {envelope.mail_from for envelope in taker.envelopes} == {"shop@shop.invalid"}
    read = message_from_bytes(taker.envelopes[0].content, policy=policy.default)
    assert read["Subject"] == "件名"
    assert read.get_body(("plain",)).get_content().splitlines() == [".begins with a dot", "..", ".", "ends"]


def test_bounces_go_where_the_settings_say(authority: trustme.CA) -> None:
    with post(authority) as (taker, port):
        bouncing = channel_to(port, authority, envelope_sender="bounces@shop.invalid")
        assert outcomes(bouncing.deliver(messages_to(HANAKO))) == [Outcome.accepted]
    assert taker.envelopes[0].mail_from == "bounces@shop.invalid"


def test_a_wrong_password_stops_the_line_and_is_not_shown(authority: trustme.CA) -> None:
    wrong = "wrong-" + PASSWORD
    with post(authority) as (taker, port), pytest.raises(ProviderStopped, match="535") as stopped:
        channel_to(port, authority, password=SecretStr(wrong)).deliver(messages_to(HANAKO, TARO))
    assert outcomes(stopped.value.deliveries) == [Outcome.not_sent] * 2
    assert wrong not in str(stopped.value)
    assert taker.envelopes == []


def test_a_server_with_no_way_to_log_in_that_we_know_stops_the_line(authority: trustme.CA) -> None:
    mechanisms = {"auth_exclude_mechanism": ["LOGIN", "PLAIN"]}
    with (
        post(authority, **mechanisms) as (taker, port),
        pytest.raises(ProviderStopped, match="no way to log in") as stopped,
    ):
        channel_to(port, authority).deliver(messages_to(HANAKO, TARO))
    assert outcomes(stopped.value.deliveries) == [Outcome.not_sent] * 2
    assert taker.envelopes == []


def test_without_a_log_in_a_server_that_asks_for_one_stops_the_line(authority: trustme.CA) -> None:
    with post(authority) as (taker, port), pytest.raises(ProviderStopped, match="530"):
        channel_to(port, authority, user=None, password=None).deliver(messages_to(HANAKO))
    assert taker.envelopes == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_we_know_stops_the_line(authority: trustme.CA, security: str) -> None:
    with (
        post(authority, at_once=security == "tls") as (taker, port),
        pytest.raises(ProviderStopped, match="certificate"),
    ):
        channel_to(port, None, security=security).deliver(messages_to(HANAKO))
    assert taker.envelopes == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_for_another_name_stops_the_line(authority: trustme.CA, security: str) -> None:
    encrypted = post(authority, "mail.invalid", at_once=security == "tls")
    with encrypted as (taker, port), pytest.raises(ProviderStopped, match="certificate"):
        channel_to(port, authority, security=security).deliver(messages_to(HANAKO))
    assert taker.envelopes == []


def test_a_server_that_speaks_no_tls_at_once_is_asked_again_later(authority: trustme.CA) -> None:
    with post(authority) as (taker, port), pytest.raises(ProviderBusy, match="SSLError"):
        channel_to(port, authority, security="tls").deliver(messages_to(HANAKO))
    assert taker.envelopes == []


def test_what_no_mail_server_could_carry_is_refused_before_it_is_asked(authority: trustme.CA) -> None:
    with post(authority) as (taker, port):
        deliveries = channel_to(port, authority).deliver(messages_to("no address", HANAKO))
    assert outcomes(deliveries) == [Outcome.refused, Outcome.accepted]
    assert len(taker.envelopes) == 1


def test_a_password_never_travels_in_the_clear_nor_is_it_shown(authority: trustme.CA) -> None:
    with pytest.raises(ValueError, match="EKIDEN_SMTP_SECURITY"):
        MailServer("mail.invalid", security="none", user="shop", password=SecretStr(PASSWORD))
    with pytest.raises(ValueError, match="EKIDEN_SMTP_USER"):
        MailServer("mail.invalid", user="shop")
    with pytest.raises(ValueError, match="EKIDEN_SMTP_PASSWORD may have ASCII"):
        MailServer("mail.invalid", user="shop", password=SecretStr("パスワード"))
    assert PASSWORD not in repr(vars(channel_to(1, None)))


def test_a_deployment_learns_at_once_that_its_bounces_would_go_nowhere() -> None:
    with pytest.raises(ValueError, match="EKIDEN_SMTP_ENVELOPE_SENDER"):
        SMTPChannel(MailServer("mail.invalid"), envelope_sender="nobody")
