"""A transaction that the database ended for another one's sake is tried again, and only such a one."""

import psycopg
import pytest
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation

from ekiden.database.again import TRIES, again
from tests.integration.ledger_fixtures import Shop


@pytest.mark.parametrize("error", [DeadlockDetected, SerializationFailure])
def test_what_ended_for_another_ones_sake_is_tried_again(shop: Shop, error: type[psycopg.Error]) -> None:
    ends = iter([error(), error()])

    def attempt() -> str:
        if (end := next(ends, None)) is not None:
            raise end
        return "done"

    assert again(shop.connection, attempt) == "done"


@pytest.mark.parametrize(("error", "tries"), [(DeadlockDetected, TRIES), (UniqueViolation, 1)])
def test_it_is_not_tried_for_ever(shop: Shop, error: type[psycopg.Error], tries: int) -> None:
    tried = []

    def attempt() -> None:
        tried.append(1)
        raise error

    with pytest.raises(error):
        again(shop.connection, attempt)
    assert len(tried) == tries


def test_within_a_callers_transaction_it_is_the_callers_to_try_again(shop: Shop) -> None:
    tried = []

    def attempt() -> None:
        tried.append(1)
        raise DeadlockDetected

    with pytest.raises(DeadlockDetected), shop.connection.transaction():
        again(shop.connection, attempt)
    assert len(tried) == 1
