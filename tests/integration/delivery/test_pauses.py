"""Pausing and resuming: what stops at once, what goes on, what becomes of what waited, and what is kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from ekiden.database.connection import connect
from ekiden.delivery.lists.export import export_due
from ekiden.delivery.pauses import (
    Cause,
    SendingPaused,
    open_pauses,
    pause,
    pause_history,
    refuse_if_paused,
    resume,
)
from ekiden.delivery.sending.due import due_now
from ekiden.insights.status import deployment_status
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.scenarios.registry import synchronise
from ekiden.schedule.errors import ReasonMissing, UnknownScenario
from ekiden.schedule.runs import RunContext
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

NOON = "2024-03-09 12:00"


def two_scenarios(shop: Shop, *customers: str) -> Shop:
    """Each customer is due at noon in `mail` and in `other`; the clock stands at noon."""
    for code in ("mail", "other"):
        shop.scenario(code)
    for customer in customers:
        shop.customer(customer)
        for code in ("mail", "other"):
            shop.eligible(customer, "2024-03-08", model=code)
    shop.plan()
    shop.at(NOON)
    return shop


def stop(shop: Shop, scenario: str | None = None, reason: str = "a wrong price"):
    return pause(shop.connection, scenario, reason=reason, now=shop.now, context=OPERATOR)


def go_on(shop: Shop, scenario: str | None = None):
    return resume(shop.connection, scenario, reason="the price is right", now=shop.now, context=OPERATOR)


def sent(shop: Shop) -> list[str]:
    return sorted(message.scenario_code for message in shop.channel.messages)


def test_while_all_sending_is_paused_nothing_is_claimed_and_the_run_says_why(shop: Shop):
    two_scenarios(shop, "C1")
    stop(shop)
    with pytest.raises(SendingPaused, match=r"paused: all sending, by hanako@shop\.example since .*: a wrong price"):
        shop.send()
    assert due_now(shop.connection, now=shop.now, step_channels=MAIL_CHANNELS) == []
    assert {row.state for row in shop.rows()} == {"ready"}
    ((outcome, summary),) = shop.execute("select outcome, summary from outreach.runs where kind = 'send'")
    assert outcome == "failed"
    assert "ekiden resume --reason WHY" in summary["error"]


def test_a_pause_of_one_scenario_lets_the_others_go(shop: Shop):
    two_scenarios(shop, "C1", "C2")
    stop(shop, "mail")
    report = shop.send()
    assert sent(shop) == ["other", "other"]
    assert [found.scenario_code for found in report.pauses] == ["mail"]
    go_on(shop, "mail")
    assert shop.send().counts.sent == 2
    assert sent(shop) == ["mail", "mail", "other", "other"]


def test_a_running_sender_stops_with_its_next_claim(shop: Shop):
    two_scenarios(shop, "C1", "C2", "C3")
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": 2})
    # the provider has the first batch when the person presses the button
    shop.channel.before_answering = lambda: stop(shop)
    report = shop.send()
    assert (report.counts.sent, len(report.pauses)) == (2, 1)
    assert sorted(row.state for row in shop.rows()) == ["ready"] * 4 + ["sent"] * 2


def test_what_is_paused_while_a_batch_is_composed_is_left_as_it_was(shop: Shop, monkeypatch):
    two_scenarios(shop, "C1")
    from ekiden.delivery.sending import send  # noqa: PLC0415 - only to interrupt it

    original = send.compose_all

    def pressed_meanwhile(*arguments):
        with connect(shop.settings, autocommit=True) as somebody:
            pause(somebody, "mail", reason="wrong picture", now=shop.now, context=OPERATOR)
        return original(*arguments)

    monkeypatch.setattr(send, "compose_all", pressed_meanwhile)
    counts = shop.send().counts
    assert (counts.claimed, counts.sent, counts.paused) == (1, 1, 1)
    assert sent(shop) == ["other"]
    row = shop.row(scenario="mail")
    assert (row.state, row.send_at) == ("ready", shop.now)
    go_on(shop, "mail")
    monkeypatch.setattr(send, "compose_all", original)
    assert shop.send().counts.sent == 1


def test_what_became_late_during_a_pause_is_held_and_never_a_flood(shop: Shop):
    two_scenarios(shop, "C1", "C2")
    stop(shop)
    shop.now += shop.settings.max_lateness + timedelta(minutes=1)
    go_on(shop)
    counts = shop.send().counts
    assert (counts.sent, counts.held) == (0, 4)
    assert {(row.state, row.reason) for row in shop.rows()} == {("held", "missed_send")}


def test_a_scenario_says_for_itself_how_late_is_too_late(shop: Shop):
    two_scenarios(shop, "C1")
    shop.scenario("mail", max_lateness="1h")
    shop.scenario("other", max_lateness="2d")
    # an operating setting: of the rows that wait already, too
    synchronise(shop.connection, now=shop.now)
    shop.now += shop.settings.max_lateness + timedelta(hours=1)
    assert deployment_status(shop.connection, now=shop.now, settings=shop.settings).rows.late == 1
    assert (shop.send().counts.sent, sent(shop)) == (1, ["other"])
    assert (shop.row(scenario="mail").state, shop.row(scenario="mail").reason) == ("held", "missed_send")
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(2,)]


def test_a_short_pause_only_delays(shop: Shop):
    two_scenarios(shop, "C1")
    stop(shop)
    shop.now += shop.settings.max_lateness
    go_on(shop)
    assert shop.send().counts.sent == 2


def test_lists_are_not_exported_during_a_pause(shop: Shop):
    shop.scenario(steps=[STEP | {"channel": "dm"}])
    shop.buyer("C1")
    shop.plan()
    stop(shop, "follow_up")
    options = {"now": shop.now, "settings": shop.settings, "context": OPERATOR}
    with suppress(SendingPaused):
        assert export_due(shop.connection, **options).exported == 0
    assert shop.row().state == "ready"
    go_on(shop, "follow_up")
    assert export_due(shop.connection, **options).exported == 1


def test_each_pause_is_ended_by_itself(shop: Shop):
    two_scenarios(shop, "C1")
    stop(shop)
    stop(shop, "mail")
    assert [ended.scenario_code for ended in go_on(shop)] == [None]
    shop.send()
    assert sent(shop) == ["other"]
    assert [ended.scenario_code for ended in go_on(shop, "mail")] == ["mail"]
    assert go_on(shop, "mail") == ()
    assert open_pauses(shop.connection) == ()


def test_pausing_twice_is_pausing_once(shop: Shop):
    two_scenarios(shop)
    first = stop(shop)
    shop.now += timedelta(minutes=1)
    assert stop(shop) == first
    assert len(open_pauses(shop.connection)) == 1
    stop(shop, reason="the shop is closed as well")
    assert len(go_on(shop)) == 2


def test_who_paused_and_who_resumed_when_and_why_is_kept(shop: Shop):
    two_scenarios(shop)
    paused_at = shop.now
    stop(shop, "mail", reason="価格が「誤り」")
    shop.now += timedelta(hours=1)
    resume(shop.connection, "mail", reason="corrected", now=shop.now, context=RunContext("taro"))
    (kept,) = pause_history(shop.connection)
    assert (kept.scenario_code, kept.cause, kept.reason) == ("mail", Cause.OPERATOR, "価格が「誤り」")
    assert (kept.paused_by, kept.paused_at) == (OPERATOR.actor, paused_at)
    assert (kept.resumed_by, kept.resumed_at, kept.resume_reason) == ("taro", shop.now, "corrected")


@pytest.mark.parametrize(
    "statement",
    [
        "update outreach.sending_pauses set reason = 'another'",
        "update outreach.sending_pauses"
        " set resumed_at = now(), resumed_by = 'x', resume_reason = 'x', cause = 'provider'",
        "delete from outreach.sending_pauses",
    ],
)
def test_what_a_pause_was_is_never_rewritten(shop: Shop, statement: str):
    two_scenarios(shop)
    stop(shop)
    with pytest.raises(psycopg.errors.CheckViolation, match="a pause is only ever ended, once"):
        shop.execute(statement)
    go_on(shop)
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.execute("update outreach.sending_pauses set resume_reason = 'another'")


def test_a_pause_needs_a_known_scenario_a_reason_and_an_actor(shop: Shop):
    two_scenarios(shop)
    with pytest.raises(UnknownScenario, match="no scenario 'mial', perhaps mail; known: mail, other"):
        stop(shop, "mial")
    with pytest.raises(ReasonMissing):
        stop(shop, reason=" ")
    with pytest.raises(ValueError, match="actor"):
        pause(shop.connection, None, reason="why not", now=shop.now, context=RunContext(" "))
    assert open_pauses(shop.connection) == ()


@pytest.mark.parametrize(("act", "scenario"), [(stop, "mail"), (stop, "mial"), (go_on, "mial")])
def test_all_sending_is_paused_at_once_though_another_waits_for_a_plan_or_a_build(shop: Shop, act, scenario: str):
    two_scenarios(shop)
    with (
        connect(shop.settings, autocommit=True) as planner,
        connect(shop.settings, autocommit=True) as somebody,
        ThreadPoolExecutor(1) as pool,
    ):
        with planner.transaction():
            planner.execute("lock table eligibility.scenario_registry in access exclusive mode")
            planner.execute("update outreach.scenarios set scenario_code = 'renamed' where scenario_code = 'mail'")
            one = pool.submit(act, replace(shop, connection=somebody), scenario)
            waiting = "select 1 from pg_locks where pid = %s and not granted"
            while not planner.execute(waiting, [somebody.info.backend_pid]).fetchone():
                assert not one.done(), one.result()
                time.sleep(0.02)
            shop.execute("set lock_timeout = '5s'")
            stop(shop, None)
        with pytest.raises(UnknownScenario):
            one.result()
    assert [found.scenario_code for found in open_pauses(shop.connection)] == [None]


def test_whoever_asks_before_an_export_is_told(shop: Shop):
    two_scenarios(shop)
    stop(shop, "mail")
    refuse_if_paused(shop.connection)
    refuse_if_paused(shop.connection, "other")
    with pytest.raises(SendingPaused, match="ekiden resume mail --reason WHY"):
        refuse_if_paused(shop.connection, "mail")
