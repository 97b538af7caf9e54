"""What events do to the ledger and the suppression list: once, in any order, told however often."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg import Connection

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.events.drain import REQUESTS_AT_ONCE, Drained, drain, forget_bodies, waiting
from ekiden.delivery.events.providers import Provider
from ekiden.delivery.events.status_reading import kept_body
from ekiden.delivery.pauses import open_pauses
from ekiden.schedule.runs import RunContext
from ekiden.webhook.requests import keep_request, request_counts
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import broken_invariants
from tests.integration.webhook.provider import body_of, event

DRAINER = RunContext("webhook")
CUSTOMERS = ("C1", "C2", "C3", "C4")


@pytest.fixture
def unknown(shop: Shop) -> Shop:
    """Four messages were posted, and nobody knows what became of them."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    for customer in CUSTOMERS:
        shop.buyer(customer)
        shop.channel.answers[f"{customer.lower()}@shop.example"] = Outcome.unknown
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert set(shop.states().values()) == {"sending"}
    shop.now += timedelta(minutes=1)
    return shop


@contextmanager
def taken_back(shop: Shop) -> Iterator[None]:
    """Whatever happens within is undone at the end."""
    with shop.connection.transaction(force_rollback=True):
        yield


def message(shop: Shop, customer: str) -> UUID:
    return next(row.message_id for row in shop.rows(customer=customer) if row.step_no == 1)


def told(shop: Shop, customer: str, kind: str, *, after: int = 0, **fields: Any) -> dict[str, Any]:
    fields = {"email": f"{customer.lower()}@shop.example", "sg_message_id": "provider.filter1", **fields}
    return event(kind, shop.now + timedelta(seconds=after), message(shop, customer), **fields)


def keep(connection: Connection[Any], body: bytes, shop: Shop) -> bool:
    return keep_request(connection, body, signed_at=shop.now, received_at=shop.now, provider=Provider.SENDGRID)


def receive(shop: Shop, *events: dict[str, Any]) -> bool:
    return keep(shop.connection, body_of(*events), shop)


def take_in(shop: Shop, *events: dict[str, Any]) -> Drained:
    receive(shop, *events)
    return drained(shop)


def drained(shop: Shop, **limits: int) -> Drained:
    return drain(shop.connection, settings=shop.settings, clock=lambda: shop.now, context=DRAINER, **limits)


def test_whatever_is_told_of_a_message_shows_that_it_was_accepted(unknown: Shop):
    for kind in ("processed", "deferred", "delivered", "open", "click", "bounce", "spamreport"):
        with taken_back(unknown):
            done = take_in(unknown, told(unknown, "C1", kind))
            assert (kind, done.sent, done.failed) == (kind, 1, 0)
            assert unknown.states(customer="C1") == {("C1", 1): "sent", ("C1", 2): "ready"}
            assert unknown.execute("select message_id, provider_message_id from outreach.messages") == [
                (message(unknown, "C1"), "provider")
            ]
            assert unknown.states(customer="C2") == {("C2", 1): "sending"}
            assert broken_invariants(unknown.connection) == {}


def test_a_drop_shows_that_it_was_not_and_it_is_not_tried_again(unknown: Shop):
    done = take_in(unknown, told(unknown, "C1", "dropped", reason="Bounced Address"))
    assert (done.sent, done.failed, done.suppressed) == (0, 1, 1)
    row = unknown.row(customer="C1")
    assert (row.state, row.reason) == ("failed", "the provider dropped it: Bounced Address")
    unknown.now += timedelta(days=1)
    unknown.send()
    assert unknown.row(customer="C1").state == "failed"
    take_in(unknown, told(unknown, "C2", "dropped"))
    assert unknown.row(customer="C2").reason == "the provider dropped it: it does not say why"


def test_a_drop_of_an_earlier_attempt_says_nothing_of_the_present_one(unknown: Shop):
    early = event("dropped", unknown.now - timedelta(hours=1), message(unknown, "C1"), reason="Spam Content")
    assert take_in(unknown, early).failed == 0
    assert unknown.row(customer="C1").state == "sending"
    assert waiting(unknown.connection).told_outcomes == 0


