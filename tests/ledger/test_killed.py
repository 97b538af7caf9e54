"""A planner or a sender is killed (SIGKILL) at any moment: whoever comes next makes it as if nothing had happened.

EKIDEN_KILL_ROUNDS says how often:

    EKIDEN_KILL_ROUNDS=100 pytest tests/ledger/test_killed.py
"""

import os
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.rows import RowFilter
from tests.integration.delivery.crowd import PATIENCE, plan_all, process, send_all, wait_until_alone
from tests.integration.ledger_fixtures import OPERATOR, Shop
from tests.integration.ledger_invariants import broken_invariants
from tests.ledger.crowds import Provider, crowd_of_scenarios, dump, fill
from tests.ledger.ground import Ground

ROUNDS = int(os.environ.get("EKIDEN_KILL_ROUNDS", "5"))
CROWD = 400
"""Customers of four scenarios: a plan of some tenths of a second, most of which lies between two commits."""


def fill_and_plan_before(shop: Shop) -> None:
    """Let there be something to stop, to supersede and to leave, so that a plan does all that a plan can do."""
    models = crowd_of_scenarios(shop)
    fill(shop, CROWD, models)
    shop.at("2024-03-05 06:00")
    shop.plan(scenarios=None)
    shop.execute(
        "update eligibility.second set stop_during = '{(,)}' where customer_id like 'C%7';"
        "update eligibility.again set stop_during = '{(,)}' where customer_id like 'C%3'"
    )
    shop.at("2024-03-09 06:00")


def test_a_plan_after_a_killed_one_leaves_what_an_undisturbed_plan_leaves(shop: Shop) -> None:
    ground = Ground(shop, shop.connection)

    def begin() -> None:
        ground.empty()
        fill_and_plan_before(shop)

    crowd_of_scenarios(shop)
    begin()
    started = time.monotonic()
    with process(plan_all, shop.settings, shop.now) as planner:
        planner.join(PATIENCE)
    takes = time.monotonic() - started
    undisturbed = dump(shop.connection)
    random = Random(ROUNDS)
    finished = 0
    begin()
    before = dump(shop.connection)
    for number in range(ROUNDS):
        started = time.monotonic()
        with process(plan_all, shop.settings, shop.now) as planner:
            # evenly over its life, a little beyond its end
            planner.join((number + random.random()) / ROUNDS * takes * 1.05)
            # the first one may have been slow by chance
            takes = takes if planner.is_alive() else min(takes, time.monotonic() - started)
        wait_until_alone(shop)
        # all or nothing
        left = dump(shop.connection)
        assert left in (before, undisturbed), number
        if left == before:
            continue
        finished += 1
        begin()
    shop.plan()
    assert dump(shop.connection) == undisturbed
    assert broken_invariants(shop.connection) == {}
    assert finished < ROUNDS or ROUNDS == 1, "nobody was killed in time"


@pytest.mark.parametrize("can_be_asked", [False, True], ids=["cannot be asked", "can be asked"])
def test_killed_senders_send_nothing_twice_and_lose_nothing(shop: Shop, tmp_path: Path, can_be_asked: bool) -> None:
    limits = {"claim_batch_size": 20, "max_attempts": 1000, "max_lateness": timedelta(days=3650)}
    shop.settings = shop.settings.model_copy(update=limits)
    shop.scenario("chain", offset_basis="previous_step", steps=[{"offset_days": 1, "content": "sample/step_1"}] * 3)
    fill(shop, 20 * ROUNDS, ("chain",))
    shop.at("2024-03-09 12:00")
    shop.plan("2024-03-09")
    operate(
        shop.connection,
        ACTIONS["release"],
        RowFilter(),
        now=shop.now,
        settings=shop.settings,
        context=OPERATOR,
        limit=1_000_000,
    )
    provider = Provider(tmp_path / "taken", can_be_asked=can_be_asked)
    random = Random(ROUNDS)
    for _ in range(ROUNDS):
        with process(send_all, shop.settings, provider, shop.now) as sender:
            sender.join(random.uniform(0, 0.3))
        wait_until_alone(shop)
        shop.now += timedelta(days=1)
    for _ in range(5):  # two that settle, three that bring the last chain to its end
        send_all(shop.settings, provider, shop.now)
        shop.now += timedelta(days=1)

    taken = provider.taken()
    assert set(taken.values()) == {1}
    found = dict(shop.execute("select message_id, state from outreach.schedule_rows"))
    assert {message for message, state in found.items() if state == "sent"} <= set(taken)
    lost = {message: state for message, state in found.items() if state not in ("sent", "sending")}
    assert lost == {}, "neither sent nor of unknown outcome"
    # the carrier has it, and it was never repeated: a person decides
    unknown = {message for message, state in found.items() if state == "sending"}
    assert set(taken) - {message for message, state in found.items() if state == "sent"} <= unknown
    assert not (can_be_asked and unknown)
    assert broken_invariants(shop.connection) == {}
