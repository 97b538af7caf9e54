"""Reading the launchpad's fields: days, words and bounds, refused in words that name the field.

Belongs here: what fields of several forms are read by. Does not belong here: any form (`forms`, `looking_forms`).
"""

from datetime import date
from enum import StrEnum
from typing import TypeVar

DUE = ("due_from", "due_to")
"""The fields that bound due dates."""

Word = TypeVar("Word", bound=StrEnum)


class NotADay(ValueError):
    """A field that should name a day does not."""


class NotAWord(ValueError):
    """A field of a form says what it cannot say."""


class OutOfBounds(ValueError):
    """A field's number is too small or too large."""


def read_days(
    first_day: str | None, last_day: str | None, *, fields: tuple[str, str] = ("first_day", "last_day")
) -> tuple[date | None, date | None]:
    """Return the days that two fields name, None where one is empty; raises `NotADay`."""
    first_field, last_field = fields
    first = read_day(first_field, first_day) if first_day else None
    last = read_day(last_field, last_day) if last_day else None
    if first and last and last < first:
        raise NotADay(f"{last_field} {last} is before {first_field} {first}: swap them")
    return first, last


def read_day(field: str, text: str) -> date:
    """Return the day that a field names; raises `NotADay` naming the field."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise NotADay(f"{field}: {text!r} is not a day; write it like 2026-05-01") from None


def read_word(field: str, text: str, words: type[Word]) -> Word:
    """Return the word that a field says; raises `NotAWord` naming the field and what is allowed."""
    try:
        return words(text.strip())
    except ValueError:
        raise NotAWord(f"{field}: {text!r} is not known; allowed: {', '.join(words)}") from None


def refuse_out_of_bounds(field: str, number: float, *, least: float, most: float | None = None) -> None:
    """Raise `OutOfBounds` unless a field's number is within its bounds.

    Not left to pydantic: Dagster makes the form before the job begins, and its words would be those of the library.
    """
    if not number >= least:  # what is no number at all is no more than anything
        raise OutOfBounds(f"{field}: {number} is too small; it is at least {least}")
    if most is not None and number > most:
        raise OutOfBounds(f"{field}: {number} is too large; it is at most {most}")