def test_a_drop_that_was_known_before_a_person_tried_again_says_nothing_of_that_try(unknown: Shop):
    take_in(unknown, told(unknown, "C1", "dropped", reason="Spam Content"))
    unknown.now += timedelta(seconds=10)
    unknown.operate("retry", customer="C1", reason="other words")
    unknown.send()
    assert drained(unknown).failed == 0
    assert unknown.row(customer="C1").state == "sending"
    assert waiting(unknown.connection).told_outcomes == 0
    # of this very second, and news
    assert take_in(unknown, told(unknown, "C1", "dropped", after=1, reason="Spam Content")).failed == 1


def test_an_event_that_comes_before_our_own_record_waits_until_the_attempt_is_unknown(shop: Shop):
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.channel.answers["c1@shop.example"] = Outcome.unknown

    def tell_early() -> None:
        with connect(shop.settings, autocommit=True) as other:
            other.execute("set jit = off")
            body = body_of(event("delivered", shop.now, message(shop, "C1")))
            keep(other, body, shop)
            done = drain(other, settings=shop.settings, clock=lambda: shop.now, context=DRAINER)
            # its sender is at it
            assert (done.new_events, done.sent) == (1, 0)

    shop.channel.before_answering = tell_early
    shop.send()
    assert shop.row().state == "sending"
    assert waiting(shop.connection).told_outcomes == 1
    assert drained(shop).sent == 1
    assert shop.row().state == "sent"


def test_an_event_that_comes_before_an_acceptance_is_recorded_does_not_disturb_it(shop: Shop):
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")

    def tell_early() -> None:
        with connect(shop.settings, autocommit=True) as other:
            body = body_of(event("processed", shop.now, message(shop, "C1")))
            keep(other, body, shop)
            drain(other, settings=shop.settings, clock=lambda: shop.now, context=DRAINER)

    shop.channel.before_answering = tell_early
    assert shop.send().counts.sent == 1
    assert broken_invariants(shop.connection) == {}


OBJECTIONS = [
    # kind, fields, reason by address, reason by customer
    ("unsubscribe", {}, "unsubscribed", "unsubscribed"),
    ("spamreport", {}, "complained", "complained"),
    ("bounce", {"type": "bounce"}, "bounced", None),
    ("bounce", {"type": "blocked"}, None, None),
    ("bounce", {}, None, None),
    ("dropped", {"reason": "Bounced Address"}, "bounced", None),
    ("dropped", {"reason": "Unsubscribed Address"}, "unsubscribed", "unsubscribed"),
    ("dropped", {"reason": "Spam Reporting Address"}, "complained", "complained"),
    ("dropped", {"reason": "Invalid"}, "invalid_address", None),
    ("dropped", {"reason": "Invalid SMTPAPI header"}, None, None),
    ("dropped", {"reason": "Spam Content"}, None, None),
    ("deferred", {"response": "451 later"}, None, None),
    ("group_resubscribe", {"asm_group_id": 7}, None, None),
    ("group_unsubscribe", {"asm_group_id": 7}, None, None),
    ("open", {}, None, None),
]


def test_only_what_forbids_writing_is_put_on_the_suppression_list(unknown: Shop):
    for kind, fields, by_address, by_customer in OBJECTIONS:
        with taken_back(unknown):
            take_in(unknown, told(unknown, "C1", kind, **fields))
            found = unknown.execute("select customer_id, address, reason from outreach.suppression_list order by 1, 2")
        wanted = [("C1", None, by_customer)] if by_customer else []
        wanted += [(None, "c1@shop.example", by_address)] if by_address else []
        assert (kind, fields, found) == (kind, fields, wanted)


def test_who_leaves_a_group_has_opted_out_of_its_site_or_of_all_mail(unknown: Shop):
    unknown.settings = unknown.settings.model_copy(update={"sendgrid_groups": {7: "wine.example"}})
    leaving = [told(unknown, "C1", "group_unsubscribe", asm_group_id=7)]
    leaving += [told(unknown, "C2", "group_unsubscribe", asm_group_id=8), told(unknown, "C3", "group_resubscribe")]
    assert take_in(unknown, *leaving).opted_out == 2
    found = unknown.execute("select customer_id, address, channel, site, source from outreach.opt_outs order by 1")
    assert found == [
        ("C1", "c1@shop.example", "mail", "wine.example", "sendgrid"),
        ("C2", "c2@shop.example", "mail", None, "sendgrid"),
    ]


