"""Messages of unknown outcome: what is known of them, and what a person's word does, once and for good."""

import threading
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Delivery, Outcome, ProviderStopped
from ekiden.delivery.consent.unsubscribe_tokens import signer_of, token_of
from ekiden.delivery.consent.unsubscribing import addressee_of
from ekiden.delivery.events.event_outcomes import settle_told
from ekiden.delivery.sending.record import Recorded, record
from ekiden.delivery.unknown.carried import CARRIED_ALREADY
from ekiden.delivery.unknown.rows import Settled, UnknownFilter, UnknownRow, unknown_counts, unknown_rows
from ekiden.delivery.unknown.settle import NothingToRetry, SettleReport, settle, settlements
from ekiden.insights.status import deployment_status
from ekiden.insights.timeline import timeline
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.operating.operators import TooManyRows
from ekiden.schedule.rows import NoRowId
from ekiden.schedule.runs import acting
from tests.integration.ledger_fixtures import OPERATOR, SENDER, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

NOON = "2024-03-09 12:00"
HANAKO = OPERATOR.actor
REASON = "the customer has it: お客様より"


@pytest.fixture
def unknown(shop: Shop) -> Shop:
    """C1's and C2's messages were posted at noon, and the provider's answers said nothing; C3 was sent."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    for customer in ("C1", "C2", "C3"):
        shop.buyer(customer)
    shop.plan()
    shop.at(NOON)
    shop.channel.answers = {f"{customer}@shop.example": Outcome.unknown for customer in ("c1", "c2")}
    shop.send()
    shop.channel.answers = {}
    shop.now += timedelta(hours=1)
    yield shop
    assert broken_invariants(shop.connection) == {}


def listed(shop: Shop, **row_filter: object) -> list[UnknownRow]:
    """Return what is listed, by customer: all were posted at one moment."""
    found = unknown_rows(
        shop.connection,
        UnknownFilter(**row_filter),
        now=shop.now,
        unknown_after=shop.settings.unknown_after,
        limit=100,
    )
    return sorted(found, key=lambda row: row.customer_id)


def say(
    shop: Shop,
    settled: Settled,
    *,
    connection: psycopg.Connection | None = None,
    reason: str = REASON,
    limit: int = 10,
    retry: bool = False,
    **row_filter: object,
) -> SettleReport:
    return settle(
        connection or shop.connection,
        settled,
        UnknownFilter(**row_filter),
        now=shop.now,
        settings=shop.settings,
        context=OPERATOR,
        reason=reason,
        limit=limit,
        retry_them=retry,
    )


def left(report: SettleReport) -> list[str]:
    return [str(each) for each in report.not_changed]


def test_the_evidence_says_what_there_is_to_know(unknown: Shop):
    unknown.told("C1", "deferred")
    first, second = listed(unknown)
    assert (first.customer_id, first.scenario_code, first.step_no) == ("C1", "follow_up", 1)
    assert (first.to_address, first.channel, first.channel_name) == ("c…@shop.example", "html_email", "recording")
    assert (first.standing, first.answer, first.hours, first.past_limit) == ("unknown", "it said unknown", 1, False)
    assert (first.posted_at, first.answered_at) == (unknown.local(NOON), unknown.local(NOON))
    assert (first.sender, first.dagster_run_id) == (SENDER.actor, SENDER.dagster_run_id)
    assert (first.events, first.has_arrived) == ("deferred 2024-03-09 04:00 UTC", True)
    assert (second.customer_id, second.events, second.has_arrived) == ("C2", "", False)


FILTERS = (
    ({}, ["C1", "C2"]),
    ({"customer": "C2"}, ["C2"]),
    ({"scenario": "follow_up"}, ["C1", "C2"]),
    ({"scenario": "50%' or true --"}, []),
    ({"channel": "recording"}, ["C1", "C2"]),
    ({"channel": "html_email", "customer": "C1"}, ["C1"]),
    ({"channel": "line"}, []),
    ({"run": SENDER.dagster_run_id}, ["C1", "C2"]),
    ({"run": "another"}, []),
)
"""And whom each finds."""


def test_every_filter_narrows(unknown: Shop):
    for row_filter, customers in FILTERS:
        assert [row.customer_id for row in listed(unknown, **row_filter)] == customers, row_filter


def test_they_are_found_by_number_by_message_and_by_age(unknown: Shop):
    first, second = listed(unknown)
    assert listed(unknown, rows=(str(first.schedule_row_id), str(second.message_id))) == [first, second]
    assert listed(unknown, posted_until=unknown.now - timedelta(hours=1)) == [first, second]
    assert listed(unknown, posted_until=unknown.now - timedelta(hours=1, seconds=1)) == []
    with pytest.raises(NoRowId):
        listed(unknown, rows=("seven",))


def test_sent_is_recorded_with_its_lineage_and_goes_on(unknown: Shop):
    report = say(unknown, Settled.SENT, customer="C1")
    assert (report.matched, report.changed, report.not_changed) == (1, 1, ())
    assert unknown.states(customer="C1") == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert unknown.transitions("C1") == ["T1", "T6", "T7", "T1"]
    found = unknown.execute(
        "select transitions.actor_kind, transitions.actor, settlements.settled_as, settlements.settled_by,"
        " settlements.reason, settlements.answer, settlements.settled_at, attempts.outcome, attempts.detail"
        " from outreach.settlements"
        " inner join outreach.attempts using (schedule_row_id, attempt_no)"
        " inner join outreach.transitions on transitions.run_id = settlements.run_id and transition = 'T7'"
        " inner join outreach.messages on messages.message_id = settlements.message_id"
    )
    assert found == [
        (
            *("dispatcher", HANAKO, "sent", HANAKO, REASON, "it said unknown", unknown.now),
            *("accepted", f"settled as sent by {HANAKO}: {REASON}"),
        )
    ]


def test_not_sent_fails_and_waits_for_a_person(unknown: Shop):
    assert say(unknown, Settled.NOT_SENT, customer="C1").changed == 1
    unknown.now += timedelta(days=2)
    unknown.send()
    row = unknown.row(customer="C1")
    assert (row.state, row.reason) == ("failed", f"settled as not-sent by {HANAKO}: {REASON}")
    assert unknown.operate("retry", customer="C1").changed == 1
    unknown.send()
    assert unknown.states(customer="C1")["C1", 1] == "sent"
    assert [m.to_address for m in unknown.channel.messages].count("c1@shop.example") == 2


def test_not_sent_with_retry_is_sent_again_however_late_it_is(unknown: Shop):
    unknown.now += timedelta(days=2)
    report = say(unknown, Settled.NOT_SENT, retry=True)
    assert (report.changed, report.retried) == (2, 2)
    unknown.send()
    assert set(unknown.states(step_no=1).values()) == {"sent"}
    assert unknown.row(customer="C1", step_no=1).released_by == HANAKO


def test_what_is_settled_is_settled_once(unknown: Shop):
    rows = tuple(str(row.schedule_row_id) for row in listed(unknown))
    say(unknown, Settled.SENT, rows=rows[:1])
    again = say(unknown, Settled.NOT_SENT, rows=rows)
    assert (again.matched, again.changed) == (1, 1)
    assert left(again) == ["1 left: not on their way, so settled already or never sent: sent"]
    assert unknown.states(step_no=1) == {("C1", 1): "sent", ("C2", 1): "failed", ("C3", 1): "sent"}
    with pytest.raises(psycopg.errors.CheckViolation, match="append-only"):
        unknown.execute("delete from outreach.settlements")


def test_what_events_show_to_have_arrived_is_not_settled_as_not_sent(unknown: Shop):
    unknown.told("C1", "delivered")
    unknown.told("C2", "dropped")
    report = say(unknown, Settled.NOT_SENT)
    assert (report.changed, left(report)) == (1, ["1 left: the provider's events show that it has them"])
    assert unknown.states(step_no=1) == {("C1", 1): "sending", ("C2", 1): "failed", ("C3", 1): "sent"}


def test_what_was_posted_a_moment_ago_is_not_settled_as_not_sent(unknown: Shop):
    # nine minutes of the lease, in which its sender may still begin, and ten in which it may still be posting
    unknown.settings = unknown.settings.model_copy(update={"dispatcher_lease": timedelta(minutes=9)})
    unknown.now = unknown.local(NOON) + timedelta(minutes=18)
    report = say(unknown, Settled.NOT_SENT)
    assert report.changed == 0
    assert "posted less than 19 minutes ago" in left(report)[0]
    assert say(unknown, Settled.SENT).changed == 2


def test_what_a_living_sender_is_at_is_left_to_it(shop: Shop):
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    reports = []

    def settle_meanwhile() -> None:
        with connect(shop.settings, autocommit=True) as other:
            reports.append(say(shop, Settled.SENT, connection=other))

    shop.channel.before_answering = settle_meanwhile
    assert shop.send().counts.sent == 1
    assert (reports[0].matched, reports[0].changed) == (1, 0)
    assert left(reports[0]) == ["1 left: their sender is at it"]
    assert listed(shop) == []


def test_a_vanished_senders_rows_are_unknown_at_once(shop: Shop):
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.channel.before_answering = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        shop.send()
    (row,) = listed(shop)
    assert (row.standing, row.answer, row.answered_at) == ("unknown", None, None)
    assert say(shop, Settled.SENT).changed == 1


def test_more_than_the_limit_or_without_a_reason_nothing_is_settled(unknown: Shop):
    with pytest.raises(TooManyRows, match="2 rows match, more than the limit of 1"):
        say(unknown, Settled.SENT, limit=1)
    with pytest.raises(ReasonMissing, match="say how you know"):
        say(unknown, Settled.SENT, reason=" ")
    with pytest.raises(NothingToRetry):
        say(unknown, Settled.SENT, retry=True)
    assert len(listed(unknown)) == 2
    assert unknown.execute("select count(*) from outreach.settlements") == [(0,)]


@pytest.mark.parametrize("person_first", [True, False])
def test_of_a_person_and_an_event_one_settles_and_the_other_finds_it_settled(unknown: Shop, person_first: bool):
    unknown.told("C1", "delivered")

    def by_event(connection: psycopg.Connection) -> None:
        settle_told(connection, settings=unknown.settings, clock=lambda: unknown.now, context=SENDER)

    reports = []

    def by_person(connection: psycopg.Connection) -> None:
        reports.append(say(unknown, Settled.SENT, connection=connection, customer="C1"))

    first, second = (by_person, by_event) if person_first else (by_event, by_person)
    with connect(unknown.settings, autocommit=True) as one, connect(unknown.settings, autocommit=True) as other:
        with one.transaction():
            first(one)
            thread = threading.Thread(target=second, args=(other,))
            thread.start()
            thread.join(0.2)
        thread.join()
    assert reports[0].changed == int(person_first)
    assert unknown.transitions("C1").count("T7") == 1
    assert unknown.execute("select count(*) from outreach.messages where customer_id = 'C1'") == [(1,)]
    assert unknown.execute("select count(*) from outreach.settlements") == [(int(person_first),)]


def test_what_events_contradict_later_is_shown(unknown: Shop):
    say(unknown, Settled.NOT_SENT)
    assert [each.contradicted for each in settlements(unknown.connection, limit=10)] == [False, False]
    unknown.told("C1", "delivered")
    unknown.told("C2", "dropped")
    first, second = settlements(unknown.connection, limit=10)
    assert (first.customer_id, first.contradicted, first.state) == ("C1", True, "failed")
    assert (second.customer_id, second.contradicted, second.was_posted_again) == ("C2", False, False)
    assert len(settlements(unknown.connection, limit=1)) == 1


def test_what_came_of_posting_it_again_contradicts_nobody(unknown: Shop):
    say(unknown, Settled.NOT_SENT, customer="C1", retry=True)
    unknown.send()
    unknown.now += timedelta(minutes=1)
    unknown.told("C1", "delivered")
    (settlement,) = settlements(unknown.connection, limit=10)
    assert (settlement.contradicted, settlement.was_posted_again, settlement.state) == (False, True, "sent")


def test_what_the_provider_told_of_before_it_is_posted_again_is_recorded_and_not_posted(unknown: Shop):
    say(unknown, Settled.NOT_SENT, retry=True)
    unknown.told("C1", "delivered")
    unknown.told("C2", "dropped")
    unknown.now += timedelta(minutes=1)
    posted = len(unknown.channel.messages)
    unknown.send()
    assert [message.to_address for message in unknown.channel.messages[posted:]] == ["c2@shop.example"]
    assert [unknown.row(customer=customer, step_no=1).state for customer in ("C1", "C2")] == ["sent", "sent"]
    assert unknown.execute("select count(*) from outreach.messages") == [(3,)]
    by_customer = {each.customer_id: each for each in settlements(unknown.connection, limit=10)}
    assert (by_customer["C1"].contradicted, by_customer["C1"].was_posted_again) == (True, False)
    assert (by_customer["C2"].contradicted, by_customer["C2"].was_posted_again) == (False, True)


@pytest.mark.parametrize(
    ("second", "was_posted_again"), [(Outcome.not_sent, False), (Outcome.refused, False), (Outcome.unknown, True)]
)
def test_a_later_try_that_surely_reached_nobody_is_no_posting_that_the_events_could_be_about(
    unknown: Shop, second: Outcome, was_posted_again: bool
):
    say(unknown, Settled.NOT_SENT, customer="C1", retry=True)
    unknown.channel.answers = {"c1@shop.example": second}
    unknown.send()
    unknown.channel.answers = {}
    unknown.now += timedelta(minutes=30)
    if second is not Outcome.not_sent:
        # what a person says of the second try may be wrong as well
        say(unknown, Settled.NOT_SENT, customer="C1")
        unknown.operate("retry", customer="C1")
    unknown.told("C1", "delivered")
    unknown.now += timedelta(minutes=10)
    unknown.send()
    assert unknown.row(customer="C1", step_no=1).state == "sent"
    assert unknown.execute("select count(*) from outreach.attempts where detail = %s", CARRIED_ALREADY) == [(1,)]
    first = next(each for each in settlements(unknown.connection, limit=10) if each.attempt_no == 1)
    assert (first.contradicted, first.was_posted_again) == (not was_posted_again, was_posted_again)


def went_to(shop: Shop, customer: str) -> str | None:
    """Return the address that the link in a customer's first message opts out."""
    signer = signer_of(["0" * 32])
    addressee = addressee_of(
        shop.connection, signer, token_of(signer, shop.row(customer=customer, step_no=1).message_id)
    )
    assert addressee is not None
    return addressee.to_address


