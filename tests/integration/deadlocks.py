"""Deadlocks as our code meets them. Does not belong here: ends in the middle of it (`tests.ledger.interruptions`)."""

from pkgutil import resolve_name
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected


def fails_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a function, named with its module, do its work and end in a deadlock when it is first called."""
    work = resolve_name(name)
    ends = iter([DeadlockDetected("as if somebody else had waited for us")])

    def once_in_each_others_way(*arguments: Any, **more: Any) -> Any:
        done = work(*arguments, **more)
        for end in ends:
            raise end
        return done

    monkeypatch.setattr(name, once_in_each_others_way)