@pytest.mark.parametrize("groups", [(7, 8), (8, 7)])
def test_who_leaves_two_groups_in_one_second_has_left_both_however_that_is_told(unknown: Shop, groups: tuple[int, ...]):
    unknown.settings = unknown.settings.model_copy(update={"sendgrid_groups": {7: "wine.example", 8: "tea.example"}})
    for number in groups:
        take_in(unknown, told(unknown, "C1", "group_unsubscribe", asm_group_id=number))
    take_in(unknown, *(told(unknown, "C2", "group_unsubscribe", asm_group_id=number) for number in groups))
    found = unknown.execute("select customer_id, site from outreach.opt_outs order by 1, 2")
    assert found == [(customer, site) for customer in ("C1", "C2") for site in ("tea.example", "wine.example")]


def test_an_entry_that_a_person_took_off_the_list_is_not_put_back_by_a_redelivery(unknown: Shop):
    bounce = told(unknown, "C1", "bounce", type="bounce", reason="550 no such user", sg_event_id="1")
    take_in(unknown, bounce)
    unknown.execute("delete from outreach.suppression_list")
    assert take_in(unknown, {**bounce, "sg_event_id": "2"}).new_events == 0
    assert unknown.execute("select 1 from outreach.suppression_list") == []


def test_a_redelivery_that_brings_the_address_is_what_suppresses_it_and_once(unknown: Shop):
    bounce = told(unknown, "C1", "bounce", type="bounce", reason="550 no such user")
    assert take_in(unknown, {**bounce, "email": None}).suppressed == 0
    done = take_in(unknown, bounce)
    assert (done.new_events, done.suppressed) == (0, 1)
    unknown.execute("delete from outreach.suppression_list")
    assert take_in(unknown, {**bounce, "sg_event_id": "again"}).suppressed == 0


def test_entries_of_other_sources_stay_as_they_are(unknown: Shop):
    unknown.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('c1@shop.example', 'do_not_deliver', 'a person', '2030-01-01')"
    )
    take_in(unknown, told(unknown, "C1", "unsubscribe"))
    found = unknown.execute("select reason from outreach.suppression_list where address is not null")
    assert found == [("do_not_deliver",)]


STATUSES = {"compliance_suspend": True, "compliance_deactivate": True, "activated": False, None: True, "new": True}


def test_an_account_that_may_have_been_stopped_pauses_all_sending(unknown: Shop):
    for status, stops in STATUSES.items():
        with taken_back(unknown):
            change = event("account_status_change", unknown.now, type=status)
            take_in(unknown, change)
            take_in(unknown, {**change, "sg_event_id": "again"})
            pauses = [(each.scenario_code, each.cause) for each in open_pauses(unknown.connection)]
        assert (status, pauses) == (status, [(None, "provider")] if stops else [])


def test_one_event_told_46_times_with_other_ids_and_without_is_one(unknown: Shop):
    opened = told(unknown, "C1", "open")
    for n in range(23):
        receive(unknown, {**opened, "sg_event_id": f"id-{n}", "category": ["a"]})
        receive(unknown, {**opened, "category": "a", "padding": n})
    done = drained(unknown)
    assert (done.requests, done.events, done.new_events) == (46, 46, 1)
    ((ids,),) = unknown.execute("select provider_event_ids from outreach.delivery_events")
    assert len(ids) == 23


def test_events_of_messages_that_are_not_ours_are_kept_and_counted(unknown: Shop):
    strange = event("delivered", unknown.now, "6a0f3c1e-0f0f-4a7b-9a39-0a4c7b2d1e11", email="x@other.example")
    nameless = event("open", unknown.now, sg_message_id="other", email="y@other.example")
    odd = event("a new kind of event", unknown.now, "not an id")
    assert take_in(unknown, strange, nameless, odd).new_events == 3
    assert request_counts(unknown.connection).strangers == 3
    assert unknown.execute("select count(*) from outreach.delivery_events where customer_id is not null") == [(0,)]