@pytest.mark.parametrize("busy_meanwhile", [False, True])
def test_what_the_provider_has_is_recorded_as_it_was_posted_whatever_the_shop_has_changed(
    unknown: Shop, busy_meanwhile: bool
):
    (posted,) = unknown.execute(
        "select to_address, newsletter_status, consent_read_at, content_hash, channel_name from outreach.attempts"
        " where to_address = 'c1@shop.example'"
    )
    say(unknown, Settled.NOT_SENT, customer="C1", retry=True)
    unknown.change_customer("C1", email="new@shop.example", family_name="新井", newsletter_status="pc")
    if busy_meanwhile:
        # a try that surely came to nothing, at the new address
        unknown.channel.busy_until = unknown.now + timedelta(minutes=1)
        unknown.send()
        unknown.channel.busy_until = None
        assert unknown.row(customer="C1").state == "ready"
    assert went_to(unknown, "C1") == "c1@shop.example"
    unknown.told("C1", "delivered")
    unknown.execute("update outreach.delivery_events set provider_message_id = 'theirs.filter1'")
    unknown.now += timedelta(hours=1)
    unknown.send()
    assert unknown.execute(
        "select to_address from outreach.attempts where detail = %s and content_hash <> %s", CARRIED_ALREADY, posted[3]
    ) == [("new@shop.example",)]
    assert unknown.execute(
        "select to_address, newsletter_status, consent_read_at, content_hash, channel_name, provider_message_id"
        " from outreach.messages where customer_id = 'C1'"
    ) == [(*posted, "theirs")]
    assert went_to(unknown, "C1") == "c1@shop.example"


