"""Numbers of things in words."""

import pytest

from ekiden.counting import counted_rows, these_rows


@pytest.mark.parametrize(
    ("number", "told", "named"),
    [(0, "0 rows", "these 0 rows"), (1, "1 row", "this 1 row"), (2, "2 rows", "these 2 rows")],
)
def test_one_row_is_told_as_one(number: int, told: str, named: str):
    assert (counted_rows(number), these_rows(number)) == (told, named)
