"""Numbers of things in words."""

import pytest

from ekiden.counting import counted, counted_rows, these_rows


@pytest.mark.parametrize(
    ("number", "told", "named"),
    [(0, "0 rows", "these 0 rows"), (1, "1 row", "this 1 row"), (2, "2 rows", "these 2 rows")],
)
def test_one_row_is_told_as_one(number: int, told: str, named: str):
    assert (counted_rows(number), these_rows(number)) == (told, named)


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, ("0 requests", "0 entries")), (1, ("1 request", "1 entry")), (2, ("2 requests", "2 entries"))],
)
def test_one_of_anything_is_told_as_one(number: int, told: tuple[str, str]):
    assert (counted(number, "request"), counted(number, "entry", "entries")) == told
