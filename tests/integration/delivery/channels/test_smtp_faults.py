"""What is certain after a mail server failed at some step."""

import ssl
from datetime import UTC, datetime, timedelta
from itertools import product
from time import monotonic

import pytest
import trustme
from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW
from ekiden.delivery.channels.smtp.channel import MailServer, SMTPChannel
from tests.integration.delivery.channels.mail_server import (
    BODY,
    CUT,
    DOT,
    DRIP,
    ENDLESS,
    GREETING,
    HANG_UP,
    RESET,
    SILENCE,
    mail_server,
)
from tests.integration.delivery.channels.provider import PATIENCE, messages_to, outcomes
from tests.loopback import free_port

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
HANAKO, TARO = "hanako@mail.invalid", "taro@mail.invalid"
ACCEPTED, REFUSED, NOT_SENT, UNKNOWN = Outcome.accepted, Outcome.refused, Outcome.not_sent, Outcome.unknown


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def deliver(port: int, *addresses: str, text: str = "本文\n") -> list[Delivery]:
    channel = SMTPChannel(MailServer("127.0.0.1", port, security="none"), clock=lambda: NOW, seconds=PATIENCE)
    return channel.deliver(messages_to(*addresses, text=text))


@pytest.mark.parametrize(
    ("step", "trouble"),
    [*product(("MAIL", "RCPT", "DATA"), (RESET, HANG_UP, "-garbage")), ("DATA", SILENCE)],
)
def test_before_the_final_dot_nothing_was_sent_and_the_next_message_goes_on(step: str, trouble: str) -> None:
    usual = {"MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 go on"}[step]
    with mail_server(**{step: (trouble, usual)}) as server:
        deliveries = deliver(server.port, HANAKO, TARO)
    assert outcomes(deliveries) == [NOT_SENT, ACCEPTED]
    assert len(server.taken) == 1
    assert b"taro@mail.invalid" in server.taken[0]


def test_a_connection_that_breaks_within_the_mail_sent_nothing() -> None:
    with mail_server(**{BODY: RESET}) as server:
        # more than the buffers on the way hold, so that the break is noticed while it is sent
        deliveries = deliver(server.port, HANAKO, text="x" * 70 + "\n" + ("y" * 900 + "\n") * 9_000)
    assert outcomes(deliveries) == [NOT_SENT]
    assert server.taken == []


@pytest.mark.parametrize("trouble", [RESET, HANG_UP, SILENCE, CUT, ENDLESS, "xyz garbage", "354 go on"])
def test_after_the_final_dot_only_an_answer_is_certain(trouble: str) -> None:
    with mail_server(**{DOT: (trouble, "250 Ok")}) as server:
        deliveries = deliver(server.port, HANAKO, TARO)
    assert outcomes(deliveries) == [UNKNOWN, ACCEPTED]
    # it had the mail: that is why nobody may repeat it
    assert len(server.taken) == 2
    assert server.connections == 2


@pytest.mark.parametrize(
    ("step", "said", "outcome"),
    [
        ("MAIL", "552 5.3.4 too large", REFUSED),
        *product(("RCPT", "DATA", DOT), ("550 5.1.1 no such user",), (REFUSED,)),
        *product(("RCPT", "DATA", DOT), ("450 4.2.0 greylisted",), (NOT_SENT,)),
    ],
)
def test_an_answer_says_whether_another_try_has_sense(step: str, said: str, outcome: Outcome) -> None:
    usual = {"MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 go on", DOT: "250 Ok"}[step]
    with mail_server(**{step: (f"{said} <{HANAKO}>", usual)}) as server:
        deliveries = deliver(server.port, HANAKO, TARO)
    assert outcomes(deliveries) == [outcome, ACCEPTED]
    assert said in deliveries[0].detail
    assert HANAKO not in deliveries[0].detail
    assert len(server.taken) == 1
    # what was begun is undone, on the same connection
    assert server.connections == 1
    assert "RSET" in server.commands


