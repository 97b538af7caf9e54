"""The smallest parts of a definition: codes, dates, times, counts and ranges of them.

Belongs here: a value that is right or wrong by itself. Does not belong here: what a setting means. The macros of dbt
read a definition as it is written, so nothing is converted silently: what is written is right, or it is a fault.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

MAX_DAYS = 3650
"""Ten years: more is a slip of the keyboard, and could leave the calendar of the database."""

# of ASCII alone: a full-width digit is a digit to Python, and to nobody who reads the definition after it
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_LENGTH = re.compile(r"(?:(?P<days>\d{1,4})d)?(?:(?P<hours>\d{1,5})h)?(?:(?P<minutes>\d{1,7})m)?", re.ASCII)
_TIME_WITH_OFFSET = re.compile(r"\d{2}:\d{2}(:\d{2})?\s*(Z|[+-]\d{2}:?\d{2})", re.IGNORECASE | re.ASCII)


class Part(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _quoted(value: object) -> object:
    if isinstance(value, int | float | date) and not isinstance(value, bool):
        # what stands there may look otherwise: 0123 is 83 to YAML
        kind = "date" if isinstance(value, date) else "number"
        message = "YAML reads this as the {kind} {read}; write what is meant in quotes"
        raise PydanticCustomError("not_quoted", message, {"kind": kind, "read": str(value)})
    return value


def readable(value: str) -> str:
    """Return `value` if a database can keep it; a fault otherwise."""
    if "\0" in value:
        raise PydanticCustomError("unreadable_text", "there is a character in it that no database can keep (NUL)")
    return value


def as_yaml_reads(value: bool) -> str:
    """Return how true and false are told: whoever wrote a country's code or a switch did not write that word."""
    return "true (as YAML reads yes and on)" if value else "false (as YAML reads no and off)"


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank_text", "only blanks stand here; write a text")
    return value


def _no_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # YAML reads an unquoted 12:00 as the number 720 (sexagesimal); say so instead of planning for 00:12
        raise PydanticCustomError("time_not_quoted", 'write the time in quotes, like "12:00"')
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not (_TIME.fullmatch(value) or _TIME_WITH_OFFSET.fullmatch(value)):
        raise PydanticCustomError("no_such_time", 'a time is written like "12:00"')
    if not _TIME.fullmatch(value):
        message = "the time is the shop's local time; write it without an offset"
        raise PydanticCustomError("time_not_local", message)
    try:
        return time.fromisoformat(value)
    except ValueError:
        message = "there is no such time of the day; it goes from 00:00 to 23:59"
        raise PydanticCustomError("no_such_time", message) from None


def _calendar_date(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, str | date):
        raise PydanticCustomError("not_a_date", "a local date is written like 2026-01-31")
    if isinstance(value, date):
        return value
    if not _DATE.fullmatch(value):
        raise PydanticCustomError("not_a_date", "a local date is written like 2026-01-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("no_such_date", "the calendar has no {date}", {"date": value}) from None


def _length_of_time(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        message = "{number} has no unit; write it like 6h, 90m, 1h30m or 2d"
        raise PydanticCustomError("length_without_unit", message, {"number": value})
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if not found or not value:
        raise PydanticCustomError("not_a_length_of_time", "a length of time is written like 6h, 90m, 1h30m or 2d")
    length = timedelta(**{unit: int(number) for unit, number in found.groupdict().items() if number})
    # of nothing at all, whatever a sender finds would be too late
    if length < timedelta(minutes=1):
        raise PydanticCustomError("out_of_range", "it is at least {ge}", {"ge": "1m"})
    if length > timedelta(days=MAX_DAYS):
        raise PydanticCustomError("out_of_range", "it is at most {le}", {"le": f"{MAX_DAYS}d"})
    return length


Text = Annotated[
    str,
    BeforeValidator(_quoted),
    Field(min_length=1, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(readable),
    AfterValidator(_not_blank),
]
"""A code, a name, a word of the shop's own; never a number, whose leading zeros would be lost."""

Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Days = Annotated[int, Field(strict=True, ge=0, le=MAX_DAYS)]

LocalTime = Annotated[
    time,
    BeforeValidator(_no_number),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"}),
]
"""A wall-clock time of the shop's zone."""

LengthOfTime = Annotated[
    timedelta,
    BeforeValidator(_length_of_time),
    WithJsonSchema({"type": "string", "pattern": r"^(?=\d)(\d{1,4}d)?(\d{1,5}h)?(\d{1,7}m)?$"}),
]
"""Days, hours and minutes, to the minute; from one minute to ten years."""

LocalDate = Annotated[
    date,
    BeforeValidator(_calendar_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]
"""A date of the shop's zone (R-079)."""


class Range(Part):
    """Both ends are included and either may be open (R-101n), but not both."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        first: Any = getattr(self, "first", None)
        last: Any = getattr(self, "last", None)
        if first is None and last is None:
            raise PydanticCustomError("range_empty", "a range needs 'from', 'to' or both")
        if first is not None and last is not None and first > last:
            message = "it ends ({last}) before it begins ({first})"
            raise PydanticCustomError("period_reversed", message, {"first": str(first), "last": str(last)})
        return self


class Period(Range):
    """A range of local dates, both included; either end may be left out."""

    first: LocalDate | None = Field(None, alias="from", description="The first date.")
    last: LocalDate | None = Field(None, alias="to", description="The last date.")


class DaysAgo(Range):
    """A range of whole local days before the day in question, both included; either end may be left out."""

    first: Days | None = Field(None, alias="from", description="The fewest days ago.")
    last: Days | None = Field(None, alias="to", description="The most days ago.")


class PurchaseCount(Part):
    """How many orders (or events), never how many pieces (R-102b, R-102h); none at all never matches (Q-07)."""

    op: Literal["eq", "gte", "lte"] = Field(description="Exactly, at least or at most.")
    n: Whole = Field(ge=1, le=100_000, description="The number, from 1.")
