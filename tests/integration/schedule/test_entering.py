"""Who enters: whom planning takes in by which anchor, how often, and whom it never does."""

from datetime import datetime

import pytest

from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_only_who_is_eligible_now_enters(shop: Shop):
    shop.scenario()
    for customer in ("C1", "C2", "C3"):
        shop.customer(customer)
    shop.eligible("C1", "2024-03-08", entry="{[2024-03-08 00:00Z,2024-03-08 20:59Z)}")
    shop.eligible("C2", "2024-03-08", entry="{[2024-03-08 21:00Z,)}")
    shop.eligible("C3", "2024-03-08", stop="{[2024-03-08 21:00Z,)}")
    shop.plan()
    assert shop.states() == {("C2", 1): "ready"}


def test_of_several_anchors_the_earliest_due_then_the_lowest_key_is_taken(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    for key, anchored in [("O3", "2024-03-08"), ("O2", "2024-03-07"), ("O1", "2024-03-07")]:
        shop.eligible("C1", anchored, key=key)
    shop.plan()
    assert shop.row().anchor_key == "O1"


@pytest.mark.parametrize("reentry", ["never", "after_exit"])
def test_nobody_is_twice_in_a_scenario_at_the_same_time(shop: Shop, reentry: str):
    shop.scenario(reentry=reentry)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", key="O1")
    shop.eligible("C1", "2024-03-08", key="O2")
    shop.plan()
    shop.plan()
    assert [row.anchor_key for row in shop.rows()] == ["O1"]


def test_with_reentry_per_anchor_every_anchor_enters_once(shop: Shop):
    shop.scenario(reentry="per_anchor")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", key="O1")
    shop.eligible("C1", "2024-03-08", key="O2")
    shop.plan()
    shop.plan()
    assert sorted(row.anchor_key for row in shop.rows()) == ["O1", "O2"]


def test_an_edit_of_reentry_lets_nobody_enter_by_the_same_anchor_again(shop: Shop):
    shop.scenario(reentry="never")
    shop.buyer("C1")
    shop.plan()
    shop.scenario(reentry="per_anchor")
    shop.plan()
    assert len(shop.rows()) == 1


def test_after_the_exit_only_a_later_anchor_lets_a_customer_in_again(shop: Shop):
    shop.scenario(reentry="after_exit")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.enrolments() == {"C1": ("completed", None)}
    shop.eligible("C1", "2024-03-07", key="O0")
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert len(shop.rows()) == 1
    shop.eligible("C1", "2024-03-10", key="O2")
    shop.plan()
    assert [(row.anchor_key, row.state) for row in shop.rows()] == [("O1", "sent"), ("O2", "ready")]


@pytest.mark.parametrize("on_retrigger", ["ignore", "restart"])
@pytest.mark.parametrize("noticed_by", ["plan", "send"])
def test_an_enrolment_lasts_until_its_stop_began_and_not_until_somebody_noticed(
    shop: Shop, noticed_by: str, on_retrigger: str
):
    shop.scenario(reentry="after_exit", on_retrigger=on_retrigger, steps=[STEP | {"send_time": "18:00"}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    # the order of the 8th is cancelled the next morning, and another one is placed an hour later, at 10:00
    shop.stop("C1", since=datetime.fromisoformat("2024-03-09 09:00+09:00"))
    shop.eligible("C1", "2024-03-09", key="O2")
    if noticed_by == "send":
        shop.at("2024-03-09 18:00")
        assert shop.send().counts.cancelled == 1
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert [(row.anchor_key, row.state) for row in shop.rows()] == [("O1", "cancelled"), ("O2", "ready")]


def test_what_happens_while_a_customer_is_in_is_ignored_also_at_the_instant_of_the_stop(shop: Shop):
    shop.scenario(reentry="after_exit")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    for since, key in [("2024-03-09 11:00+09:00", "before"), ("2024-03-09 10:00+09:00", "at once")]:
        shop.stop("C1", since=datetime.fromisoformat(since))
        shop.eligible("C1", "2024-03-09", key=key)
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert [(row.anchor_key, row.state) for row in shop.rows()] == [("O1", "cancelled")]


def test_whoever_was_stopped_before_the_anchor_left_with_it_and_not_before(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    # known since: the stop condition held all along
    shop.stop("C1", since=shop.local("2024-03-01 10:00"))
    shop.plan()
    assert shop.execute("select anchor_at, left_at from outreach.enrolments") == [
        (shop.local("2024-03-08 10:00"), shop.local("2024-03-08 10:00"))
    ]


@pytest.mark.parametrize("noticed_by", ["plan", "send"])
def test_a_stop_that_nobody_knows_the_beginning_of_began_when_it_was_noticed(shop: Shop, noticed_by: str):
    shop.scenario(reentry="after_exit", steps=[STEP | {"send_time": "18:00"}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.plan()
    shop.eligible("C1", "2024-03-09", key="O2")
    for table in ("follow_up", "follow_up_live"):
        shop.execute(f"update eligibility.{table} set stop_during = '{{(,)}}'")  # noqa: S608
    shop.at("2024-03-09 18:00")
    assert (shop.send().counts if noticed_by == "send" else shop.plan()).cancelled == 1
    for table in ("follow_up", "follow_up_live"):
        shop.execute(f"update eligibility.{table} set stop_during = '{{}}'")  # noqa: S608
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert [(row.anchor_key, row.state) for row in shop.rows()] == [("O1", "cancelled")]


def test_with_reentry_never_a_completed_enrolment_still_blocks(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.eligible("C1", "2024-03-10")
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert shop.states() == {("C1", 1): "sent"}


@pytest.mark.parametrize("reentry", ["after_exit", "per_anchor"])
def test_a_blocked_customer_never_enters_that_scenario_again(shop: Shop, reentry: str):
    shop.scenario(reentry=reentry)
    shop.scenario("other")
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08")
    shop.eligible("C1", "2024-03-08", model="other")
    shop.plan()
    assert {(row.scenario_code, row.state) for row in shop.rows()} == {("follow_up", "blocked"), ("other", "ready")}


def test_a_customer_whose_only_row_was_deleted_may_enter_again(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("delete", customer="C1")
    assert shop.enrolments() == {"C1": ("removed", None)}
    assert shop.rows() == []
    shop.plan()
    assert shop.states() == {("C1", 1): "held"}
    assert shop.execute("select count(*) from outreach.enrolments") == [(2,)]


@pytest.mark.parametrize("status", ["draft", "disabled"])
def test_a_scenario_that_is_not_enabled_takes_nobody_in(shop: Shop, status: str):
    shop.scenario(status=status)
    shop.buyer("C1")
    shop.plan()
    assert (shop.rows(), shop.enrolments()) == ([], {})


def test_what_was_due_while_a_scenario_was_disabled_is_held_when_it_is_enabled(shop: Shop):
    shop.scenario(status="disabled")
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.scenario(status="enabled")
    shop.plan()
    assert shop.row().state == "held"
    # a switch is no edit: the rows' version is still the first
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(1,)]
