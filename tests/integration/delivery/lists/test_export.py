"""Lists for direct mail and outbound calls: extracted, marked, and gone on from."""

import json
from datetime import date, timedelta

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.latency import latency_of
from ekiden.delivery.lists import export_files
from ekiden.delivery.lists.exported import ExportRefused
from ekiden.delivery.pauses import SendingPaused, resume
from ekiden.schedule.errors import UnknownScenario
from ekiden.warehouse.dbt import manifest_path
from tests.integration.delivery.lists.exporting import CARD, export, lines_of
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop, by_force

pytestmark = pytest.mark.usefixtures("sound_ledger")

CALL = STEP | {"channel": "outbound_call"}


def test_a_list_is_extracted_marked_and_the_next_step_is_born(shop: Shop):
    shop.scenario(steps=[CARD, STEP | {"offset_days": 3}])
    shop.buyer("C1", postal_code="100-0001", address='東京都千代田区, "1-1"\n駅ビル')
    shop.plan()
    report = export(shop)
    (line,) = lines_of(report.file)
    assert (line["customer_id"], line["address"]) == ("C1", '東京都千代田区, "1-1"\n駅ビル')
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert shop.transitions("C1") == ["T1", "T11", "T1"]
    assert shop.execute("select channel_name, send_run_id from outreach.messages") == [("export", report.run_id)]


def test_a_list_counts_in_no_latency_of_messages(one_card: Shop):
    report = export(one_card)
    assert report.exported == 1
    assert latency_of(one_card.connection, [report.run_id]) is None


def test_exporting_again_takes_nothing_twice(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    assert export(shop).exported == 1
    second = export(shop)
    assert (second.exported, second.file) == (0, None)
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_only_due_cards_of_enabled_scenarios_are_extracted(shop: Shop):
    shop.scenario("card", steps=[CARD, CARD | {"offset_days": 3}])
    shop.scenario("off", steps=[CARD])
    shop.scenario("mail")
    shop.customer("C1")
    for model in ("card", "off", "mail"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    shop.scenario("off", steps=[CARD], status="disabled")
    shop.plan()
    export(shop)
    assert {(row.scenario_code, row.step_no): row.state for row in shop.rows()} == {
        ("card", 1): "sent",
        ("card", 2): "ready",
        ("off", 1): "ready",
        ("mail", 1): "ready",
    }
    assert export(shop).exported == 0  # the second card is due in two days


def test_a_late_list_is_still_a_list(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-25 10:00")
    assert export(shop).exported == 1


def test_one_scenario_or_channel_can_be_extracted_alone(shop: Shop):
    shop.scenario("one", steps=[CARD])
    shop.scenario("two", steps=[CARD])
    shop.scenario("call", steps=[CALL])
    shop.customer("C1")
    for code in ("one", "two", "call"):
        shop.eligible("C1", "2024-03-08", model=code)
    shop.plan()
    export(shop, "one")
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "sent", "two": "ready", "call": "ready"}
    export(shop, channel="outbound_call")
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "sent", "two": "ready", "call": "sent"}


@pytest.mark.parametrize(
    ("narrowed", "error", "message"),
    [
        ({"scenario": "nobody"}, UnknownScenario, "no scenario 'nobody'; known: follow_up"),
        ({"channel": "html_email"}, ExportRefused, "html_email is not exported; the channels of lists are dm"),
    ],
)
def test_what_cannot_be_on_a_list_is_refused(one_card: Shop, narrowed, error, message):
    with pytest.raises(error, match=message):
        export(one_card, **narrowed)
    assert one_card.states() == {("C1", 1): "ready"}


def test_a_held_card_is_not_extracted(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert export(shop).exported == 0


# --- the last look


def test_a_step_stopped_by_force_is_cancelled_instead(one_card: Shop):
    one_card.scenario(steps=[CARD | {"state": "force_stopped"}, CARD | {"offset_days": 3}])
    one_card.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    report = export(one_card)
    assert (report.exported, report.cancelled) == (0, 1)
    assert (one_card.row().state, one_card.row().reason) == ("cancelled", "force_stopped")
    assert one_card.enrolments() == {"C1": ("stopped", "force_stopped")}


def test_a_stop_that_came_true_since_the_morning_cancels(one_card: Shop):
    one_card.stop("C1", since=one_card.now, live_only=True)
    report = export(one_card)
    assert (report.exported, report.cancelled, report.file) == (0, 1, None)
    assert (one_card.row().state, one_card.row().reason) == ("cancelled", "stop_condition")
    assert one_card.enrolments() == {"C1": ("stopped", "stop_condition")}
    assert one_card.execute("select actor_kind from outreach.transitions where transition in ('T15', 'E3')") == [
        ("exporter",),
        ("exporter",),
    ]


def test_who_is_on_the_suppression_list_gets_no_letter_either(one_card: Shop):
    one_card.customer("C2")
    one_card.eligible("C2", "2024-03-08")
    one_card.plan()
    suppress(one_card, customer_id="C1")
    report = export(one_card)
    assert (report.exported, report.suppressed) == (1, 1)
    (line,) = lines_of(report.file)
    assert line["customer_id"] == "C2"
    assert (one_card.row(customer="C1").state, one_card.row(customer="C1").reason) == ("cancelled", "suppressed")
    assert one_card.enrolments()["C1"] == ("stopped", "step_not_sent")


def test_a_bounced_mail_address_and_the_newsletter_status_concern_no_letter(one_card: Shop):
    suppress(one_card, address="c1@shop.example")
    one_card.change_customer("C1", newsletter_status="none")
    assert export(one_card).exported == 1


def test_while_all_sending_is_paused_an_export_is_refused_and_says_how_to_go_on(one_card: Shop):
    pause(one_card)
    for narrowed in ({}, {"scenario": "follow_up"}):
        with pytest.raises(SendingPaused, match=r"paused: all sending, by y since .*: x\. To go on: ekiden resume"):
            export(one_card, **narrowed)
    assert one_card.states() == {("C1", 1): "ready"}
    assert one_card.execute("select count(*) from outreach.runs where kind = 'export'") == [(0,)]


def test_a_paused_scenario_is_left_alone_and_the_report_says_so(one_card: Shop):
    one_card.scenario("other", steps=[CARD])
    one_card.eligible("C1", "2024-03-08", model="other")
    one_card.plan()
    one_card.execute(
        "insert into outreach.sending_pauses (scenario_id, cause, reason, paused_by, paused_at)"
        " select scenario_id, 'operator', 'x', 'y', now() from outreach.scenarios where scenario_code = 'follow_up'"
    )
    with pytest.raises(SendingPaused, match="ekiden resume follow_up --reason WHY"):
        export(one_card, "follow_up")
    alone = export(one_card, channel="outbound_call")
    assert (alone.exported, alone.paused, len(alone.pauses)) == (0, 0, 1)
    report = export(one_card)
    assert (report.exported, report.paused) == (1, 1)
    assert [found.scenario_code for found in report.pauses] == ["follow_up"]
    assert one_card.row(scenario="follow_up").state == "ready"
    assert export(one_card, "other").pauses == ()


def test_a_pause_just_before_the_list_is_written_is_noticed(one_card: Shop, monkeypatch):
    finish_interrupted = export_files.finish_interrupted

    def finish_while_somebody_pauses(*arguments):
        pause(one_card)
        return finish_interrupted(*arguments)

    monkeypatch.setattr(export_files, "finish_interrupted", finish_while_somebody_pauses)
    with pytest.raises(SendingPaused):
        export(one_card)
    assert one_card.states() == {("C1", 1): "ready"}


def test_a_list_by_old_data_is_not_extracted_until_a_person_says_so(one_card: Shop):
    source = {
        "unique_id": "source.ekiden.raw.orders",
        **{"source_name": "raw", "name": "orders", "description": ""},
        "schema": "raw",
        "identifier": "orders",
        "loaded_at_field": "loaded_at",
        "freshness": {"error_after": {"count": 2, "period": "day"}},
    }
    path = manifest_path(one_card.settings)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"sources": {"orders": source}}), encoding="utf-8")
    with pytest.raises(SendingPaused, match=r"raw\.orders is empty"):
        export(one_card)
    assert one_card.states() == {("C1", 1): "ready"}
    resume(one_card.connection, None, reason="a quiet week", now=one_card.now, context=OPERATOR)
    assert export(one_card).exported == 1


