"""Numbers of things in words, where one is told as well as many."""


def counted_rows(number: int) -> str:
    """Return so many rows, like "1 row" or "2 rows"."""
    return "1 row" if number == 1 else f"{number} rows"


def these_rows(number: int) -> str:
    """Return so many rows that were just named, like "this 1 row" or "these 2 rows"."""
    return f"{'this' if number == 1 else 'these'} {counted_rows(number)}"
