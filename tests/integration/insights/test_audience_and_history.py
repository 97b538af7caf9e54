"""Who may enter, where the customers have a history: after an exit, a start anew, a block.

Belongs here: that the audience is whom the next plan lets in, whatever became of them before. Does not belong here:
what a built table says of its customers (`test_audience`).
"""

import pytest

from ekiden.insights.audience import members
from ekiden.insights.built import asked_scenario
from ekiden.insights.moments import moment
from tests.integration.ledger_fixtures import Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def standings(
    shop: Shop, code: str = "follow_up", on: str | None = None, *, blocks_everywhere: bool = False
) -> dict[str, str]:
    """Return the standing of each anchor as of a moment, now unless said."""
    asked = asked_scenario(shop.connection, code)
    when = moment(on, now=shop.now, zone=shop.settings.zone)
    with members(shop.connection, asked, when, blocks_everywhere=blocks_everywhere) as found:
        return {member.anchor_key: member.standing for member in found}


def test_an_enrolment_that_started_anew_keeps_nobody_out_beyond_its_own_anchor(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-12 06:00")
    shop.eligible("C1", "2024-03-10", key="O2")
    shop.plan()
    shop.eligible("C1", "2024-03-11", key="O3")
    assert standings(shop)["O3"] == "may_enter"
    assert shop.plan().enrolled == 1


def test_who_was_stopped_may_enter_from_when_the_stop_began_and_not_from_when_a_plan_noticed(shop: Shop):
    shop.scenario(reentry="after_exit")
    shop.buyer("C1")
    shop.plan()
    shop.stop("C1", since=shop.local("2024-03-09 08:00"))
    shop.at("2024-03-11 06:00")
    shop.plan()
    assert shop.enrolments() == {"C1": ("stopped", "stop_condition")}
    shop.eligible("C1", "2024-03-10", key="O2")
    assert standings(shop)["O2"] == "may_enter"
    assert shop.plan().enrolled == 1


def test_as_of_a_moment_before_the_block_somebody_blocked_elsewhere_may_enter(shop: Shop):
    shop.scenario()
    shop.scenario("win_back")
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-10 06:00")
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08", model="win_back", key="O1")
    assert standings(shop, "win_back", blocks_everywhere=True) == {"O1": "enrolled"}
    assert standings(shop, "win_back", "2024-03-09T12:00", blocks_everywhere=True) == {"O1": "may_enter"}
