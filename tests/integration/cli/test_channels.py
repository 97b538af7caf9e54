"""`ekiden status` and `ekiden send` where mail is not the only channel."""

from pathlib import Path
from shutil import copytree

import pytest

from ekiden.settings import PROJECT_ROOT
from tests.integration.delivery.channels.provider import answer, provider
from tests.integration.ledger_fixtures import STEP, Shop

LINE_ID = "U" + "0123456789abcdef" * 2
NOON = "2024-03-09 12:00"


@pytest.fixture
def two_channels(shop: Shop) -> Shop:
    """One mail and one LINE message are due."""
    shop.settings = shop.settings.model_copy(update={"options": frozenset({"line"})})
    for code, channel, customer in (("by_mail", "html_email", "C1"), ("by_line", "line", "C2")):
        shop.scenario(code, steps=[STEP | {"channel": channel}])
        shop.customer(customer, line_user_id=LINE_ID)
        shop.eligible(customer, "2024-03-08", model=code)
    shop.plan()
    shop.at(NOON)
    return shop


def test_a_channel_is_missed_until_it_is_configured_and_then_sends_its_rows(two_channels: Shop, ekiden, monkeypatch):
    assert ekiden("send").out.strip() == "1 claimed, 1 sent"
    assert two_channels.states() == {("C1", 1): "sent", ("C2", 1): "ready"}
    status = ekiden("status").out
    assert "1 row of line due since 2024-03-09 12:00" in status
    assert "docs/channels.md" in status

    with provider(answer(200, {"sentMessages": [{"id": "1"}]})) as server:
        monkeypatch.setenv("EKIDEN_LINE_CHANNEL_ACCESS_TOKEN", "token")
        monkeypatch.setenv("EKIDEN_LINE_HOST", server.url)
        assert ekiden("send").out.strip() == "1 claimed, 1 sent"
    assert [request.json["to"] for request in server.requests] == [LINE_ID]
    assert two_channels.states() == {("C1", 1): "sent", ("C2", 1): "sent"}
    assert "no channel" not in ekiden("status").out


def test_a_channel_with_broken_contents_keeps_no_other_from_being_sent(
    two_channels: Shop, ekiden, monkeypatch, tmp_path: Path
):
    contents = Path(copytree(PROJECT_ROOT / "content", tmp_path / "content"))
    (contents / "layout" / "ja.txt").unlink()
    monkeypatch.setenv("EKIDEN_CONTENT", str(contents))
    with provider(answer(200)) as server:
        monkeypatch.setenv("EKIDEN_LINE_CHANNEL_ACCESS_TOKEN", "token")
        monkeypatch.setenv("EKIDEN_LINE_HOST", server.url)
        ended = ekiden("send")
    assert (ended.code, ended.out.strip()) == (1, "1 claimed, 1 sent")
    assert "ja.txt" in ended.err
    assert two_channels.states() == {("C1", 1): "ready", ("C2", 1): "sent"}


def test_a_provider_that_wants_us_to_wait_is_named(two_channels: Shop, ekiden, monkeypatch):
    with provider(answer(429, {"message": "slower"}, Retry_After="60")) as server:
        monkeypatch.setenv("EKIDEN_LINE_CHANNEL_ACCESS_TOKEN", "token")
        monkeypatch.setenv("EKIDEN_LINE_HOST", server.url)
        ended = ekiden("send")
    assert ended.code == 0
    assert "line is left alone until 12:01:00" in ended.err
    assert two_channels.states() == {("C1", 1): "sent", ("C2", 1): "ready"}


def test_a_channel_configured_by_half_is_said_at_once(shop: Shop, ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_TWILIO_ACCOUNT_SID", "AC1")
    ended = ekiden("send")
    assert (ended.code, ended.out) == (1, "")
    assert "EKIDEN_TWILIO_AUTH_TOKEN" in ended.err


def test_what_was_sent_is_counted_also_where_a_content_of_the_same_channel_is_broken(planned: Shop, ekiden):
    planned.scenario("broken", steps=[STEP | {"content": "sample/nothing"}])
    planned.eligible("C2", "2024-03-08", model="broken")
    planned.plan()
    planned.at(NOON)
    ended = ekiden("send")
    assert (ended.code, ended.out.strip()) == (1, "1 claimed, 1 sent")
    assert "sample/nothing" in ended.err
