"""Sending: what is looked at before the claim, what is recorded, and which step follows."""

from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from urllib.parse import unquote

import psycopg
import pytest
from psycopg import sql

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.delivery.sending.due import due_now
from ekiden.scenarios.definition import MAIL_CHANNELS
from tests.integration.delivery.sending import CHAIN, NOON, attempts, ready
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_nothing_goes_before_its_time(shop: Shop):
    ready(shop)
    shop.now -= timedelta(microseconds=1)
    assert due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS) == []
    assert shop.send().counts.claimed == 0
    assert shop.row().state == "ready"


def test_what_is_due_is_sent_once_and_recorded(shop: Shop):
    ready(shop, "C1", "C2")
    (slot,) = due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS)
    assert (slot.due_date, slot.rows, slot.oldest_send_at) == (date(2024, 3, 9), 2, shop.now)
    counts = shop.send().counts
    assert (counts.claimed, counts.sent) == (2, 2)
    shop.send()
    assert sorted(message.to_address for message in shop.channel.messages) == ["c1@shop.example", "c2@shop.example"]
    row = shop.row(customer="C1")
    assert (row.state, row.sent_at) == ("sent", shop.now)
    assert shop.transitions("C1") == ["T1", "T6", "T7"]
    assert shop.enrolments() == {"C1": ("completed", None), "C2": ("completed", None)}
    assert due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS) == []


def test_a_message_carries_the_rows_own_id_and_the_customers_name(shop: Shop):
    ready(shop)
    shop.send()
    (message,) = shop.channel.messages
    assert message.message_id == shop.row().message_id
    assert message.to_name == "駅田 伝子"
    assert message.rendered.html is not None
    assert "駅田 伝子" in message.rendered.text
    assert str(message.message_id) in message.unsubscribe_url


def test_a_text_step_has_no_html(shop: Shop):
    ready(shop, steps=[STEP | {"channel": "text_email"}])
    shop.send()
    (message,) = shop.channel.messages
    assert message.rendered.html is None


def test_the_next_step_is_born_with_the_send(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.send()
    following = shop.row(step_no=2)
    assert (following.state, following.due_date) == ("ready", date(2024, 3, 11))
    assert following.send_at == shop.local("2024-03-11 12:00")
    assert shop.enrolments() == {"C1": ("active", None)}
    shop.at("2024-03-11 12:00")
    shop.send()
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_an_interval_counts_from_the_day_the_previous_step_was_sent(shop: Shop):
    ready(shop, offset_basis="previous_step", steps=CHAIN, past_date_policy="send_now")
    shop.at("2024-03-09 17:00")
    shop.send()
    assert shop.row(step_no=2).due_date == date(2024, 3, 12)


def test_by_its_anchor_a_step_after_a_late_one_is_past_and_held(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.operate("hold")
    shop.at("2024-03-20 10:00")
    shop.operate("release")
    shop.at("2024-03-20 12:00")
    shop.send()
    assert (shop.row(step_no=2).state, shop.row(step_no=2).reason) == ("held", "past_due")


def test_a_skipped_past_step_ends_the_enrolment(shop: Shop):
    shop.scenario(past_date_policy="skip", steps=[STEP | {"offset_days": 3}, STEP | {"offset_days": 1}])
    shop.buyer("C1", "2024-03-06")
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert shop.states() == {("C1", 1): "sent"}
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}


def test_the_next_step_is_of_the_version_that_is_current_when_it_is_born(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.scenario(steps=[STEP, STEP | {"offset_days": 5, "send_time": "18:00"}])
    shop.plan()
    shop.send()
    following = shop.row(step_no=2)
    assert (following.scenario_version, following.send_at) == (2, shop.local("2024-03-13 18:00"))
    assert shop.row(step_no=1).scenario_version == 1


def test_a_step_that_is_added_while_the_last_one_is_recorded_ends_nobody_without_it(shop: Shop, monkeypatch):
    ready(shop)
    shop.scenario(steps=CHAIN)
    execute = psycopg.Connection.execute

    def planned_meanwhile(connection, query, *arguments, **options):
        cursor = execute(connection, query, *arguments, **options)
        text = query.as_string(connection) if isinstance(query, sql.Composable) else str(query)
        if "insert into outreach.schedule_rows" in text and "true as follows_a_step" in text:
            monkeypatch.undo()
            with connect(shop.settings, autocommit=True) as somebody:
                replace(shop, connection=somebody).plan()
        return cursor

    monkeypatch.setattr(psycopg.Connection, "execute", planned_meanwhile)
    shop.send()
    assert shop.states() == {("C1", 1): "sent"}
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(2,)]
    # whatever was added came after the end of the chain as it stood
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_a_next_step_that_is_stopped_by_force_ends_the_enrolment(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.scenario(steps=[STEP, CHAIN[1] | {"state": "force_stopped"}])
    shop.plan()
    shop.send()
    assert shop.states() == {("C1", 1): "sent"}
    assert shop.enrolments() == {"C1": ("stopped", "force_stopped")}


# --- the last look before the claim


@pytest.mark.parametrize("status", ["disabled", "draft"])
def test_a_scenario_that_is_not_enabled_sends_nothing_and_its_rows_wait(shop: Shop, status: str):
    ready(shop)
    shop.scenario(status=status)
    shop.plan()
    assert due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS) == []
    shop.send()
    assert (shop.row().state, shop.channel.messages) == ("ready", [])


def test_a_step_stopped_by_force_since_is_cancelled_before_anything_else_is_looked_at(shop: Shop):
    ready(shop)
    shop.scenario(steps=[STEP | {"state": "force_stopped"}])
    shop.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    shop.stop("C1", since=shop.now, live_only=True)
    shop.now += timedelta(days=1)
    assert shop.send().counts.cancelled == 1
    assert (shop.row().state, shop.row().reason) == ("cancelled", "force_stopped")
    assert shop.enrolments() == {"C1": ("stopped", "force_stopped")}


def test_a_purchase_right_before_the_send_stops_it_though_the_mornings_table_says_otherwise(shop: Shop):
    ready(shop, "C1", "C2", steps=CHAIN)
    shop.stop("C1", since=shop.now, live_only=True)
    assert shop.send().counts.cancelled == 1
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "sent", ("C2", 2): "ready"}
    assert shop.enrolments()["C1"] == ("stopped", "stop_condition")
    assert attempts(shop) == [(1, "accepted")]


