"""What a terminated run leaves behind in the database."""

import os
import signal
import threading

import pytest

from assets.steps.acting import ledger
from assets.steps.termination import RunTerminated
from tests.integration.ledger_fixtures import Shop

LONGER_THAN_ANY_TEST = 600


def test_a_terminated_step_ends_its_statement_and_can_still_record_how_it_ended(shop: Shop) -> None:
    with pytest.raises(RunTerminated), ledger(shop.settings) as connection:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(1), pg_sleep(%s)", (LONGER_THAN_ANY_TEST,))
        finally:
            assert connection.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (0,)
