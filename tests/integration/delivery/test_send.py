"""Sending: the last look before the claim, whom a message is kept from, what becomes of it and what follows."""

from datetime import date, timedelta
from email import message_from_bytes
from urllib.parse import unquote

import pytest

from ekiden.delivery.channels import LineStopped
from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.delivery.contents import ContentsBroken
from ekiden.delivery.pauses import SendingPaused, resume
from ekiden.delivery.send import due_now, lost_claims
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

NOON = "2024-03-09 12:00"
CHAIN = [STEP, STEP | {"offset_days": 3}]


@pytest.fixture(autouse=True)
def _the_ledger_is_sound_afterwards(shop: Shop):
    yield
    assert broken_invariants(shop.connection) == {}


def ready(shop: Shop, *customers: str, **definition) -> Shop:
    """One ready row for each customer, due at noon; the clock stands at noon."""
    shop.scenario(**definition)
    for customer in customers or ("C1",):
        shop.buyer(customer)
    shop.plan()
    shop.at(NOON)
    return shop


def attempts(shop: Shop) -> list[tuple[int, str | None]]:
    return shop.execute("select attempt_no, outcome from outreach.attempts order by schedule_row_id, attempt_no")


def test_nothing_goes_before_its_time(shop: Shop):
    ready(shop)
    shop.now -= timedelta(microseconds=1)
    assert due_now(shop.connection, now=shop.now) == []
    assert shop.send().counts.claimed == 0
    assert shop.row().state == "ready"


def test_what_is_due_is_sent_once_and_recorded(shop: Shop):
    ready(shop, "C1", "C2")
    (slot,) = due_now(shop.connection, now=shop.now)
    assert (slot.due_date, slot.rows, slot.oldest_send_at) == (date(2024, 3, 9), 2, shop.now)
    counts = shop.send().counts
    assert (counts.claimed, counts.sent) == (2, 2)
    shop.send()
    assert [message.to_address for message in shop.channel.messages] == ["c1@shop.example", "c2@shop.example"]
    row = shop.row(customer="C1")
    assert (row.state, row.sent_at) == ("sent", shop.now)
    assert shop.transitions("C1") == ["T1", "T6", "T7"]
    assert shop.enrolments() == {"C1": ("completed", None), "C2": ("completed", None)}
    assert due_now(shop.connection, now=shop.now) == []


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
    assert due_now(shop.connection, now=shop.now) == []
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
    assert due_now(shop.connection, now=shop.now) == []
    shop.send()
    assert (shop.row().state, shop.channel.messages) == ("ready", [])


def test_only_the_asked_due_date_is_sent(shop: Shop):
    ready(shop)
    shop.send(due_date=date(2024, 3, 8))
    assert shop.row().state == "ready"
    shop.send(due_date=date(2024, 3, 9))
    assert shop.row().state == "sent"


# --- whom a message is kept from


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"newsletter_status": "none"}, "newsletter_status"),
        ({"newsletter_status": "mobile"}, "newsletter_status"),
        ({"email": None}, "no_address"),
        ({"email": "not an address"}, "no_address"),
        ({"email": "two@at@signs.example\r\nBcc: x@y.example"}, "no_address"),
    ],
)
def test_consent_and_address_are_read_at_the_last_moment(shop: Shop, facts: dict, reason: str):
    ready(shop, steps=CHAIN)
    shop.change_customer("C1", **facts)
    assert shop.send().counts.skipped == 1
    assert (shop.row().state, shop.row().reason) == ("skipped", reason)
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}
    assert shop.channel.messages == []
    assert attempts(shop) == [(1, "withheld")]


def test_a_customer_who_was_erased_gets_nothing(shop: Shop):
    ready(shop)
    shop.execute("delete from raw.customers")
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("skipped", "no_address")


@pytest.mark.parametrize("by", ["customer", "address"])
def test_no_setting_overrides_the_suppression_list(shop: Shop, by: str):
    ready(shop, consent_recheck=False)
    shop.execute(
        "insert into outreach.suppression_list (customer_id, address, reason, source, suppressed_at)"
        " values (%s, %s, 'complained', 'test', now())",
        "C1" if by == "customer" else None,
        "c1@shop.example" if by == "address" else None,
    )
    shop.change_customer("C1", email="C1@Shop.Example")
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("skipped", "suppressed")


def test_the_second_address_is_used_where_the_first_is_suppressed(shop: Shop):
    ready(shop)
    shop.change_customer("C1", email_2="second@shop.example")
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('c1@shop.example', 'bounced', 'test', now())"
    )
    shop.send()
    assert [message.to_address for message in shop.channel.messages] == ["second@shop.example"]


def test_without_the_recheck_the_newsletter_status_is_not_asked(shop: Shop):
    ready(shop, consent_recheck=False)
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.row().state == "sent"


