"""What a job refuses it says in its own words, and what is a fault of ours it does not pass off as a refusal."""

import pytest
from dagster import Failure

from assets.steps.refusals import refusing
from ekiden.errors import SaysEnough


class ShopAway(SaysEnough, RuntimeError):
    pass


@pytest.mark.parametrize("error", [ShopAway("the shop is away"), ValueError("the shop is away")])
def test_an_order_is_refused_in_the_words_of_what_is_wrong_with_it(error: Exception):
    with pytest.raises(Failure, match=r"^the shop is away$"), refusing():
        raise error


def test_where_much_is_done_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(Failure, match=r"^the shop is away$"), refusing(SaysEnough):
        raise ShopAway("the shop is away")
    with pytest.raises(ValueError, match="not enough values to unpack"), refusing(SaysEnough):
        raise ValueError("not enough values to unpack")
