"""What goes wrong outside of Ekiden is told in a line."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy.exc

from ekiden.cli.expected import told
from ekiden.errors import SaysEnough


def test_an_error_whose_words_say_enough_is_told_in_them_and_one_of_our_own_making_is_not():
    class NothingInTheShop(SaysEnough, LookupError):
        pass

    error = NothingInTheShop("the shop is empty: fill it")
    assert told(error) == [error]
    assert told(LookupError("the shop is empty: fill it")) == []


def test_a_database_that_stops_is_told_alike_whoever_asked_it():
    ended = psycopg.OperationalError("server closed the connection")
    assert told(ended) == told(sqlalchemy.exc.OperationalError("select 1", {}, ended))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_folder_of_somebody_else_is_told_in_one_line(tmp_path: Path, number: int):
    why = os.strerror(number)
    assert told(PermissionError(number, why, str(tmp_path))) == [f"{tmp_path} could not be used: {why}"]


@pytest.mark.parametrize(
    "said",
    [
        'relation "staging.stg_orders" does not exist',
        "function eligibility.cross_sell__9215b36bfd__why(text[]) does not exist",
        # of a server that speaks Japanese
        'リレーション"marts.customers"は存在しません',
    ],
)
def test_what_a_model_makes_is_to_be_built(said: str):
    (complaint,) = told(missing(said))
    assert str(complaint).startswith(f"{said}: ")
    assert str(complaint).endswith("run `ekiden build`")


@pytest.mark.parametrize(
    "said",
    [
        'relation "staging.stg_oders" does not exist',
        'relation "marts.stg_orders" does not exist',
        'relation "outreach.orders" does not exist',
        'relation "orders" does not exist',
    ],
)
def test_a_name_that_no_model_has_is_a_mistake_of_ours(said: str):
    assert not told(missing(said))


def missing(said: str) -> psycopg.Error:
    class Missing(psycopg.errors.UndefinedTable):
        diag = SimpleNamespace(message_primary=said)

    return Missing(said)
