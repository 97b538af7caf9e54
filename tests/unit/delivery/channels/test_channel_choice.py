from datetime import UTC, datetime
from pathlib import Path

import pytest

from ekiden.delivery.channels import (
    ONE_BY_ONE,
    ChannelMisconfigured,
    carried_channels,
    carriers_for,
    channel_for,
    from_address_for,
)
from ekiden.settings import NO_UNSUBSCRIBE_URL, Settings

KEY = "SG.secret-of-the-test"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("EKIDEN_SENDGRID_API_KEY", "EKIDEN_SENDGRID_HOST"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_without_a_key_mail_goes_into_the_outbox(home: Path) -> None:
    channel = channel_for(Settings(home=home), clock=lambda: datetime(2024, 1, 1, tzinfo=UTC))
    assert channel.name == "outbox"
    assert not (home / "outbox").exists()


def test_with_a_key_mail_goes_out_through_sendgrid_and_the_key_is_not_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EKIDEN_SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("EKIDEN_SENDGRID_HOST", "http://127.0.0.1:9")
    channel = channel_for(Settings(home=home))
    assert channel.name == "sendgrid"
    assert KEY not in repr(channel)
    assert KEY not in repr(vars(channel))
    assert channel.find([]) is None


SENDER = {
    "sender_address": "shop@shop.example",
    "sender_name": "駅伝",
    "postal_address": "東京都千代田区1-1",
    "unsubscribe_url": "https://shop.example/out",
}
LIVE = {"sendgrid_api_key": KEY} | SENDER
WITHOUT_SENDER = [
    ({"sender_address": "shop@ekiden.invalid"}, "EKIDEN_SENDER_ADDRESS$"),
    ({"sender_name": "Ekiden Shop"}, "EKIDEN_SENDER_NAME$"),
    ({"sender_name": " "}, "EKIDEN_SENDER_NAME$"),
    ({"postal_address": "1-1 Sample Street, Sample City"}, "EKIDEN_POSTAL_ADDRESS$"),
    ({"sender_name": "", "postal_address": ""}, "set EKIDEN_SENDER_NAME, EKIDEN_POSTAL_ADDRESS$"),
    ({"unsubscribe_url": NO_UNSUBSCRIBE_URL}, "EKIDEN_UNSUBSCRIBE_URL"),
]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        *WITHOUT_SENDER,
        ({"sender_address": "shop.example"}, "EKIDEN_SENDER_ADDRESS is 'shop.example'"),
        ({"reply_to": "nobody"}, "EKIDEN_REPLY_TO is 'nobody'"),
    ],
)
def test_mail_that_leaves_the_house_has_a_sender_and_a_way_out(home: Path, wrong: dict[str, str], named: str) -> None:
    assert channel_for(Settings(home=home, **LIVE)).name == "sendgrid"
    with pytest.raises(ChannelMisconfigured, match=named):
        channel_for(Settings(home=home, **LIVE | wrong))


@pytest.mark.parametrize("mail", [{}, {"sendgrid_api_key": KEY}, {"smtp_host": "127.0.0.1"}])
@pytest.mark.parametrize(
    "wrong",
    [
        {"sender_address": "Shop <shop@shop.example>"},
        {"unsubscribe_url": "mail.shop.example/unsubscribe"},
        {"unsubscribe_url": "https://shop.example/out?id="},
    ],
)
def test_what_every_mail_would_be_refused_for_is_noticed_before_the_first(
    home: Path, mail: dict[str, str], wrong: dict[str, str]
) -> None:
    (variable,) = wrong
    with pytest.raises(ChannelMisconfigured, match=f"EKIDEN_{variable.upper()} is "):
        channel_for(Settings(home=home, **LIVE | {"sendgrid_api_key": None} | mail | wrong))


def test_the_sender_is_what_the_settings_say(home: Path) -> None:
    sender = from_address_for(Settings(home=home, sender_name="駅伝", reply_to="help@shop.invalid"))
    assert (sender.name, sender.reply_to) == ("駅伝", "help@shop.invalid")


EVERYTHING = {
    "line_channel_access_token": "line-secret",
    "twilio_account_sid": "AC1",
    "twilio_auth_token": "twilio-secret",
    "twilio_from": "+815012345678",
    "vapid_private_key": "A" * 42 + "E",
}


def test_only_what_is_configured_carries(home: Path) -> None:
    for settings in (Settings(home=home), Settings(home=home, options="line,sms,web_push")):
        assert [carrier.step_channels for carrier in carriers_for(settings)] == [("html_email", "text_email")]
        assert carried_channels(settings) == ("html_email", "text_email")