def test_a_stop_that_begins_after_the_send_does_not_stop_it(shop: Shop):
    ready(shop)
    shop.stop("C1", since=shop.now + timedelta(microseconds=1), live_only=True)
    shop.send()
    assert shop.row().state == "sent"


@pytest.mark.parametrize(
    ("kind", "live", "state"),
    [("entered", True, "cancelled"), ("entered", False, "sent"), ("ordered", True, "sent")],
)
def test_an_anchor_that_is_gone_stops_whoever_never_was_in_the_segment(shop: Shop, kind: str, live: bool, state: str):
    shop.scenario(live=live, anchor={"entered": "vips"} if kind == "entered" else "ordered")
    for customer in ("C1", "C2"):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", kind=kind)
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.execute("delete from eligibility.follow_up where customer_id = 'C1'")
    shop.execute("delete from eligibility.follow_up_live where customer_id = 'C1'")
    shop.send()
    assert shop.states() == {("C1", 1): state, ("C2", 1): "sent"}


def test_of_several_anchors_of_a_customer_the_one_that_is_stopped_is(shop: Shop):
    shop.scenario(reentry="per_anchor")
    shop.customer("C1")
    for key in ("a", "b", "c"):
        shop.eligible("C1", "2024-03-08", key=key)
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.execute("update eligibility.follow_up_live set stop_during = '{(,)}' where anchor_key = 'b'")
    shop.send()
    assert dict(
        shop.execute(
            "select enrolments.anchor_key, rows.state from outreach.schedule_rows as rows"
            " inner join outreach.enrolments using (enrolment_id)"
        )
    ) == {"a": "sent", "b": "cancelled", "c": "sent"}


def test_a_stop_of_another_kind_of_anchor_with_the_same_key_stops_nothing(shop: Shop):
    shop.scenario(live=False)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="a")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.execute(
        "insert into eligibility.follow_up"
        " select customer_id, 'event', anchor_key, anchor_at, anchor_date, entry_during, '{(,)}'"
        " from eligibility.follow_up"
    )
    shop.send()
    assert shop.states() == {("C1", 1): "sent"}


def test_a_model_written_by_hand_is_asked_by_its_table(shop: Shop):
    ready(shop, live=False)
    shop.execute("update eligibility.follow_up set stop_during = '{(,)}'")
    shop.send()
    assert shop.row().state == "cancelled"


