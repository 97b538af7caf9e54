from datetime import UTC, datetime
from pathlib import Path

import pytest

from ekiden.delivery.channels import channel_for, sender_for
from ekiden.settings import Settings

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


def test_the_sender_is_what_the_settings_say(home: Path) -> None:
    sender = sender_for(Settings(home=home, sender_name="駅伝", reply_to="help@shop.invalid"))
    assert (sender.name, sender.reply_to) == ("駅伝", "help@shop.invalid")
