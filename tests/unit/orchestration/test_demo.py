import pytest
from rich.console import Console

from ekiden.database.errors import DatabaseUnavailable
from ekiden.settings import Settings
from orchestration.demo import run as demo
from orchestration.demo.run import Demo, main
from orchestration.demo.shop import prepare_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EKIDEN_HOME", str(tmp_path))
    monkeypatch.delenv("EKIDEN_TIME_ZONE", raising=False)
    return tmp_path


def test_the_demo_stands_in_new_york(home) -> None:
    assert prepare_settings().time_zone == "America/New_York"
    assert prepare_settings().time_zone == "America/New_York"


def test_what_a_settings_file_says_stays(home) -> None:
    (home / "ekiden.toml").write_text('sender_name = "駅伝"\n', encoding="utf-8")
    assert prepare_settings().sender_name == "駅伝"
    assert prepare_settings().time_zone == "America/New_York"


def test_a_time_zone_that_was_chosen_stays(home) -> None:
    (home / "ekiden.toml").write_text('time_zone = "Europe/Paris"\n', encoding="utf-8")
    assert prepare_settings().time_zone == "Europe/Paris"


def test_only_a_mail_server_that_is_asked_for_by_name_gets_the_demos_mail(home, monkeypatch) -> None:
    server = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1025"}
    for variable, value in ({"SENDGRID_API_KEY": "SG.x", "VAPID_PRIVATE_KEY": "x"} | server).items():
        monkeypatch.setenv(f"EKIDEN_{variable}", value)
    assert Demo(Console(), prepare_settings(), None).carrier().channel.name == "outbox"
    monkeypatch.setenv("EKIDEN_CHANNEL", "smtp")
    assert Demo(Console(), prepare_settings(), None).carrier().channel.name == "smtp"


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("time_zone =", 'a line is like time_zone = "Asia/Tokyo"'),
        ('timezone = "Asia/Tokyo"', "there is no setting timezone"),
        ('time_zone = "Asia/Tokio"', "write it like 'Asia/Tokyo'"),
    ],
)
def test_a_settings_file_that_is_wrong_stops_the_demo_with_the_way_out_and_stays(home, capfd, said, way_out) -> None:
    (home / "ekiden.toml").write_text(said, encoding="utf-8")
    assert main() == 1
    assert way_out in " ".join(capfd.readouterr().out.split())
    assert (home / "ekiden.toml").read_text(encoding="utf-8") == said


def test_a_home_that_cannot_be_made_stops_the_demo_with_the_way_out(home, monkeypatch, capfd) -> None:
    (home / "file").touch()
    monkeypatch.setenv("EKIDEN_HOME", str(home / "file" / "home"))
    assert main() == 1
    assert "set EKIDEN_HOME" in " ".join(capfd.readouterr().out.split())


def test_senders_that_cannot_run_stop_the_demo_with_the_way_out(home, monkeypatch, capfd) -> None:
    def fail(_settings: Settings) -> None:
        raise DatabaseUnavailable("it was started")

    monkeypatch.setattr(demo, "refuse_another_shop", fail)
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "celery")
    assert main() == 1
    assert "set EKIDEN_CELERY_BROKER" in " ".join(capfd.readouterr().out.split())


def test_a_misspelt_variable_stops_the_demo_with_the_way_out(home, monkeypatch, capfd) -> None:
    monkeypatch.setenv("EKIDEN_CHANEL", "outbox")
    assert main() == 1
    assert "EKIDEN_CHANNEL is" in " ".join(capfd.readouterr().out.split())
