"""Planners, senders, an exporter and operators at the same time, in eight processes, and facts that turn meanwhile.

EKIDEN_ABUSE_SECONDS says for how long:

    EKIDEN_ABUSE_SECONDS=180 pytest tests/ledger/test_at_once.py
"""

import os
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ekiden.database.connection import connect
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.rows import RowFilter
from ekiden.settings import Settings
from tests.integration.delivery.crowd import PATIENCE, process, wait_until_alone
from tests.integration.ledger_fixtures import OPERATOR, Shop, reconcile_alone
from tests.integration.ledger_invariants import broken_invariants
from tests.ledger.crowds import (
    Provider,
    Worker,
    crowd_of_scenarios,
    exports,
    fill,
    operates,
    plans,
    sends,
    turns_facts,
)

SECONDS = float(os.environ.get("EKIDEN_ABUSE_SECONDS", "6"))
CROWD = 300
"""Customers: so few that everybody meets everybody's rows all the time."""


def test_planners_senders_exporters_and_operators_at_once_break_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.settings = shop.settings.model_copy(
        update={"claim_batch_size": 20, "max_attempts": 1000, "max_lateness": timedelta(days=30)}
    )
    fill(shop, CROWD, crowd_of_scenarios(shop))
    shop.plan("2024-03-01", "2024-03-09")
    faults = tmp_path / "faults"
    provider = Provider(tmp_path / "taken", whims=7)
    until = time.time() + SECONDS
    acts = [plans, plans, sends, sends, sends, operates, operates, exports, turns_facts]
    with ExitStack() as processes:
        workers = [
            processes.enter_context(process(Worker(shop.settings, provider, seed, until, faults).work, act))
            for seed, act in enumerate(acts)
        ]
        for worker in workers:
            worker.join(SECONDS + PATIENCE)
        assert [worker.exitcode for worker in workers] == [0] * len(acts)
    wait_until_alone(shop)

    told = Counter(faults.read_text().splitlines()) if faults.exists() else Counter()
    assert told == Counter(), told.most_common(20)
    assert broken_invariants(shop.connection) == {}
    taken = provider.taken()
    assert set(taken.values()) <= {1}
    settled = Provider(provider.file, can_be_asked=True)
    reconcile_alone(shop.connection, channel=settled, settings=shop.settings, now=shop.now, context=OPERATOR)
    posted = {message for (message,) in shop.execute(
        "select message_id from outreach.messages where channel_name <> 'export'"
    )}  # fmt: skip
    assert posted == set(taken)
    assert broken_invariants(shop.connection) == {}
    # something happened: whoever was refused all the time proves nothing; what a few seconds of a busy machine may
    # not come to is left out
    kinds = dict(shop.execute("select transition, count(*) from outreach.transitions group by 1"))
    assert set(kinds) >= {"T1", "T6", "T7"}, kinds
    assert set(kinds) & {"T3", "T4", "T12", "T13", "T14", "T16"}, kinds


def test_a_reopened_row_and_a_plan_do_not_bring_somebody_into_two_exclusive_scenarios(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False)
    shop.scenario("second", multi_delivery=False)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="first")
    shop.plan()
    shop.operate("block", customer="C1")
    shop.eligible("C1", "2024-03-08", model="second")
    with ExitStack() as processes:
        with shop.connection.transaction():
            shop.plan()
            operator = processes.enter_context(process(reopen_all, shop.settings, shop.now))
            # long enough to do it, if it does not wait for what cannot be seen yet
            operator.join(1)
        operator.join(PATIENCE)
        assert operator.exitcode == 0
    assert broken_invariants(shop.connection) == {}
    assert {row.scenario_code: row.state for row in shop.rows()} == {"first": "blocked", "second": "ready"}


def reopen_all(settings: Settings, now: datetime) -> None:
    with connect(settings, autocommit=True) as connection:
        operate(
            connection, ACTIONS["reopen"], RowFilter(), now=now, settings=settings, context=OPERATOR, reason="because"
        )