def test_what_is_posted_again_is_recorded_as_it_was_posted_last(unknown: Shop):
    say(unknown, Settled.NOT_SENT, customer="C1", retry=True)
    unknown.change_customer("C1", email="new@shop.example")
    unknown.send()
    assert unknown.execute("select to_address from outreach.messages where customer_id = 'C1'") == [
        ("new@shop.example",)
    ]
    assert went_to(unknown, "C1") == "new@shop.example"


ARRIVED = (
    "the provider's events show that it has arrived; the next send records it as sent, a failed row once it is "
    "retried, a held one once it is released"
)


@pytest.mark.parametrize(
    ("action", "why"),
    [("", ARRIVED), ("retry", ARRIVED), ("block", "the provider's events show that it has arrived")],
)
def test_what_has_arrived_is_not_deleted_as_its_customer_would_enter_again(unknown: Shop, action: str, why: str):
    say(unknown, Settled.NOT_SENT)
    unknown.told("C1", "delivered")
    unknown.told("C2", "dropped")
    if action:
        unknown.operate(action, customer="C1")
    state = unknown.row(customer="C1").state
    report = unknown.operate("delete", step_no=1)
    assert (report.matched, report.changed) == (3, 1)
    assert sorted(map(str, report.not_changed)) == [
        "1 left: in a state that delete does not apply to (sent)",
        f"1 left: {why}",
    ]
    assert unknown.states(step_no=1) == {("C1", 1): state, ("C3", 1): "sent"}
    assert unknown.enrolments()["C1"][0] != "removed"
    unknown.plan("2024-03-09")
    unknown.send()
    assert [message.to_address for message in unknown.channel.messages].count("c1@shop.example") == 1
    assert unknown.enrolments()["C2"] == ("active", None)


