"""`ekiden timeline`: one person's orders, entries, plans, decisions, holds, sends and events, with the reasons."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from psycopg import sql

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutFilter, opt_out, withdraw
from ekiden.insights.customers import UnknownCustomer
from ekiden.insights.timeline import Timeline, TimelineFilter, timeline, timeline_query
from ekiden.schedule.errors import UnknownScenario
from tests.integration.ledger_fixtures import OPERATOR, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def told(shop: Shop, customer: str = "C1", **options) -> Timeline:
    return timeline(shop.connection, customer, zone=shop.settings.zone, **{"oldest_first": True, **options})


def sentences(found: Timeline) -> list[str]:
    return [entry.what for entry in found.entries]


FACTS = """
insert into raw.products (product_id, product_name) values ('A', '葡萄 [red]');
insert into raw.orders (order_id, customer_id, ordered_at, status, cancelled_at, kind, continuation_no)
values
('O1', 'C1', '2024-03-01 10:00+09', 'cancelled', '2024-03-02 10:00+09', 'one_off', null),
('O2', 'C1', '2024-03-03 10:00+09', 'shipped', null, 'subscription', 3);
insert into raw.order_lines (order_id, line_no, product_id, quantity)
select 'O2', line_no, case line_no when 1 then 'A' else 'B' end, 1.50 from generate_series(1, 7) as line_no;
insert into raw.subscriptions (subscription_id, customer_id, product_id, started_at, cancelled_at, cancel_reason)
values ('S1', 'C1', 'A', '2024-03-03 11:00+09', '2024-03-04 11:00+09', 'price');
insert into raw.customer_events (event_id, customer_id, event_type, event_at, product_id)
values ('E1', 'C1', 'viewed', '2024-03-04 12:00+09', 'A');
insert into raw.customer_tags (customer_id, tag, granted_at) values ('C1', 'vip', '2024-03-04 13:00+09');
insert into raw.list_members (list_code, customer_id, added_at) values ('spring', 'C1', '2024-03-04 14:00+09');
insert into raw.customer_history (customer_id, field, changed_at, value) values
('C1', 'newsletter_status', '2023-01-01 00:00+00', 'both'), ('C1', 'newsletter_status', '2024-03-04 15:00+09', 'none');
insert into outreach.suppression_list (address, reason, source, suppressed_at)
values ('c1@shop.example', 'unsubscribed', 'sendgrid', '2024-03-04 16:00+09');
"""


def test_what_happened_in_the_shop_is_told_in_order_of_time(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.execute(FACTS)
    found = told(shop)
    assert sentences(found) == [
        "registered as a member",
        "order O1: nothing",
        "order O1 cancelled",
        "order O2 (subscription, delivery 3): 1.5 x 葡萄 [red], 1.5 x B, 1.5 x B, 1.5 x B, 1.5 x B and 2 more lines",
        "subscription S1 to 葡萄 [red] started",
        "subscription S1 to 葡萄 [red] cancelled",
        "viewed 葡萄 [red]",
        "was given the tag vip",
        "was put on the list spring",
        "newsletter status: both → none",
        "put on the suppression list: the address c…@shop.example",
    ]
    assert [entry.why for entry in found.entries if entry.why] == ["price", "unsubscribed, told by sendgrid"]
    assert {entry.by for entry in found.entries} == {None}


def test_what_stands_against_any_of_the_customers_addresses_is_told_however_it_is_written(shop: Shop):
    shop.scenario()
    shop.customer("C1", email="Hanako@駅田.example", phone="090-1234-5678", line_user_id="Uabc")
    against = [NewOptOut(address=each) for each in ("hanako@xn--rny739e.example", "090-1234-5678", "uabc")]
    opt_out(shop.connection, against, source="command", now=shop.now, recorded_by="hanako")
    assert [entry.kind for entry in told(shop).entries].count("opted_out") == len(against)


def test_a_held_row_is_told_from_its_plan_to_its_message(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("release", customer="C1")
    shop.at("2024-03-09 12:00")
    shop.send()
    found = told(shop, chosen=TimelineFilter(scenario="follow_up"))
    message = shop.row().message_id
    assert [(entry.what, entry.by) for entry in found.entries[1:]] == [
        ("entered by ordered: order O-C1-2024-03-01, version 1", "planning: schedule"),
        ("step 1, due 2024-03-02, planned and held", "planning: schedule"),
        ("step 1 released", "a person: hanako@shop.example"),
        (f"step 1 sent to c…@shop.example through recording, message {message}", "sending: sensor"),
        ("went through to the end", "sending: sensor"),
    ]
    assert found.entries[2].why == ("the step was due before the day on which its row was made: it waits for a release")
    assert "c1@shop.example" in sentences(told(shop, unmask=True))[-2]


def test_why_somebody_did_not_enter_is_told(shop: Shop):
    shop.scenario()
    shop.buyer("C1", duplicate_status="unconfirmed")
    shop.scenario("first", priority=1, multi_delivery=False)
    shop.scenario("second", priority=2, multi_delivery=False)
    shop.customer("C2")
    for model in ("first", "second"):
        shop.eligible("C2", "2024-03-08", model=model)
    shop.plan()
    (entry,) = (entry for entry in told(shop, "C2").entries if entry.kind == "decision")
    assert (entry.scenario_code, entry.what) == ("second", "did not enter")
    assert entry.why == "a scenario of better priority had the customer as a candidate as well: first"


def test_failures_skips_stops_and_deletions_have_their_reasons(shop: Shop):
    shop.scenario()
    for customer, anchored in (("C1", "2024-03-08"), ("C2", "2024-03-08"), ("C3", "2024-03-08"), ("C4", "2024-03-08")):
        shop.buyer(customer, anchored)
    shop.plan()
    shop.channel.answers = {"c1@shop.example": Outcome.not_sent}
    shop.change_customer("C2", newsletter_status="none")
    shop.stop("C3", since=shop.now, live_only=True)
    shop.operate("delete", customer="C4", reason="お客様の希望")
    shop.at("2024-03-09 12:00")
    shop.send()
    last = {
        customer: [(entry.what, entry.why) for entry in told(shop, customer).entries if entry.kind == "step"][-1]
        for customer in ("C1", "C2", "C3", "C4")
    }
    assert last["C1"][0] in {"step 1: sending failed, surely nothing was sent", "step 1 is to be sent again"}
    failed = next(entry for entry in told(shop, "C1").entries if entry.what.startswith("step 1: sending failed"))
    assert failed.why == "it said not_sent"
    assert last["C2"] == ("step 1 not sent: skipped", "the customer's newsletter status did not admit it")
    assert last["C3"] == ("step 1 cancelled", "a stop condition came true")
    assert last["C4"] == ("step 1 deleted", "お客様の希望")


def test_of_two_tries_that_failed_each_says_what_the_provider_said_of_it(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    for outcome in (Outcome.not_sent, Outcome.refused):
        shop.channel.answers = {"c1@shop.example": outcome}
        shop.send()
        shop.now = shop.row().send_at or shop.now
    failures = [entry.why for entry in told(shop).entries if entry.what.startswith("step 1: sending failed")]
    assert failures == ["it said not_sent", "it said refused"]


def test_a_person_is_told_in_their_own_words(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("release", customer="C1", reason="店長がOKと言った 100%")
    shop.operate("hold", customer="C1", reason="写真が違う")
    shop.operate("block", customer="C1", reason="返品")
    told_of_steps = [(entry.what, entry.why) for entry in told(shop).entries if entry.kind == "step"]
    assert told_of_steps[1:] == [
        ("step 1 released", "店長がOKと言った 100%"),
        ("step 1 held", "a person held it: 写真が違う"),
        ("step 1 blocked: never again in this scenario", "返品"),
    ]


def test_words_of_the_shop_or_of_a_person_stay_theirs_also_where_they_are_a_rules_name(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.execute(FACTS.replace("'price'", "'operator'"))
    shop.plan()
    against = NewOptOut(customer_id="C1", reason="deleted")
    opt_out(shop.connection, [against], source="command", now=shop.now, recorded_by="hanako")
    withdraw(shop.connection, OptOutFilter(customer_id="C1"), now=shop.now, context=OPERATOR, reason="deleted")
    shop.operate("release", customer="C1", reason="due")
    shop.operate("hold", customer="C1", reason="sent")
    shop.operate("delete", customer="C1", reason="finished")
    whys = {entry.what: entry.why for entry in told(shop).entries}
    assert whys["subscription S1 to 葡萄 [red] cancelled"] == "operator"
    assert whys["opted out of every message"] == "told by command: deleted"
    assert whys["opted in again to every message"] == "deleted"
    # what the ledger says itself has its sentence
    assert whys["step 1, due 2024-03-02, planned and held"].startswith("the step was due before the day")
    assert whys["step 1 released"] == "due"
    assert whys["step 1 held"] == "a person held it: sent"
    assert whys["step 1 deleted"] == "finished"


def test_it_is_narrowed_by_days_scenario_and_number_from_either_end(shop: Shop):
    shop.scenario()
    shop.scenario("other")
    shop.buyer("C1")
    shop.eligible("C1", "2024-03-08", model="other")
    shop.plan()
    everything = told(shop)
    assert {entry.scenario_code for entry in everything.entries} == {None, "follow_up", "other"}
    narrowed = told(shop, chosen=TimelineFilter(scenario="other"))
    assert {entry.scenario_code for entry in narrowed.entries} == {None, "other"}
    today = shop.now.astimezone(shop.settings.zone).date()
    assert told(shop, chosen=TimelineFilter(today, today)).total == everything.total - 1
    assert told(shop, chosen=TimelineFilter(last_day=today.replace(day=8))).total == 1
    assert told(shop, chosen=TimelineFilter(date.min, date.max)).total == everything.total
    newest = told(shop, oldest_first=False, limit=1)
    assert (newest.total, newest.entries) == (everything.total, everything.entries[-1:])
    assert told(shop, oldest_first=False, limit=None).entries == everything.entries[::-1]


def test_of_a_day_whose_first_hour_is_shown_twice_both_are_its_own(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.execute(
        "insert into raw.customer_events (event_id, customer_id, event_type, event_at)"
        " select at::text, 'C1', 'viewed', at from unnest(%s::timestamptz[]) as at",
        ["2024-11-02 23:30-04", "2024-11-03 00:30-04", "2024-11-03 00:30-05"],
    )

    def events(first: date | None, last: date | None) -> int:
        found = timeline(shop.connection, "C1", zone=ZoneInfo("America/Havana"), chosen=TimelineFilter(first, last))
        return sum(entry.what.startswith("viewed") for entry in found.entries)

    changes = date(2024, 11, 3)
    assert (events(changes, changes), events(None, date(2024, 11, 2))) == (2, 1)


def test_who_left_the_shop_is_told_of_as_long_as_the_ledger_knows_them(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('c1@shop.example', 'bounced', 'sendgrid', %s)",
        shop.now,
    )
    before = sentences(told(shop))
    shop.execute("delete from raw.customers where customer_id = 'C1'")
    after = told(shop)
    assert (after.in_shop, sentences(after)) == (False, [what for what in before if what != "registered as a member"])
    assert any("sent to" in what for what in sentences(after))
    assert told(shop, chosen=TimelineFilter(first_day=date(2025, 1, 1))).entries == ()


def test_unknown_customers_and_scenarios_are_refused(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.plan()
    with pytest.raises(UnknownCustomer, match="no customer 'nobody'"):
        told(shop, "nobody")
    with pytest.raises(UnknownScenario, match="known: follow_up"):
        told(shop, chosen=TimelineFilter(scenario="none"))


def test_a_large_ledger_and_a_large_shop_are_only_read_by_index(shop: Shop):
    """Whether each table has an index for the question; which of two plans is cheaper is a matter of statistics."""
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    query = timeline_query(oldest_first=True)
    parameters = {"customer_id": "C1", "begins": None, "ends": None, "scenario_code": None, "limit": 100}
    parameters["addresses"] = ["c1@shop.example"]
    shop.execute("set enable_seqscan = off")
    rows = shop.connection.execute(sql.SQL("explain (format json) ") + query, parameters).fetchall()
    shop.execute("reset enable_seqscan")
    scanned = {node["Relation Name"] for node in _nodes(rows[0][0][0]["Plan"]) if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"scenarios", "suppression_list"}


def _nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def test_who_was_turned_away_on_several_missed_days_did_not_enter_on_each_of_them(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    for day in ("2024-03-06", "2024-03-07", "2024-03-08"):
        shop.eligible("C1", day, entry="{}")
    shop.plan("2024-03-07", "2024-03-09")
    assert sorted(entry.what for entry in told(shop).entries if entry.kind == "decision") == [
        "did not enter",
        "did not enter on 2024-03-07",
        "did not enter on 2024-03-08",
    ]