@pytest.mark.parametrize("said", ["421 4.3.2 too many messages", "452 4.3.1 no room"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", DOT])
def test_a_busy_server_is_left_alone(step: str, said: str) -> None:
    with mail_server(**{step: said}) as server, pytest.raises(ProviderBusy, match=said[:9]) as busy:
        deliver(server.port, HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [NOT_SENT, NOT_SENT]
    assert busy.value.until == NOW + timedelta(minutes=1)
    assert server.taken == []


@pytest.mark.parametrize("step", ["RCPT", "DATA", DOT])
def test_what_a_server_breaks_off_at_has_had_a_try_and_the_rest_of_the_batch_has_not(step: str) -> None:
    with mail_server(**{step: "421 4.3.0 try later"}) as server, pytest.raises(ProviderBusy) as busy:
        deliver(server.port, HANAKO, TARO)
    assert [each.costs_a_try for each in busy.value.deliveries] == [True, False]


@pytest.mark.parametrize(
    "said",
    [
        "421 4.3.2 going down",
        "450 4.7.1 too many mails of this sender in an hour",
        "451 4.3.0 the sender's domain cannot be looked up",
        "452 4.1.8 the sender's mailbox is full",
    ],
)
def test_a_server_that_takes_nothing_now_before_it_heard_of_a_recipient_costs_nobody_a_try(said: str) -> None:
    with mail_server(MAIL=said) as server, pytest.raises(ProviderBusy, match=said) as busy:
        deliver(server.port, HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [NOT_SENT, NOT_SENT]
    assert [each.costs_a_try for each in busy.value.deliveries] == [False, False]
    assert busy.value.until == NOW + timedelta(minutes=1)
    # nobody is asked about in vain
    assert sum(command.startswith("MAIL") for command in server.commands) == 1


def test_what_a_busy_server_took_before_is_sent() -> None:
    with (
        mail_server(MAIL=("250 Ok", "450 4.7.1 that was your last in this hour")) as server,
        pytest.raises(ProviderBusy) as busy,
    ):
        deliver(server.port, HANAKO, TARO, HANAKO)
    assert outcomes(busy.value.deliveries) == [ACCEPTED, NOT_SENT, NOT_SENT]
    assert len(server.taken) == 1


def hand_over_in_time(port: int, *addresses: str) -> list[Delivery]:
    """Deliver with less patience than a dripping server needs for a line."""
    channel = SMTPChannel(MailServer("127.0.0.1", port, security="none"), clock=lambda: NOW, seconds=0.4)
    began = monotonic()
    try:
        return channel.deliver(messages_to(*addresses))
    finally:
        assert monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize(
    ("step", "outcome"), [("MAIL", NOT_SENT), ("RCPT", NOT_SENT), ("DATA", NOT_SENT), (DOT, UNKNOWN)]
)
def test_a_server_that_drips_is_not_waited_for_longer_than_one_that_is_silent(step: str, outcome: Outcome) -> None:
    with mail_server(**{step: DRIP}) as server:
        assert outcomes(hand_over_in_time(server.port, HANAKO)) == [outcome]


@pytest.mark.parametrize(("step", "said"), product((GREETING, "EHLO"), (DRIP, ENDLESS, "220 " + "x" * 9_000)))
def test_a_server_whose_welcome_has_no_end_is_asked_again_later(step: str, said: str) -> None:
    with mail_server(**{step: said, "HELO": HANG_UP}) as server, pytest.raises(ProviderBusy):
        hand_over_in_time(server.port, HANAKO)


def test_a_server_that_drips_its_farewell_holds_nobody_up() -> None:
    with mail_server(QUIT=DRIP) as server:
        assert outcomes(hand_over_in_time(server.port, HANAKO)) == [ACCEPTED]


@pytest.mark.parametrize("step", ["RCPT", DOT])
def test_a_full_mailbox_keeps_nobody_else_waiting(step: str) -> None:
    full = "452-4.2.2 The recipient's inbox is\r\n452 4.2.2 out of storage space"
    with mail_server(**{step: (full, "250 Ok")}) as server:
        deliveries = deliver(server.port, HANAKO, TARO)
    assert outcomes(deliveries) == [NOT_SENT, ACCEPTED]
    assert "out of storage space" in deliveries[0].detail


@pytest.mark.parametrize(
    ("address", "repeated"),
    [
        ("taro..yamada.@docomo.invalid", '"taro..yamada."@docomo.invalid'),
        ("Hanako@mail.invalid", "hanako@MAIL.INVALID"),
    ],
)
def test_an_answer_that_repeats_the_address_in_another_spelling_does_not_show_it(address: str, repeated: str) -> None:
    with mail_server(RCPT=f"550 5.1.1 <{repeated}>: no such user") as server:
        (delivery,) = deliver(server.port, address)
    assert delivery.detail == "the mail server said 550 5.1.1 <…>: no such user to RCPT"


@pytest.mark.parametrize("said", ["554 5.7.1 you are listed", "550 go away"])
def test_a_server_that_wants_nothing_from_us_stops_the_line(said: str) -> None:
    with mail_server(**{GREETING: said}) as server, pytest.raises(ProviderStopped, match=said) as stopped:
        deliver(server.port, HANAKO, TARO)
    assert outcomes(stopped.value.deliveries) == [NOT_SENT, NOT_SENT]


NO_RELAY = [
    "554 5.7.1 <…>: Relay access denied",
    "550 relay not permitted",
    "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    "550 5.7.1 Relaying denied",
]
JIRO = "jiro@mail.invalid"


@pytest.mark.parametrize("said", NO_RELAY)
def test_a_server_that_passes_on_nothing_of_ours_stops_the_line_and_no_message_is_to_blame(said: str) -> None:
    with mail_server(RCPT=said) as server, pytest.raises(ProviderStopped, match="EKIDEN_SMTP_USER") as stopped:
        deliver(server.port, HANAKO, TARO, JIRO, HANAKO)
    assert outcomes(stopped.value.deliveries) == [NOT_SENT] * 4
    assert {each.costs_a_try for each in stopped.value.deliveries} == {False}
    assert said in stopped.value.reason
    assert sum(command.startswith("RCPT") for command in server.commands) == 3


def test_a_recipient_whose_own_server_passes_nothing_on_stops_nobody_else() -> None:
    said = "550 5.0.0 undeliverable: host mx.invalid said: 554 Relay access denied"
    with mail_server(RCPT=(said, said, "250 Ok", said)) as server:
        deliveries = deliver(server.port, HANAKO, TARO, JIRO, HANAKO, TARO)
    assert outcomes(deliveries) == [REFUSED, REFUSED, ACCEPTED, REFUSED, REFUSED]


@pytest.mark.parametrize(
    "said",
    [
        "550 5.1.1 Recipient address rejected: User unknown in relay recipient table",
        "550 5.1.1 undeliverable address: host relay.mx.invalid said: 550 Unknown user",
    ],
)
def test_dead_addresses_stop_nobody_else_whatever_the_servers_that_know_it_are_called(said: str) -> None:
    with mail_server(RCPT=(said, said, said, "250 Ok")) as server:
        deliveries = deliver(server.port, HANAKO, TARO, JIRO, "shiro@mail.invalid")
    assert outcomes(deliveries) == [REFUSED, REFUSED, REFUSED, ACCEPTED]


def test_one_recipient_written_to_several_times_is_one() -> None:
    with mail_server(RCPT=NO_RELAY[0]) as server:
        deliveries = deliver(server.port, *[HANAKO] * 4, TARO)
    assert outcomes(deliveries) == [REFUSED] * 5


def test_a_server_that_relays_later_is_asked_again() -> None:
    with mail_server(RCPT="454 4.7.1 Relay access denied") as server:
        assert outcomes(deliver(server.port, HANAKO, TARO, JIRO)) == [NOT_SENT] * 3


@pytest.mark.parametrize("said", ["530 5.7.0 Authentication required", "553 5.7.1 sender not owned by user shop"])
def test_a_server_that_takes_nothing_of_this_sender_stops_the_line(said: str) -> None:
    with mail_server(MAIL=said) as server, pytest.raises(ProviderStopped, match=f"{said} to MAIL") as stopped:
        deliver(server.port, HANAKO, TARO)
    assert outcomes(stopped.value.deliveries) == [NOT_SENT, NOT_SENT]


@pytest.mark.parametrize(
    ("step", "said"),
    [*product((GREETING, "EHLO"), (RESET, HANG_UP, "421 4.3.2 later", "not SMTP at all")), (GREETING, SILENCE)],
)
def test_a_server_that_is_not_ready_is_asked_again_later(step: str, said: str) -> None:
    # who refuses EHLO is asked with HELO, which nobody answers here
    with mail_server(**{step: said, "HELO": HANG_UP}) as server, pytest.raises(ProviderBusy) as busy:
        deliver(server.port, HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [NOT_SENT, NOT_SENT]


def test_a_host_that_no_name_can_be_sent_nothing() -> None:
    channel = SMTPChannel(MailServer("mail..invalid", security="none"), clock=lambda: NOW, seconds=PATIENCE)
    with pytest.raises(ProviderBusy, match="no connection to the mail server") as busy:
        channel.deliver(messages_to(HANAKO))
    assert outcomes(busy.value.deliveries) == [NOT_SENT]


def test_nobody_there_sent_nothing() -> None:
    with pytest.raises(ProviderBusy, match="no connection to the mail server") as busy:
        deliver(free_port(), HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [NOT_SENT, NOT_SENT]


def test_a_server_that_hangs_up_between_messages_is_called_again() -> None:
    with mail_server(RSET=(HANG_UP, "421 enough", "250 Ok")) as server:
        deliveries = deliver(server.port, *[HANAKO] * 4)
    assert outcomes(deliveries) == [ACCEPTED] * 4
    assert server.connections == 3
    assert len(server.taken) == 4


def test_a_server_in_trouble_makes_few_unknowns() -> None:
    with mail_server(**{DOT: HANG_UP}) as server, pytest.raises(ProviderBusy) as busy:
        deliver(server.port, *[HANAKO] * 9)
    assert outcomes(busy.value.deliveries) == [UNKNOWN] * UNKNOWN_IN_A_ROW + [NOT_SENT] * 6


def test_the_commands_are_what_the_protocol_says() -> None:
    with mail_server() as server:
        deliver(server.port, HANAKO, "taro..yamada.@docomo.invalid")
    size = len(server.taken[0])
    assert server.commands == [
        "ehlo shop.invalid",
        f"MAIL FROM:<shop@shop.invalid> SIZE={size}",
        f"RCPT TO:<{HANAKO}>",
        "DATA",
        "RSET",
        f"MAIL FROM:<shop@shop.invalid> SIZE={len(server.taken[1])}",
        # two dots together are allowed in quotes alone (RFC 5321, section 4.1.2)
        'RCPT TO:<"taro..yamada."@docomo.invalid>',
        "DATA",
        "QUIT",
    ]


def test_a_server_without_encryption_is_told_nothing() -> None:
    channel = SMTPChannel(MailServer("127.0.0.1", 0), seconds=PATIENCE)
    with mail_server() as server, pytest.raises(ProviderStopped, match="STARTTLS"):
        SMTPChannel(MailServer("127.0.0.1", server.port), seconds=PATIENCE).deliver(messages_to(HANAKO))
    assert not any(command.startswith("MAIL") for command in server.commands)
    assert channel.find([]) is None


def test_a_server_that_has_no_time_for_its_welcome_is_not_taken_for_one_without_encryption() -> None:
    with (
        mail_server(EHLO="450 4.3.2 later", HELO="250 mail.invalid") as server,
        pytest.raises(ProviderBusy, match="450"),
    ):
        SMTPChannel(MailServer("127.0.0.1", server.port), seconds=PATIENCE).deliver(messages_to(HANAKO))


def test_a_server_that_hangs_up_on_a_wrong_password_stops_the_line(authority: trustme.CA) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    ways = "250-mail.invalid\r\n250 AUTH PLAIN LOGIN"
    with mail_server(context, EHLO=ways, AUTH=("535 5.7.8 wrong password", HANG_UP)) as server:
        known = MailServer("127.0.0.1", server.port, "tls", user="shop", password=SecretStr("wrong"))
        with pytest.raises(ProviderStopped, match="535 5"):
            SMTPChannel(known, tls=trusting, seconds=PATIENCE).deliver(messages_to(HANAKO))