def test_rows_whose_content_is_missing_wait_for_it_and_no_others_do(shop: Shop):
    shop.scenario("other", steps=[STEP | {"content": "sample/no_such_step"}])
    shop.customer("C9")
    shop.eligible("C9", "2024-03-08", model="other")
    ready(shop)
    with pytest.raises(ContentsBroken, match="no_such_step"):
        shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C9", 1): "ready"}
    assert shop.execute("select outcome from outreach.runs where kind = 'send'") == [("failed",)]


def test_only_contents_that_a_run_would_send_can_stop_it(shop: Shop):
    missing = STEP | {"content": "sample/no_such_step"}
    for model, customer, definition in (
        ("printed", "C7", {"steps": [missing | {"channel": "dm"}]}),
        ("frozen", "C8", {"steps": [missing]}),
    ):
        shop.scenario(model, **definition)
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", model=model)
    ready(shop)
    shop.scenario("frozen", status="disabled", steps=[missing])
    shop.plan()
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C7", 1): "ready", ("C8", 1): "ready"}


def test_after_a_skip_the_chain_goes_on_where_the_scenario_says_so(shop: Shop):
    ready(shop, on_skip="continue", steps=CHAIN)
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "ready"}
    shop.change_customer("C1", newsletter_status="both")
    shop.at("2024-03-11 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "sent"}
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_a_skipped_last_step_ends_the_enrolment_even_where_the_chain_goes_on(shop: Shop):
    ready(shop, on_skip="continue")
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}


# --- what becomes of a message


def test_a_refused_message_is_not_tried_again(shop: Shop):
    ready(shop)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    assert shop.send().counts.failed == 1
    shop.now += timedelta(hours=1)
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("failed", "it said refused")
    assert len(shop.channel.messages) == 1
    assert shop.enrolments() == {"C1": ("active", None)}


def test_what_was_surely_not_sent_is_tried_again_later_each_time_until_the_budget_is_spent(shop: Shop):
    ready(shop)
    shop.settings = shop.settings.model_copy(update={"max_attempts": 3})
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    waits = []
    for _ in range(3):
        shop.send()
        row = shop.row()
        waits.append(row.send_at - shop.now)
        shop.now = max(row.send_at, shop.now)
    assert waits[:2] == [shop.settings.retry_after, 2 * shop.settings.retry_after]
    shop.now += timedelta(hours=2)
    shop.send()
    assert shop.row().state == "failed"
    assert attempts(shop) == [(1, "not_sent"), (2, "not_sent"), (3, "not_sent")]
    assert len({message.message_id for message in shop.channel.messages}) == 1


def test_one_refusal_leaves_the_rest_of_the_batch_sent(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.channel.answers["c2@shop.example"] = Outcome.refused
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C2", 1): "failed", ("C3", 1): "sent"}


def test_a_stopped_line_pauses_all_sending_and_leaves_everything_for_later(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": 2})
    shop.channel.line_is_stopped = True
    with pytest.raises(LineStopped):
        shop.send()
    assert set(shop.states().values()) == {"ready"}
    assert shop.execute("select outcome from outreach.runs where kind = 'send'") == [("failed",)]
    shop.channel.line_is_stopped = False
    with pytest.raises(SendingPaused, match="recording turns everything away: 401"):
        shop.send()
    resume(shop.connection, None, reason="a new key", now=shop.now, context=OPERATOR)
    shop.send()
    assert set(shop.states().values()) == {"sent"}


def test_a_provider_that_asks_us_to_wait_is_left_alone_by_every_sender_until_then(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": 2})
    shop.channel.busy_until = shop.now + timedelta(seconds=20)
    report = shop.send()
    assert report.wait and report.wait.until == shop.channel.busy_until
    assert (report.counts.failed, report.counts.not_sent) == (0, 2)
    shop.channel.busy_until = None
    shop.now += timedelta(seconds=19)
    shop.send()
    assert shop.channel.messages == []
    shop.now += timedelta(seconds=1)
    shop.send()
    assert set(shop.states().values()) == {"sent"}


def test_waiting_for_a_provider_uses_up_none_of_a_messages_tries(shop: Shop):
    ready(shop)
    for _ in range(shop.settings.max_attempts + 1):
        shop.channel.busy_until = shop.now + timedelta(seconds=20)
        shop.send()
        shop.now += timedelta(seconds=20)
    shop.channel.busy_until = None
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    for tries in range(1, shop.settings.max_attempts):
        shop.send()
        row = shop.row()
        assert (row.state, row.send_at) == ("ready", shop.now + shop.settings.retry_after * tries)
        shop.now = row.send_at
    shop.send()
    assert shop.row().state == "failed"


def test_an_unknown_outcome_is_never_repeated_by_itself(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.channel.answers["c1@shop.example"] = Outcome.unknown
    assert shop.send().counts.unknown == 1
    for _ in range(3):
        shop.now += timedelta(hours=1)
        shop.send()
    assert shop.states() == {("C1", 1): "sending"}
    assert len(shop.channel.messages) == 1
    assert attempts(shop) == [(1, "unknown")]
    assert lost_claims(shop.connection) == 0


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