def test_a_card_that_was_held_and_that_nobody_released_is_noticed_before_it_is_extracted(one_card: Shop):
    one_card.buyer("C2", "2024-03-01")
    one_card.plan()
    # due today, but later than now; a sender would claim nothing of it
    change = "update outreach.schedule_rows set state = %s, due_date = %s, send_at = %s where customer_id = 'C2'"
    by_force(one_card, change, "ready", date(2024, 3, 9), one_card.local("2024-03-09 12:00"))
    one_card.send()
    with pytest.raises(SendingPaused, match="held when it was born, and nobody released it"):
        export(one_card)
    assert one_card.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    by_force(one_card, change, "held", date(2024, 3, 2), None)


@pytest.mark.parametrize("scenario", [None, "follow_up"])
@pytest.mark.parametrize("paused", ["all sending", "follow_up"])
def test_a_pause_that_comes_while_the_list_is_written_undoes_it(one_card: Shop, monkeypatch, paused, scenario):
    write = export_files.write

    def write_while_somebody_pauses(*arguments):
        with connect(one_card.settings, autocommit=True) as another:
            pause(one_card, another, scenario=None if paused == "all sending" else paused)
        return write(*arguments)

    monkeypatch.setattr(export_files, "write", write_while_somebody_pauses)
    with pytest.raises(SendingPaused, match=f"paused: {paused}, by y since .*: x. To go on: ekiden resume"):
        export(one_card, scenario=scenario)
    assert one_card.states() == {("C1", 1): "ready"}
    assert one_card.execute("select outcome from outreach.runs where kind = 'export'") == [("failed",)]


def test_a_next_step_past_its_date_is_held(one_card: Shop):
    one_card.now += timedelta(days=30)
    export(one_card)
    assert one_card.states() == {("C1", 1): "sent", ("C1", 2): "held"}


def pause(shop: Shop, connection=None, scenario: str | None = None) -> None:
    (connection or shop.connection).execute(
        "insert into outreach.sending_pauses (scenario_id, cause, reason, paused_by, paused_at) values"
        " ((select scenario_id from outreach.scenarios where scenario_code = %s), 'operator', 'x', 'y', now())",
        (scenario,),
    )


def suppress(shop: Shop, *, customer_id: str | None = None, address: str | None = None) -> None:
    shop.execute(
        "insert into outreach.suppression_list (customer_id, address, reason, source, suppressed_at)"
        " values (%s, %s, 'do_not_deliver', 'test', now())",
        customer_id,
        address,
    )