@pytest.mark.parametrize("turned_away", ["line_is_stopped", "busy_until"])
def test_what_the_provider_has_is_recorded_also_where_it_turns_the_others_away(unknown: Shop, turned_away: str):
    say(unknown, Settled.NOT_SENT, retry=True)
    unknown.told("C1", "delivered")
    setattr(unknown.channel, turned_away, unknown.now + timedelta(hours=1))
    with suppress(ProviderStopped):
        unknown.send()
    assert [unknown.row(customer=customer, step_no=1).state for customer in ("C1", "C2")] == ["sent", "ready"]


def test_what_a_person_said_stands_in_the_customers_timeline_before_what_came_of_it(unknown: Shop):
    say(unknown, Settled.SENT, customer="C1")
    say(unknown, Settled.NOT_SENT, customer="C2")
    for customer, words, then in (
        ("C1", "step 1: unknown so far, a person says that it was sent", "step 1 sent to c…@shop.example"),
        ("C2", "step 1: unknown so far, a person says that it was not sent", "step 1: sending failed"),
    ):
        found = timeline(unknown.connection, customer, zone=unknown.settings.zone, oldest_first=True).entries
        place = next(number for number, entry in enumerate(found) if entry.kind == "settled")
        assert (found[place].what, found[place].why) == (words, REASON)
        assert found[place].by == f"a person: {OPERATOR.actor}"
        assert found[place + 1].what.startswith(then)


