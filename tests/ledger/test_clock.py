"""A clock that was set back: what was planned and sent stays, and nothing happens a second time."""

from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import broken_invariants, snapshot


def test_planning_with_a_clock_that_was_set_back_changes_nothing(shop: Shop) -> None:
    shop.scenario(steps=[STEP, STEP | {"offset_days": 2}], hold_expires_after_days=1)
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-04")
    shop.at("2024-03-09 12:00")
    shop.plan()
    shop.send()
    before = snapshot(shop.connection)
    for back in ("2024-03-09 06:00", "2024-03-08 06:00", "2024-03-01 06:00"):
        shop.at(back)
        shop.plan()
        shop.send()
        assert snapshot(shop.connection) == before
    assert broken_invariants(shop.connection) == {}


def test_after_the_clock_is_right_again_everything_goes_on(shop: Shop) -> None:
    shop.scenario(steps=[STEP, STEP | {"offset_days": 2}])
    shop.buyer("C1", "2024-03-08")
    shop.at("2024-03-09 12:00")
    shop.plan()
    # between plan and send, and again between send and the next step
    shop.at("2024-03-07 12:00")
    assert shop.send().counts.sent == 0
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.at("2024-03-09 03:00")
    assert shop.send().counts.sent == 0
    shop.at("2024-03-10 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "sent"}
    assert len(shop.channel.messages) == len({message.message_id for message in shop.channel.messages}) == 2
    assert broken_invariants(shop.connection) == {}


def test_who_becomes_eligible_while_the_clock_is_wrong_enters_once(shop: Shop) -> None:
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.plan()
    shop.at("2024-03-07 06:00")
    # an order of tomorrow, as this clock has it: not due yet, nor the other one again
    shop.buyer("C2", "2024-03-08")
    shop.plan()
    assert set(shop.enrolments()) == {"C1"}
    shop.at("2024-03-09 06:00")
    shop.plan()
    shop.plan()
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    assert broken_invariants(shop.connection) == {}
