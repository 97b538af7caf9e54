"""The administrator is told what was sent: once, in other words than customers', and never at their cost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.admin_notice import notify_administrator
from ekiden.delivery.channels.addressing import fault_of
from ekiden.delivery.channels.base import Outcome, OutgoingMessage, ProviderBusy
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.provider_waits import note_wait
from tests.integration.ledger_fixtures import STEP, RecordingChannel, Shop

ADDRESS = "staff@shop.example"


@pytest.fixture
def told(shop: Shop) -> Shop:
    """A shop whose administrator is told, in Japanese, with three customers due at noon."""
    shop.settings = shop.settings.model_copy(
        update={
            "admin_notice_address": "staff＠shop.example ",
            "admin_notice_language": "ja",
            "dagster_url": "https://dagster.shop.example/",
        }
    )
    shop.scenario(name="お礼")
    for number, customer in enumerate(("C1", "C2", "C3")):
        shop.customer(customer, newsletter_status="none" if number == 0 else "both")
        shop.eligible(customer, "2024-03-08")
    shop.plan("2024-03-09")
    shop.at("2024-03-09 12:00")
    return shop


def notices(shop: Shop) -> list[OutgoingMessage]:
    return [message for message in shop.channel.messages if message.for_administrator]


def noted(shop: Shop) -> list[tuple[str, str, str | None]]:
    return shop.execute("select to_address, channel_name, outcome from outreach.admin_notices order by noted_at")


def test_a_run_that_sent_something_is_told_by_scenario_and_step(told: Shop):
    told.channel.answers["c3@shop.example"] = Outcome.unknown
    told.send()
    (notice,) = notices(told)
    assert notice.to_address == ADDRESS
    assert "シナリオメールを送信しました（1件）" in notice.rendered.subject
    assert "■ お礼（follow_up）ステップ1\n  送信 1件、送信対象外 1件、送信エラー 0件\n" in notice.rendered.text
    assert "結果不明 1件" in notice.rendered.text
    assert "2024-03-09 12:00" in notice.rendered.text
    assert "https://dagster.shop.example/runs/send-run" in notice.rendered.text
    assert "駅田" not in notice.rendered.text
    assert fault_of(notice) is None
    assert noted(told) == [(ADDRESS, "recording", "accepted")]
    # it is no message to a customer
    assert told.execute("select count(*) from outreach.messages") == [(1,)]


def test_nobody_is_told_where_nobody_asked_for_it_or_nothing_was_sent(told: Shop):
    run = told.send(settings=told.settings.model_copy(update={"admin_notice_address": None})).run_id
    assert noted(told) == []
    # who asks for notices later is not told of days gone by
    told.now += timedelta(days=2)
    assert told.send().counts.sent == 0
    assert not notify_administrator(told.connection, told.channel, told.settings, run, told.now)
    assert noted(told) == []


def test_a_run_is_told_once_and_what_comes_within_the_hour_later(told: Shop):
    run = told.send().run_id
    assert not notify_administrator(told.connection, told.channel, told.settings, run, told.now)
    told.now += timedelta(minutes=30)
    ready(told, "C4")
    assert told.send().counts.sent == 1
    assert len(notices(told)) == 1
    told.now += timedelta(minutes=31)
    ready(told, "C5")
    told.send()
    assert [notice.rendered.subject[-4:] for notice in notices(told)] == ["（2件）", "（2件）"]
    assert told.execute("select count(*) from outreach.admin_notice_runs") == [(3,)]


def test_of_several_senders_the_last_tells(told: Shop):
    told.execute(
        "insert into outreach.dispatchers (number, host, process_id, started_at, lease_until)"
        " values (424242, 'another', 1, now(), now() + interval '1 hour')"
    )
    told.execute("select pg_advisory_lock(6646633, 424242)")
    try:
        run = told.send().run_id
        assert noted(told) == []
    finally:
        told.execute("select pg_advisory_unlock(6646633, 424242)")
    assert notify_administrator(told.connection, told.channel, told.settings, run, told.now)
    assert len(notices(told)) == 1


def test_senders_that_end_together_tell_once(told: Shop):
    run = told.send(settings=told.settings.model_copy(update={"admin_notice_address": None})).run_id
    with connect(told.settings, autocommit=True) as other, ThreadPoolExecutor() as pool:
        calls = [
            pool.submit(notify_administrator, connection, told.channel, told.settings, run, told.now)
            for connection in (told.connection, other)
        ]
        assert sorted(call.result() for call in calls) == [False, True]
    assert len(notices(told)) == 1


def test_a_run_that_ended_early_is_told_as_one(told: Shop):
    told.scenario("other", steps=[STEP | {"content": "sample/no_such_step"}])
    told.eligible("C2", "2024-03-08", model="other")
    told.plan("2024-03-09")
    with pytest.raises(ContentsBroken):
        told.send()
    (notice,) = notices(told)
    assert "送信は途中で終了しました" in notice.rendered.text


def test_while_the_provider_wants_to_be_left_alone_the_notice_waits_and_is_not_lost(told: Shop):
    last_of_its_interval = ProviderBusy("no more for now", told.now + timedelta(seconds=20), ())
    told.channel.before_answering = lambda: note_wait(told.connection, "recording", last_of_its_interval, now=told.now)
    report = told.send()
    assert (report.counts.sent, notices(told), noted(told)) == (2, [], [])
    told.now += timedelta(seconds=20)
    told.channel.before_answering = lambda: None
    assert notify_administrator(told.connection, told.channel, told.settings, report.run_id, told.now)


class BrokenForNotices(RecordingChannel):
    def deliver(self, messages):
        if messages[0].for_administrator:
            raise ConnectionError("no way through")
        return super().deliver(messages)


def test_a_notice_that_fails_costs_nobody_anything(told: Shop, caplog: pytest.LogCaptureFixture):
    assert told.send(channel=BrokenForNotices()).counts.sent == 2
    assert "no way through" in caplog.text
    assert noted(told) == [(ADDRESS, "recording", None)]
    assert told.execute("select outcome from outreach.runs where kind = 'send'") == [("succeeded",)]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("admin_notice_address", "staff", "EKIDEN_ADMIN_NOTICE_ADDRESS is no mail address: it has no @"),
        ("admin_notice_language", "de", "EKIDEN_ADMIN_NOTICE_LANGUAGE"),
    ],
)
def test_a_setting_that_is_wrong_is_logged_and_told_once_it_is_mended(
    told: Shop, caplog: pytest.LogCaptureFixture, setting: str, value: str, said: str
):
    mended = told.settings
    told.settings = mended.model_copy(update={setting: value})
    run = told.send().run_id
    assert said in caplog.text
    assert noted(told) == []
    assert notify_administrator(told.connection, told.channel, mended, run, told.now)


def test_a_provider_that_turns_the_notice_away_is_noted(told: Shop):
    run = told.send(settings=told.settings.model_copy(update={"admin_notice_address": None})).run_id
    told.channel.line_is_stopped = True
    assert not notify_administrator(told.connection, told.channel, told.settings, run, told.now)
    assert noted(told) == [(ADDRESS, "recording", "not_sent")]
    assert told.execute("select count(*) from outreach.sending_pauses") == [(0,)]


def ready(shop: Shop, customer: str) -> None:
    """Let one more customer be due now: at noon of the same day, planned after it."""
    shop.customer(customer)
    shop.eligible(customer, "2024-03-08")
    shop.plan("2024-03-09")


def test_a_sender_whose_lease_is_over_keeps_nobody_from_being_told(told: Shop):
    told.execute(
        "insert into outreach.dispatchers (number, host, process_id, started_at, lease_until)"
        " values (424242, 'another', 1, now() - interval '2 hours', now() - interval '1 hour')"
    )
    told.execute("select pg_advisory_lock(6646633, 424242)")
    try:
        told.send()
        assert len(notices(told)) == 1
    finally:
        told.execute("select pg_advisory_unlock(6646633, 424242)")


def test_a_next_step_that_comes_of_a_message_sent_is_no_news(told: Shop):
    told.scenario("chain", name="続き", steps=[STEP, STEP | {"offset_days": 3}])
    told.eligible("C2", "2024-03-08", model="chain")
    told.plan("2024-03-09")
    told.send()
    assert told.states(customer="C2", scenario="chain") == {("C2", 1): "sent", ("C2", 2): "ready"}
    (notice,) = notices(told)
    assert "■ 続き（chain）ステップ1\n" in notice.rendered.text
    assert "■ 続き（chain）ステップ2" not in notice.rendered.text
