"""Numbers of things in words, where one is told as well as many.

Belongs here: which form of a noun goes with a number. Does not belong here: the verb of a sentence, which is better
written so that it need not change.
"""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return so many things, like "1 request" or "2 requests"; `many` where it is not `one` with an s."""
    return f"{number} {in_number(number, one, many)}"


def in_number(number: int, one: str, many: str | None = None) -> str:
    """Return the noun alone, as it stands with so many things."""
    return one if number == 1 else many or f"{one}s"


def counted_rows(number: int) -> str:
    """Return so many rows, like "1 row" or "2 rows"."""
    return counted(number, "row")


def these_rows(number: int) -> str:
    """Return so many rows that were just named, like "this 1 row" or "these 2 rows"."""
    return f"{in_number(number, 'this', 'these')} {counted_rows(number)}"