def test_events_of_the_notice_to_the_administrator_are_of_no_stranger(unknown: Shop):
    ((notice,),) = unknown.execute(
        "insert into outreach.admin_notices (to_address, channel_name, noted_at)"
        " values ('staff@shop.example', 'sendgrid', %s) returning message_id",
        unknown.now,
    )
    fields = {"email": "staff@shop.example", "sg_message_id": "notice.filter1"}
    stranger = event("open", unknown.now, sg_message_id="other", email="y@other.example")
    take_in(unknown, event("delivered", unknown.now, notice, **fields), stranger)
    counts = request_counts(unknown.connection)
    assert (counts.events, counts.strangers) == (2, 1)


def test_bad_elements_are_counted_and_the_others_taken_in(unknown: Shop):
    odd = {"event": "click", "timestamp": int(unknown.now.timestamp()), "url": "x\x00y" + "長い" * 5000}
    done = take_in(unknown, told(unknown, "C1", "open"), {"event": "open"}, odd)
    assert (done.new_events, done.unreadable) == (2, 1)
    assert request_counts(unknown.connection).unreadable_events == 1


def test_a_link_cut_within_a_character_keeps_no_other_event_of_its_request_out(unknown: Shop):
    body = body_of(told(unknown, "C1", "click", url="CUT"), told(unknown, "C2", "spamreport"))
    keep(unknown.connection, body.replace(b"CUT", rb"https://shop.example/\ud83d"), unknown)
    done = drained(unknown)
    assert (done.new_events, done.suppressed, done.unreadable) == (2, 2, 0)


def test_an_open_by_a_machine_is_marked_whichever_telling_says_so(unknown: Shop):
    opened = told(unknown, "C1", "open")
    take_in(unknown, opened)
    take_in(unknown, {**opened, "sg_machine_open": True})
    take_in(unknown, {**opened, "sg_machine_open": False})
    assert unknown.execute("select is_machine from outreach.delivery_events") == [(True,)]


def test_builds_hear_of_opens_and_clicks_by_people_and_of_nothing_else(unknown: Shop):
    unknown.execute("delete from raw.customer_changes")
    take_in(
        unknown,
        told(unknown, "C1", "open"),
        told(unknown, "C2", "open", sg_machine_open=True),
        told(unknown, "C3", "click", url="https://shop.example"),
        told(unknown, "C4", "delivered"),
        event("open", unknown.now, sg_message_id="a stranger's"),
    )
    heard = unknown.execute("select customer_id from raw.customer_changes where facts = 'shop' order by 1")
    assert heard == [("C1",), ("C3",)]


def test_two_drainers_at_once_take_everything_in_once(unknown: Shop):
    receive(unknown, told(unknown, "C1", "open"))
    with connect(unknown.settings, autocommit=True) as other, other.transaction():
        other.execute("select 1 from outreach.webhook_requests for update")
        # the other is at it: nothing to wait for
        assert drained(unknown) == Drained()
    assert drained(unknown).new_events == 1


def test_a_provider_with_many_requests_keeps_no_other_waiting(unknown: Shop):
    for n in range(REQUESTS_AT_ONCE + 1):
        receive(unknown, told(unknown, "C1", "open", after=n))
    status = urlencode({"MessageStatus": "delivered", "MessageSid": "SM1"}).encode()
    body = kept_body(message(unknown, "C2"), status)
    keep_request(unknown.connection, body, signed_at=unknown.now, received_at=unknown.now, provider=Provider.TWILIO)
    done = drained(unknown, most_requests=REQUESTS_AT_ONCE)
    assert (done.requests, done.sent) == (REQUESTS_AT_ONCE + 1, 2)
    assert waiting(unknown.connection).requests == 1


def test_a_drain_that_fails_leaves_everything_to_the_next(unknown: Shop, monkeypatch: pytest.MonkeyPatch):
    receive(unknown, told(unknown, "C1", "unsubscribe"))
    with monkeypatch.context() as patch:
        patch.setattr("ekiden.delivery.events.drain.opt_out", _broken)
        with pytest.raises(psycopg.OperationalError):
            drained(unknown)
    assert unknown.execute("select 1 from outreach.delivery_events") == []
    assert drained(unknown).suppressed == 2


def _broken(*_: object, **__: object) -> int:
    raise psycopg.OperationalError("the database went away")


