"""Whom a person blocked: never again in that scenario, or in none, as the deployment has it (T13)."""

import pytest
from psycopg.sql import SQL

from ekiden.database.connection import connect
from ekiden.database.statements import statement
from ekiden.insights.audience import audience, members
from ekiden.insights.built import asked_scenario
from ekiden.insights.moments import moment
from ekiden.insights.why import why
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.planning import entry
from ekiden.schedule.rows import RowFilter
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.schedule.deciding import counts

ELSEWHERE = "win_back"


@pytest.mark.parametrize("action", ["block", "complete"])
def test_whose_enrolment_a_person_ends_while_a_plan_decides_does_not_start_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, action: str
):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.buyer("C1")
    shop.plan()
    shop.operate("hold", customer="C1")
    shop.eligible("C1", "2024-03-09", key="O2")
    shop.at("2024-03-10 06:00")
    ended = []

    def meanwhile(file: str, name: str) -> SQL:
        # the candidates are found, and C1 is one, since a later anchor starts anew
        if name == "find_rivals":
            ended.append(from_another_session(shop, action))
        return statement(file, name)

    monkeypatch.setattr(entry, "statement", meanwhile)
    assert (shop.plan().enrolled, ended) == (0, [1])


def test_whom_a_person_blocks_while_a_plan_decides_does_not_enter_by_another_anchor(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    shop.scenario(reentry="per_anchor")
    shop.buyer("C1")
    shop.plan()
    shop.operate("hold", customer="C1")
    shop.eligible("C1", "2024-03-09", key="O2")
    shop.at("2024-03-10 06:00")
    ended = []

    def meanwhile(file: str, name: str) -> SQL:
        # the contest is over, and C1 would enter by O2
        if name == "forget_who_left_meanwhile":
            ended.append(from_another_session(shop, "block"))
        return statement(file, name)

    monkeypatch.setattr(entry, "statement", meanwhile)
    assert (shop.plan().enrolled, ended) == (0, [1])


def from_another_session(shop: Shop, action: str) -> int:
    """Do something to C1's rows as a person does while another session plans; return how many changed."""
    with connect(shop.settings, autocommit=True) as another:
        return operate(
            another,
            ACTIONS[action],
            RowFilter(customer="C1"),
            now=shop.now,
            settings=shop.settings,
            context=OPERATOR,
            reason="asked to, by telephone",
        ).changed


@pytest.fixture
def blocked(shop: Shop) -> Shop:
    """C1 was blocked in a scenario, and has come to fit another one since."""
    shop.scenario()
    shop.scenario(ELSEWHERE)
    shop.buyer("C1")
    shop.plan()
    shop.operate("block", customer="C1", reason="お客様より")
    shop.eligible("C1", "2024-03-08", model=ELSEWHERE)
    return shop


def everywhere(shop: Shop, *, on: bool = True) -> None:
    shop.settings = shop.settings.model_copy(update={"blocked_from": "every_scenario" if on else "scenario"})


def scenarios(shop: Shop) -> list[str]:
    return [row.scenario_code for row in shop.rows() if row.state != "blocked"]


def test_a_block_counts_in_its_own_scenario_unless_told_otherwise(blocked: Shop):
    blocked.plan()
    assert scenarios(blocked) == [ELSEWHERE]


def test_where_it_counts_everywhere_nobody_blocked_enters_and_it_is_said_why(blocked: Shop):
    everywhere(blocked)
    report = blocked.plan()
    assert scenarios(blocked) == []
    assert counts(report.decisions) == {"blocked_before": 1}


@pytest.mark.parametrize("counts_everywhere", [True, False])
def test_the_audience_is_whom_the_next_plan_lets_in(blocked: Shop, counts_everywhere: bool):
    asked = asked_scenario(blocked.connection, ELSEWHERE)
    about = moment(None, now=blocked.now, zone=blocked.settings.zone)
    everywhere(blocked, on=counts_everywhere)
    counted = audience(blocked.connection, asked, about, blocks_everywhere=counts_everywhere)
    with members(blocked.connection, asked, about, blocks_everywhere=counts_everywhere) as found:
        assert [member.standing for member in found] == ["enrolled" if counts_everywhere else "may_enter"]
    assert counted.may_enter.customers == blocked.plan().enrolled
    assert counted.eligible.customers == counted.enrolled.customers + counted.may_enter.customers


@pytest.mark.parametrize("way_back", ["reopen", "delete"])
def test_who_is_blocked_no_more_is_found_by_the_next_sweep(blocked: Shop, way_back: str):
    everywhere(blocked)
    blocked.plan()
    blocked.operate(way_back, customer="C1", reason="お客様より")
    blocked.plan()
    assert ELSEWHERE in scenarios(blocked)


def test_a_sweep_of_the_other_scenario_alone_misses_nobody_later(blocked: Shop):
    everywhere(blocked)
    blocked.plan()
    blocked.operate("reopen", customer="C1", reason="お客様より")
    blocked.plan(scenarios=["follow_up"])
    blocked.plan()
    assert ELSEWHERE in scenarios(blocked)


def test_once_a_block_counts_for_its_scenario_alone_again_the_others_let_in(blocked: Shop):
    everywhere(blocked)
    blocked.plan()
    everywhere(blocked, on=False)
    blocked.plan()
    assert scenarios(blocked) == [ELSEWHERE]


def test_a_block_stays_once_the_row_of_any_of_several_was_deleted_and_why_says_so(shop: Shop):
    shop.scenario(reentry="per_anchor", steps=[STEP, STEP | {"offset_days": 3}])
    shop.scenario(ELSEWHERE)
    shop.customer("C1")
    for key in ("O1", "O2"):
        shop.eligible("C1", "2024-03-08", key=key)
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    everywhere(shop)
    shop.operate("block", customer="C1", reason="お客様より")
    shop.eligible("C1", "2024-03-08", model=ELSEWHERE)
    about = moment(None, now=shop.now, zone=shop.settings.zone)

    def way_back() -> str:
        return str(why(shop.connection, ELSEWHERE, "C1", about, settings=shop.settings).next)

    assert "ekiden reopen" in way_back()
    shop.operate("delete", rows=(str(shop.rows(state="blocked")[0].schedule_row_id),), reason="お客様より")
    assert way_back() == "nothing: the blocked row in follow_up was deleted, so the block stays"
