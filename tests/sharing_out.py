"""How the tests are shared out among pytest-xdist's workers: by file, or by folder where its files share a build.

Belongs here: which folders stay together, and what comes first. Nothing here changes what a test does: a file that is
not named is one among many.
"""

from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = (
    "tests/acceptance",
    "tests/integration/insights",
    "tests/integration/warehouse",
    "tests/properties",
)
"""Folders whose files share what is built once in a process: two workers would build it twice (warehouse: 60 s)."""

FIRST = (
    "tests/integration/warehouse_changes/test_changes.py",
    "tests/integration/warehouse",
    "tests/properties",
    "tests/integration/scenarios/test_broken_definitions.py",
    "tests/integration/warehouse_changes/test_own_models.py",
    "tests/integration/dagster/test_pipeline.py",
    "tests/acceptance",
    "tests/integration/docs/test_examples_run.py",
    "tests/integration/insights",
    "tests/integration/dagster/test_up.py",
    "tests/integration/dagster/test_send_workers.py",
    "tests/ledger/test_any_order.py",
    "tests/delivery/test_rounds.py",
    "tests/delivery/test_faults.py",
)
"""The longest, longest first: a long one that began last would keep one worker busy and leave the others idle."""


class BySharedBuild(LoadFileScheduling):
    """`--dist loadfile`, in the order of `longest_first` and with `TOGETHER`."""

    def schedule(self) -> None:
        # the number of tests of a file says nothing of its length
        self.config.option.loadscopereorder = False
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """Return what a test stays together with: its file, or its folder."""
    file = nodeid.split("::", 1)[0]
    folder = file.rpartition("/")[0]
    return folder if folder in TOGETHER else file


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests, those of `FIRST` before all others and everything else in the order given."""
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    return sorted(items, key=lambda item: ranks.get(unit(item.nodeid), len(FIRST)))
