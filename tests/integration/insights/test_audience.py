"""Who may enter a scenario at an instant, from its built table."""

from collections import Counter
from datetime import datetime

import pytest

from ekiden.database import streams
from ekiden.database.connection import connect
from ekiden.insights.audience import Audience, AudienceMember, Heads, audience, members
from ekiden.insights.built import ScenarioIsBroken, asked_scenario
from ekiden.insights.moments import moment
from ekiden.schedule.errors import NothingBuilt, UnknownScenario
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.runs import RunContext
from tests.integration.insights.conftest import AWKWARD_CUSTOMER, NOW, ZONE, BuiltShop


def ask(shop: BuiltShop, scenario: str, on: str | None = None) -> tuple[Audience, list[AudienceMember]]:
    asked = asked_scenario(shop.connection, scenario)
    when = moment(on, now=NOW, zone=ZONE)
    counted = audience(shop.connection, asked, when)
    with members(shop.connection, asked, when) as found:
        return counted, list(found)


@pytest.mark.parametrize("scenario", ["bought_a", "a_not_b", "stopped_by_b", "recent", "lapsed", "by_hand"])
@pytest.mark.parametrize("on", ["2026-03-02", "2026-03-05T12:00", "2026-03-08", "2026-12-01"])
def test_the_numbers_are_those_of_the_list(built_shop: BuiltShop, scenario: str, on: str):
    counted, found = ask(built_shop, scenario, on)
    assert counted.eligible == Heads(len({member.customer_id for member in found}), len(found))
    for standing, heads in (("may_enter", counted.may_enter), ("stopped", counted.stopped)):
        chosen = [member for member in found if member.standing == standing]
        assert heads == Heads(len({member.customer_id for member in chosen}), len(chosen))
    assert counted.due.anchors == sum(member.due_date == counted.day for member in found)


def test_a_list_that_is_read_slowly_keeps_nobody_waiting(built_shop: BuiltShop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "FETCHED_ROWS", 1)
    counted, _ = ask(built_shop, "bought_a", "2026-03-08")
    asked = asked_scenario(built_shop.connection, "bought_a")
    with members(built_shop.connection, asked, moment("2026-03-08", now=NOW, zone=ZONE)) as found:
        first = next(found)
        with connect(built_shop.settings) as builder:
            builder.execute("lock table eligibility.bought_a in access exclusive mode nowait")
            builder.rollback()
        assert len((first, *found)) == counted.eligible.anchors > 1


def test_a_past_day_a_coming_day_and_an_instant_are_the_same_question(built_shop: BuiltShop):
    def who(on: str) -> set[str]:
        return {member.customer_id for member in ask(built_shop, "recent", on)[1]}

    assert "once" not in who("2026-03-02T11:59")
    assert "once" in who("2026-03-02")
    assert "once" in who("2026-03-07")
    assert "once" not in who("2026-03-08T00:00")
    assert who("2027-01-01") == set()
    assert ask(built_shop, "recent", "2027-01-01")[0].is_forecast


def test_stopped_anchors_are_counted_apart(built_shop: BuiltShop):
    counted, found = ask(built_shop, "stopped_by_b")
    stopped = {member.customer_id for member in found if member.standing == "stopped"}
    assert "b_after" in stopped
    assert counted.stopped.customers == len(stopped)
    # whoever may enter stands before whoever may not
    assert [member.standing for member in found] == sorted(member.standing for member in found)


def test_step_1s_due_date_is_listed_and_names_may_be_awkward(built_shop: BuiltShop):
    found = {member.customer_id: member for member in ask(built_shop, "bought_a")[1]}
    assert str(found[AWKWARD_CUSTOMER].due_date) == "2026-03-05"
    assert found[AWKWARD_CUSTOMER].anchor_key == "注文'1 [red]"


@pytest.mark.parametrize("scenario", ["twice", "a_not_b", "bought_a"])
def test_who_may_enter_is_whom_the_planner_enters_and_afterwards_is_enrolled(built_shop: BuiltShop, scenario: str):
    before = {member.customer_id for member in ask(built_shop, scenario)[1] if member.standing == "may_enter"}
    connection = built_shop.connection
    with connection.transaction(force_rollback=True):
        day = NOW.astimezone(ZONE).date()
        plan(
            connection,
            day,
            day,
            now=NOW,
            settings=built_shop.settings,
            context=RunContext("tests"),
            scenarios=[scenario],
        )
        entered = {
            customer
            for (customer,) in connection.execute(
                "select customer_id from outreach.enrolments inner join outreach.scenarios using (scenario_id)"
                " where scenario_code = %s",
                [scenario],
            )
        }
        due = {
            member.customer_id
            for member in ask(built_shop, scenario)[1]
            if member.standing == "enrolled" and member.due_date <= day
        }
        # nobody is due later than today in this shop's story
        assert entered <= before
        assert due == entered
        earlier = Counter(member.standing for member in ask(built_shop, scenario, "2026-03-07")[1])
        assert earlier["enrolled"] == 0


def test_unknown_broken_and_drafted_scenarios(built_shop: BuiltShop):
    with pytest.raises(UnknownScenario, match="no scenario 'bought_b', perhaps bought_a"):
        ask(built_shop, "bought_b")
    with pytest.raises(ScenarioIsBroken, match="steps"):
        ask(built_shop, "broken")
    with built_shop.connection.transaction(force_rollback=True):
        built_shop.connection.execute(
            """
            update eligibility.scenario_registry
            set definition = '{"code": "broken", "$faults": ["steps: there are none"]}' where model_name = 'broken'
            """
        )
        with pytest.raises(ScenarioIsBroken, match="is left out: steps: there are none"):
            ask(built_shop, "broken")
    assert ask(built_shop, "a_draft")[0].may_enter == ask(built_shop, "bought_a")[0].may_enter


def test_before_the_first_build_there_is_nothing_to_ask(connection):
    with pytest.raises(NothingBuilt, match="ekiden build"):
        asked_scenario(connection, "bought_a")


def test_the_moment_is_the_shops(built_shop: BuiltShop):
    counted, _ = ask(built_shop, "bought_a", "2026-03-02")
    assert counted.at == datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=ZONE)