def test_a_stop_goes_before_lateness(shop: Shop):
    ready(shop)
    shop.stop("C1", since=shop.now, live_only=True)
    shop.now += timedelta(days=1)
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("cancelled", "stop_condition")


@pytest.mark.parametrize(("too_late", "state"), [(timedelta(0), "sent"), (timedelta(microseconds=1), "held")])
def test_a_lateness_of_exactly_the_limit_still_passes(shop: Shop, too_late: timedelta, state: str):
    ready(shop)
    shop.now += shop.settings.max_lateness + too_late
    counts = shop.send().counts
    assert (counts.sent, counts.held) == ((1, 0) if state == "sent" else (0, 1))
    assert shop.row().state == state
    if state == "held":
        assert (shop.row().reason, shop.row().send_at) == ("missed_send", None)
        assert attempts(shop) == []


def test_rows_for_the_printer_are_not_sent(shop: Shop):
    ready(shop, steps=[STEP | {"channel": "dm"}])
    assert due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS) == []
    shop.send()
    assert (shop.row().state, shop.channel.messages) == ("ready", [])


def test_only_the_asked_due_date_is_sent(shop: Shop):
    ready(shop)
    shop.send(due_date=date(2024, 3, 8))
    assert shop.row().state == "ready"
    shop.send(due_date=date(2024, 3, 9))
    assert shop.row().state == "sent"


def test_a_scenario_disabled_during_the_send_keeps_its_chain(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.channel.before_answering = lambda: shop.execute("update outreach.scenarios set status = 'disabled'")
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert shop.enrolments() == {"C1": ("active", None)}


def test_a_stop_found_while_a_message_is_on_its_way_waits_for_its_outcome(shop: Shop):
    ready(shop)
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent

    def plan_with_a_stop() -> None:
        shop.stop("C1", since=shop.now)
        shop.plan()

    shop.channel.before_answering = plan_with_a_stop
    shop.send()
    assert shop.row().state == "ready"
    assert shop.enrolments() == {"C1": ("active", None)}
    shop.now += shop.settings.retry_after
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("cancelled", "stop_condition")


# --- the record


def test_every_message_can_be_traced_by_every_field(shop: Shop):
    shop.scenario(steps=CHAIN)
    shop.buyer("C1", "2024-03-01")
    planned = shop.plan()
    shop.at("2024-03-09 11:00")
    shop.operate("release")
    shop.at(NOON)
    sent = shop.send()
    columns = [
        name
        for (name,) in shop.execute(
            "select column_name::text from information_schema.columns"
            " where table_schema = 'outreach' and table_name = 'messages' order by ordinal_position"
        )
    ]
    (values,) = shop.execute("select * from outreach.messages")
    message = dict(zip(columns, values, strict=True))
    assert [name for name, value in message.items() if value is None] == []
    row = shop.row(step_no=1)
    assert (message["message_id"], message["schedule_row_id"]) == (row.message_id, row.schedule_row_id)
    assert (message["plan_run_id"], message["send_run_id"]) == (planned.run_id, sent.run_id)
    assert (message["anchor_kind"], message["anchor_key"]) == ("ordered", "O-C1-2024-03-01")
    assert message["plan_partition_date"] == date(2024, 3, 9)
    assert message["content_hash"] == shop.channel.messages[0].rendered.content_hash
    assert (message["to_address"], message["newsletter_status"]) == ("c1@shop.example", "both")
    assert message["consent_read_at"] == message["sent_at"] == shop.now
    assert message["provider_message_id"] == f"provider-{row.message_id}"
    assert (message["released_by"], message["released_at"]) == (OPERATOR.actor, shop.local("2024-03-09 11:00"))
    assert (message["eligibility_build_id"], message["eligibility_git_revision"]) == ("build-1", "abc123")


def test_a_scenario_code_in_japanese_can_be_sent(shop: Shop):
    ready(shop, model="follow_up", code="休眠防止 90日")
    shop.send(channel=OutboxChannel(shop.settings.outbox))
    assert (shop.row().state, shop.row().reason) == ("sent", None)
    (file,) = (shop.settings.outbox / "new").iterdir()
    header = message_from_bytes(file.read_bytes())["X-Ekiden-Scenario"].replace("\n", "").replace(" ", "")
    assert unquote(header) == "休眠防止 90日"
