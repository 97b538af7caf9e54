"""Plans, sends, people, exports, facts, edits, clocks and crashes in any order: the ledger stays sound.

EKIDEN_PROPERTY_EXAMPLES says how many orders are tried, each of up to 40 steps; worth an hour after a change of the
ledger:

    EKIDEN_PROPERTY_EXAMPLES=2000 pytest tests/ledger/test_any_order.py
"""

import os

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ekiden.database.connection import connect
from tests.integration.ledger_fixtures import Shop
from tests.ledger.ground import Ground
from tests.ledger.machine import machine_on
from tests.properties.profile import USUAL_EXAMPLES, profile

STEPS = 40
"""Of one order; a chain of three steps needs a dozen, and what happens to it in between as many again."""

# making a failing order shorter takes minutes, in which everybody waits for a red run to become red
IS_DEEP = "EKIDEN_PROPERTY_EXAMPLES" in os.environ
PHASES = [Phase.generate, Phase.shrink] if IS_DEEP else [Phase.generate]

USUAL_ORDERS = 6
"""As many as fit in ten seconds."""


def test_whatever_happens_in_whatever_order_the_ledger_stays_sound(shop: Shop) -> None:
    with connect(shop.settings, autocommit=True) as control:
        control.execute("set jit = off")
        ground = Ground(shop, control)
        ground.make_tables()
        orders = settings(
            profile(1 if IS_DEEP else USUAL_ORDERS / USUAL_EXAMPLES), stateful_step_count=STEPS, phases=PHASES
        )
        run_state_machine_as_test(machine_on(ground), settings=orders)
        shop.connection.close()
