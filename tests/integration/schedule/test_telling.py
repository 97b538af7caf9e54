"""What `why`, `show` and `status` tell of a ledger: nothing that it will not do."""

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.pauses import pause
from ekiden.insights.explanation import Verdict
from ekiden.insights.lineage import lineage
from ekiden.insights.moments import moment
from ekiden.insights.standing import standing
from ekiden.insights.why import why
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.schedule.exporting import CARD

pytestmark = pytest.mark.usefixtures("sound_ledger")

NOON = "2024-03-09 12:00"


def asks(shop: Shop, on: str | None = None, scenario: str = "follow_up"):
    about = moment(on, now=shop.now, zone=shop.settings.zone)
    return why(shop.connection, scenario, "C1", about, settings=shop.settings)


def test_who_waits_in_a_scenario_that_sends_nothing_is_told_what_has_to_happen(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    assert asks(shop).next == "nothing: step 1 is ready, due on 2024-03-09"
    shop.scenario(status="disabled")
    assert asks(shop).next.startswith("step 1 is ready, due on 2024-03-09, but the scenario is disabled; ")
    shop.scenario(status="disabled", disable_mode="drain")
    assert asks(shop).next.startswith("nothing: ")


def test_of_a_list_it_is_told_that_a_person_has_to_export_it(one_card: Shop):
    assert asks(one_card).next == "step 1 is ready, due on 2024-03-09: a person has to export its list, `ekiden export`"


def test_who_is_in_without_a_row_that_waits_is_told_why(ledger: Shop):
    ledger.at(NOON)
    ledger.send()
    ledger.operate("delete", customer="C1", state="ready")
    assert asks(ledger).next == "nothing: a person deleted the row that waited, so no further step follows"


def test_of_an_earlier_moment_it_is_told_how_it_ended_since(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.send()
    asked = asks(shop, "2024-03-09T07:00")
    assert (asked.verdict, asked.next) == (Verdict.ENTERED, "nothing: completed since, 2024-03-09 12:00")


def test_codes_that_were_swapped_and_not_planned_yet_tell_of_the_right_rows(shop: Shop):
    for model, send_time in (("a", "12:00"), ("b", "13:00")):
        shop.scenario(model, steps=[STEP | {"send_time": send_time}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="a")
    shop.plan()
    pause(shop.connection, "a", reason="a wrong picture", now=shop.now, context=OPERATOR)
    shop.scenario("b", model="a")
    shop.scenario("a", model="b", steps=[STEP | {"send_time": "13:00"}])
    was_b, was_a = asks(shop, scenario="a"), asks(shop, scenario="b")
    assert (was_b.rows, was_b.verdict) == ((), Verdict.KEPT_OUT)
    assert (len(was_a.rows), was_a.verdict) == (1, Verdict.ENTERED)
    assert "a wrong picture" in was_a.next


def test_a_scenario_that_left_the_project_is_in_nobodys_way(shop: Shop):
    for model, priority in (("gone", 1), ("here", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="gone")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="here")
    assert asks(shop, scenario="here").verdict is Verdict.KEPT_OUT
    shop.execute("delete from eligibility.scenario_registry where model_name = 'gone'")
    shop.plan("2024-03-10")  # a day to come: nothing but the definitions is taken over
    assert asks(shop, scenario="here").verdict is Verdict.MAY_ENTER
    assert shop.plan().enrolled == 1


def test_who_would_supersede_what_is_on_its_way_is_told_to_wait(shop: Shop):
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="worse")
    shop.plan()
    shop.scenario("better", multi_delivery=False, priority=1)
    shop.eligible("C1", "2024-03-08", model="better")
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()
    assert asks(shop, scenario="better").verdict is Verdict.KEPT_OUT
    assert "a message of worse is just being sent, or failed" in asks(shop, scenario="better").first_failing
    assert [decision.rule for decision in shop.plan().decisions if decision.scenario_code == "better"] == ["on_its_way"]
    shop.operate("block", scenario="worse", state="failed")
    assert asks(shop, scenario="better").verdict is Verdict.MAY_ENTER
    assert shop.plan().enrolled == 1


@pytest.mark.parametrize(("kind", "lines"), [("ordered", 1), ("event", 0)])
def test_a_message_shows_the_lines_of_its_anchor_order_and_of_no_other(shop: Shop, kind: str, lines: int):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="77", kind=kind)
    shop.execute("insert into raw.orders (order_id, customer_id, ordered_at) values ('77', 'C1', now())")
    shop.execute("insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('77', 1, 'A', 1)")
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert len(lineage(shop.connection, shop.row().message_id).anchor_lines) == lines


def test_every_ready_row_is_counted_once_by_what_it_waits_for(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    for model, changes in (("mail", {}), ("later", {}), ("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, **changes)
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    for model, changes in (("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, status="disabled", **changes)
    shop.scenario("later", steps=[STEP | {"send_time": "18:00"}])
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", model="later")
    shop.at(NOON)
    shop.plan()
    rows = standing(shop.connection, now=shop.now, settings=shop.settings).rows
    assert (rows.due, rows.lists_due, rows.switched_off, rows.ready_later) == (2, 1, 2, 1)
    assert len(shop.rows(state="ready")) == 6
