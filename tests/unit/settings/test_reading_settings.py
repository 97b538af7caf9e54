"""What the environment and the settings file may say, and what is told of what they may not."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from ekiden.cli.expected import told
from ekiden.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EKIDEN_HOME", str(tmp_path))
    return tmp_path


def complaints() -> str:
    with pytest.raises(ValueError) as raised:
        Settings()
    return "; ".join(map(str, told(raised.value)))


def test_a_line_end_belongs_to_no_key_and_no_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EKIDEN_SENDGRID_API_KEY", "SG.key\n")
    monkeypatch.setenv("EKIDEN_SENDER_ADDRESS", " shop@shop.example ")
    settings = Settings()
    assert settings.sendgrid_api_key is not None
    assert settings.sendgrid_api_key.get_secret_value() == "SG.key"
    assert settings.sender_address == "shop@shop.example"


def test_a_variable_of_blanks_is_unset_and_leaves_the_word_to_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "ekiden.toml").write_text("send_workers = 3\n", encoding="utf-8")
    for name in ("SEND_WORKERS", "LINE_CHANNEL_ACCESS_TOKEN", "CHANNEL", "CONTENT", "BATCH_TIME"):
        monkeypatch.setenv(f"EKIDEN_{name}", " \n")
    settings = Settings()
    assert settings.send_workers == 3
    assert (settings.line_channel_access_token, settings.channel, settings.batch_time) == (None, None, time(6, 0))
    assert settings.content.name == "content"
    monkeypatch.setenv("EKIDEN_HOME", " ")
    assert Settings().home.name == ".ekiden"


@pytest.mark.parametrize(
    ("name", "value", "way_out"),
    [
        ("BATCH_TIME", "06:00+09:00", "EKIDEN_TIME_ZONE"),
        ("BATCH_TIME", "6:00", "like 06:00"),
        ("TIME_ZONE", "localtime", "like 'Asia/Tokyo'"),
        # PostgreSQL takes these for abbreviations
        ("TIME_ZONE", "CET", "no summer time in PostgreSQL; write it like 'Europe/Berlin'"),
        ("TIME_ZONE", "WET", "no summer time in PostgreSQL; write it like 'Europe/Berlin'"),
        ("MAX_LATENESS", "六時間", "like PT6H"),
        # the webserver would know its own pages by no name
        ("DAGSTER_URL", "dagster.shop.example:3000", "write it like https://dagster.shop.example"),
        # the key would travel where anybody can read it
        ("SENDGRID_HOST", "http://mail.shop.example", "unencrypted; write it with https://"),
        ("TWILIO_HOST", "http://10.0.0.1:8080", "unencrypted; write it with https://"),
        ("LINE_HOST", "http://line.shop.example", "unencrypted; write it with https://"),
        ("MAX_LATENESS", "-PT1H", "0 seconds"),
        ("RETRY_AFTER", "-PT1S", "0 seconds"),
        # as people write "for ever"
        ("WEBHOOK_KEEP_BODIES", "P999999D", "less than or equal to 36500 days"),
        ("WEBHOOK_MAX_AGE", "P999999D", "less than or equal to 36500 days"),
        ("UNKNOWN_AFTER", "P999999D", "less than or equal to 36500 days"),
        ("DISPATCHER_LEASE", "P25D", "less than or equal to 24 days"),
        # dbt would add no such number to a date
        ("DESIRED_DELIVERY_ADDED_DAYS", "99999999999", "less than or equal to 3650"),
        ("SENDGRID_GROUPS", "123: shop.example", '{"123": "shop.example"}'),
        ("OPTIONS", "line,スタンプ", "'member_tag'"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_named_with_the_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, way_out: str
) -> None:
    monkeypatch.setenv(f"EKIDEN_{name}", value)
    said = complaints()
    assert f"(EKIDEN_{name})" in said
    assert way_out in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHANEL", "CHANNEL"),
        ("TIMEZONE", "TIME_ZONE"),
        ("MAX_LATENES", "MAX_LATENESS"),
        ("SEND_GRID_API_KEY", "SENDGRID_API_KEY"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_one_that_is_meant(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(f"EKIDEN_{name}", "secret")
    assert complaints() == f"EKIDEN_{name} is no setting; EKIDEN_{meant} is: rename it, or take it out"


def test_variables_of_commands_of_dbt_and_of_others_are_no_misspelt_ones(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = (
        *("ACTOR", "PORT", "HOST", "GIT_REVISION", "MACROS_DIGEST", "BROKEN_SCENARIOS", "DAGSTER_DATABASE_URL"),
        *("DBT_HOST", "DBT_PORT", "DBT_USER", "DBT_PASSWORD", "DBT_DATABASE", "TEST_DATABASE_URL", "REGION"),
    )
    for name in others:
        monkeypatch.setenv(f"EKIDEN_{name}", "x")
    assert Settings().home == home


@pytest.mark.parametrize(
    ("written", "way_out"),
    [
        (b"time_zone = Asia/Tokyo\n", 'like time_zone = "Asia/Tokyo"'),
        ('sender_name = "駅伝"\n'.encode("cp932"), "UTF-8"),
        (b'chanel = "outbox"\n', "no setting chanel"),
        (b'EKIDEN_CHANNEL = "outbox"\n', "no setting EKIDEN_CHANNEL"),
        (b'home = "elsewhere"\n', "set EKIDEN_HOME"),
    ],
)
def test_a_settings_file_that_cannot_be_meant_is_named_with_the_way_out(
    home: Path, written: bytes, way_out: str
) -> None:
    (home / "ekiden.toml").write_bytes(written)
    said = complaints()
    assert str(home / "ekiden.toml") in said
    assert way_out in said


@pytest.mark.parametrize("setting", ["max_lateness", "retry_after", "dispatcher_lease", "webhook_max_age"])
def test_a_length_of_time_without_its_unit_is_refused(home: Path, setting: str) -> None:
    # six hours were meant, and six seconds would hold nearly every message as too late
    (home / "ekiden.toml").write_text(f"{setting} = 6\n", encoding="utf-8")
    said = complaints()
    assert f"(EKIDEN_{setting.upper()})" in said
    assert "6 has no unit; write it like PT6H" in said
    (home / "ekiden.toml").write_text(f'{setting} = "PT6H"\n', encoding="utf-8")
    assert getattr(Settings(), setting) == timedelta(hours=6)


def test_a_settings_file_of_an_editor_that_marks_utf_8_is_read(home: Path) -> None:
    (home / "ekiden.toml").write_text('sender_name = "駅伝"\n', encoding="utf-8-sig")
    assert Settings().sender_name == "駅伝"