def test_past_the_limit_it_is_a_persons_to_settle(unknown: Shop):
    unknown.at("2024-03-10 13:59")
    assert not any(row.past_limit for row in listed(unknown))
    unknown.at("2024-03-10 14:00")
    assert all(row.past_limit for row in listed(unknown))
    waiting = deployment_status(unknown.connection, now=unknown.now, settings=unknown.settings).rows
    assert (waiting.unknown, waiting.unknown_past_limit) == (2, 2)
    (count,) = unknown_counts(
        unknown.connection, UnknownFilter(), now=unknown.now, unknown_after=unknown.settings.unknown_after
    )
    assert (count.standing, count.past_limit, count.rows) == ("unknown", 2, 2)


def test_a_late_answer_of_a_sender_that_was_cut_off_does_not_undo_a_persons_word(unknown: Shop):
    # as the sender would record it, were its connection to come back
    row = listed(unknown, customer="C1")[0]
    say(unknown, Settled.NOT_SENT, customer="C1", retry=True)
    with acting(unknown.connection, "dispatcher", SENDER, row.run_id, now=unknown.now):
        answer = Delivery(row.message_id, Outcome.accepted)
        recorded = record(
            unknown.connection,
            [(row.schedule_row_id, answer)],
            now=unknown.now,
            settings=unknown.settings,
            run_id=row.run_id,
        )
    assert recorded == Recorded()
    assert unknown.states(customer="C1") == {("C1", 1): "ready"}
