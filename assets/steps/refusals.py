"""A job that refuses what it was asked says why in its own words, as at a terminal: not that an op raised something.

Belongs here: what counts as a refusal, and how a run fails by one. Does not belong here: what is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure
from psycopg import DataError

from ekiden.errors import SaysEnough

REFUSALS = (SaysEnough, DataError, OverflowError, ValueError)
"""What can be wrong with a question or an order. Fields that cannot be read are a `ValueError`, and so is a rule that
decides nothing; an instant beyond all calendars is an `OverflowError`, a NUL character in a text a `DataError`."""


@contextmanager
def refusing(*refusals: type[Exception]) -> Iterator[None]:
    """Fail the run with the words of whatever is wrong with what was asked; for a block, or for a whole op.

    An order is read in a block of all `REFUSALS`. What it sets going does so much that a fault of ours could pass for
    one of them: there name those there are, `SaysEnough`, which no fault of ours is.
    """
    known = refusals or REFUSALS
    try:
        yield
    except known as error:
        # trying again would find the same
        raise Failure(str(error), allow_retries=False) from error