def test_every_channel_with_credentials_carries_its_steps(home: Path) -> None:
    settings = Settings(home=home, **SENDER, **EVERYTHING)
    assert [(carrier.channel.name, *carrier.step_channels) for carrier in carriers_for(settings)] == [
        ("outbox", "html_email", "text_email"),
        ("line", "line"),
        ("twilio", "sms"),
        ("web_push", "web_push"),
    ]
    assert carried_channels(settings) == ("html_email", "text_email", "line", "sms", "web_push")


@pytest.mark.parametrize(("wrong", "named"), WITHOUT_SENDER)
def test_sms_that_leave_the_house_have_a_sender_and_a_way_out_as_mail_has(
    home: Path, wrong: dict[str, str], named: str
) -> None:
    with pytest.raises(ChannelMisconfigured, match=named):
        carriers_for(Settings(home=home, **EVERYTHING, **SENDER | wrong))
    assert carriers_for(Settings(home=home, twilio_host="http://127.0.0.1:9", **EVERYTHING))


def test_where_twilio_would_call_back_is_an_address_that_an_id_can_be_appended_to(home: Path) -> None:
    wrong = EVERYTHING | {"twilio_host": "http://127.0.0.1:9", "twilio_status_url": "https://shop.example/?status"}
    with pytest.raises(ChannelMisconfigured, match="EKIDEN_TWILIO_STATUS_URL is"):
        carriers_for(Settings(home=home, **wrong))


def test_who_asks_for_the_outbox_keeps_everything_in_the_house(home: Path) -> None:
    settings = Settings(home=home, channel="outbox", sendgrid_api_key=KEY, smtp_host="mail.invalid", **EVERYTHING)
    assert [carrier.channel.name for carrier in carriers_for(settings)] == ["outbox"]
    assert carried_channels(settings) == ("html_email", "text_email")


@pytest.mark.parametrize("named", [{}, {"channel": "smtp"}])
def test_a_mail_server_gets_small_batches_named_or_not(home: Path, named: dict[str, str]) -> None:
    (mail,) = carriers_for(
        Settings(home=home, **LIVE | {"sendgrid_api_key": None, "smtp_host": "mail.shop.example"} | named)
    )
    assert (mail.channel.name, mail.batch_size) == ("smtp", ONE_BY_ONE)


def test_mail_goes_by_smtp_where_there_is_a_host_and_no_key(home: Path) -> None:
    by_smtp = LIVE | {"sendgrid_api_key": None, "smtp_host": "mail.invalid"}
    assert channel_for(Settings(home=home, **by_smtp)).name == "smtp"
    both = by_smtp | {"sendgrid_api_key": KEY}
    assert channel_for(Settings(home=home, **both)).name == "sendgrid"
    assert channel_for(Settings(home=home, **both, channel="smtp")).name == "smtp"


@pytest.mark.parametrize("port", [25, 465, 587])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machines_own_mail_server_passes_mail_on_and_what_only_shows_it_does_not(
    home: Path, host: str, port: int
) -> None:
    with pytest.raises(ChannelMisconfigured, match="EKIDEN_SENDER_ADDRESS"):
        channel_for(Settings(home=home, smtp_host=host, smtp_port=port))
    assert channel_for(Settings(home=home, smtp_host=host, smtp_port=port, **SENDER)).name == "smtp"
    assert channel_for(Settings(home=home, smtp_host=host, smtp_port=1025)).name == "smtp"


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"channel": "sendgrid"}, "EKIDEN_SENDGRID_API_KEY"),
        ({"channel": "smtp"}, "EKIDEN_SMTP_HOST"),
        ({"smtp_host": "mail.invalid", "smtp_user": "shop"}, "EKIDEN_SMTP_PASSWORD"),
        ({"twilio_account_sid": "AC1"}, "EKIDEN_TWILIO_AUTH_TOKEN"),
        ({"twilio_account_sid": "AC1", "twilio_auth_token": "x"}, "EKIDEN_TWILIO_FROM"),
        ({"vapid_private_key": "x"}, "EKIDEN_VAPID_PRIVATE_KEY"),
    ],
)
def test_a_channel_configured_by_half_names_what_is_missing(
    home: Path, settings: dict[str, str], variable: str
) -> None:
    with pytest.raises(ChannelMisconfigured, match=variable):
        carriers_for(Settings(home=home, **settings))