def test_bodies_are_forgotten_after_a_while_and_what_they_told_is_not(unknown: Shop):
    opened = told(unknown, "C1", "open")
    take_in(unknown, opened)
    unknown.now += timedelta(days=30, seconds=1)
    receive(unknown, told(unknown, "C2", "open"))
    assert forget_bodies(unknown.connection, settings=unknown.settings, now=unknown.now) == 1
    assert unknown.execute("select count(*) from outreach.delivery_events") == [(1,)]
    # a request that is forgotten is known all the same
    assert receive(unknown, opened) is False


def test_a_body_that_was_not_read_yet_is_kept_however_old_it_is(unknown: Shop):
    receive(unknown, told(unknown, "C1", "delivered"))
    unknown.now += timedelta(days=365)
    assert forget_bodies(unknown.connection, settings=unknown.settings, now=unknown.now) == 0
    assert drained(unknown).sent == 1


def snapshot(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that events lead to, without numbers and what only says when we heard of it.

    Nor what an opt-out has from the telling that came first: its time, its reason, its message.
    """
    return {
        "events": shop.execute(
            "select event_key, message_id, customer_id, kind, happened_at, about, address, is_machine, group_id,"
            " smtp_status, provider_message_id, provider_event_ids from outreach.delivery_events order by event_key"
        ),
        "suppressions": shop.execute(
            "select customer_id, address, reason, source, suppressed_at from outreach.suppression_list order by 1, 2"
        ),
        "opt_outs": shop.execute(
            "select customer_id, address, channel, site from outreach.opt_outs order by 1, 2, 3, 4"
        ),
        "rows": shop.execute(
            "select customer_id, step_no, state, reason, send_at, sent_at from outreach.schedule_rows order by 1, 2"
        ),
        "attempts": shop.execute("select schedule_row_id, attempt_no, outcome from outreach.attempts order by 1, 2"),
        "messages": shop.execute("select message_id, sent_at, to_address from outreach.messages order by 1"),
        "enrolments": shop.execute("select customer_id, state, exit_reason from outreach.enrolments order by 1"),
        "pauses": shop.execute("select distinct cause, reason from outreach.sending_pauses order by 2"),
    }


def tellings(shop: Shop) -> list[dict[str, Any]]:
    """Coherent stories of four messages and a stranger's, each told several times with other ids, or without."""
    facts = [
        told(shop, "C1", "processed"),
        told(shop, "C1", "delivered", after=2),
        told(shop, "C1", "open", after=9),
        told(shop, "C1", "click", after=9, url="https://shop.example/a"),
        told(shop, "C1", "click", after=9, url="https://shop.example/b"),
        told(shop, "C2", "dropped", after=1, reason="Bounced Address"),
        told(shop, "C3", "deferred", after=3, response="451 later"),
        told(shop, "C3", "bounce", after=4, type="blocked", reason="550 not today"),
        told(shop, "C3", "bounce", after=8, type="bounce", reason="550 unknown"),
        told(shop, "C3", "unsubscribe", after=6),
        told(shop, "C3", "spamreport", after=7),
        told(shop, "C4", "group_unsubscribe", after=5, asm_group_id=7),
        told(shop, "C4", "group_unsubscribe", after=6, asm_group_id=7),
        event("bounce", shop.now, sg_message_id="other", email="x@other.example", type="bounce"),
        event("account_status_change", shop.now, type="compliance_suspend"),
    ]
    again = [{**fact, "sg_event_id": f"again-{n}"} for n, fact in enumerate(facts)]
    bare = [{name: value for name, value in fact.items() if name != "sg_message_id"} for fact in facts[:13]]
    nameless = [{**facts[2], "sg_machine_open": True, "email": None}, {**facts[5], "email": None}]
    return [*facts, *again, *bare, *nameless]


@examples(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_splits_and_repetitions_of_the_same_tellings_lead_to_the_same_tables(
    unknown: Shop, data: st.DataObject
):
    everything = tellings(unknown)
    with taken_back(unknown):
        take_in(unknown, *everything)
        wanted = snapshot(unknown)
    order = data.draw(st.permutations(everything + data.draw(st.lists(st.sampled_from(everything), max_size=8))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=6)))
    drains_between = data.draw(st.booleans())
    with taken_back(unknown):
        for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
            if drains_between:
                take_in(unknown, *order[begin:end])
            else:
                receive(unknown, *order[begin:end])
        drained(unknown)
        assert snapshot(unknown) == wanted
