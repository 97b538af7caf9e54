"""What a `member` frame may ask of a customer's record (R-101a to R-101m).

Belongs here: the member conditions, one class each. Does not belong here: the other frames (`frames`).
"""

from datetime import date, datetime
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ekiden.scenarios import integers
from ekiden.scenarios.values import DaysAgo, Part, Period, Range, Text, Whole, as_yaml_reads, readable

MAX_AGE = 150
"""Years; nobody got older, and a birth date that says so is a slip."""

MAX_BIRTHDAY_DAYS = 182
"""Half a year on either side: more would hold the whole year round."""

MONTHS = 12

COMPARISON = "<comparison>"
VALUE = "<value>"


def _scalar(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, str | int | float | date):
        raise PydanticCustomError("not_a_value", "a text, a number, true, false or a date is expected")
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("not_a_value", "this is no number that can be compared")
    if isinstance(value, float) and abs(value) > integers.LARGEST:
        # written without a fraction by the database, and then read as the integer that it is
        raise PydanticCustomError("not_a_value", integers.MESSAGE)
    if isinstance(value, str):
        return readable(value)
    return value


def _comparable(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_value", "true and false have no order; write 'equals' instead")
    return value


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""A value of one of the shop's own fields, as its JSON has it."""

Bound = Annotated[
    Any, BeforeValidator(_scalar), BeforeValidator(_comparable), WithJsonSchema({"type": ["string", "number"]})
]
"""An end of a range of such values."""


class TextMatch(Part):
    """The whole text or a part of it (R-101a); one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    contains: Text | None = Field(None, description="This text stands somewhere in it.")
    equals: Text | None = Field(None, description="It is this text, exactly.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.contains is None) == (self.equals is None):
            raise PydanticCustomError("exactly_one_comparison", "give either 'contains' or 'equals'")
        return self


class Ages(Range):
    """A range of ages in whole years, both included; either end may be left out."""

    first: Annotated[int, Field(strict=True, ge=0, le=MAX_AGE)] | None = Field(None, alias="from")
    last: Annotated[int, Field(strict=True, ge=0, le=MAX_AGE)] | None = Field(None, alias="to")


class Birthday(Part):
    """Every year around the birthday; without anything else, on the day itself."""

    days_before: Whole = Field(0, ge=0, le=MAX_BIRTHDAY_DAYS, description="From this many days before it.")
    days_after: Whole = Field(0, ge=0, le=MAX_BIRTHDAY_DAYS, description="Until this many days after it.")


class CustomMatch(Part):
    """A comparison with one of the shop's own fields (R-101m); all that are given must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    equals: Scalar | None = Field(None, description="The value is this one.")
    contains: Text | None = Field(None, description="This text stands somewhere in the value.")
    in_: tuple[Scalar, ...] | None = Field(None, alias="in", min_length=1, description="It is one of these.")
    first: Bound | None = Field(None, alias="from", description="It is this value or more.")
    last: Bound | None = Field(None, alias="to", description="It is this value or less.")

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if not self.model_fields_set or all(getattr(self, name) is None for name in self.model_fields_set):
            message = "give a value, or one of 'equals', 'contains', 'in', 'from' and 'to'"
            raise PydanticCustomError("comparison_required", message)
        first, last = self.first, self.last
        if first is None or last is None:
            return self
        if (isinstance(first, str | date)) != (isinstance(last, str | date)):
            raise PydanticCustomError("ends_of_two_kinds", "'from' and 'to' are of two kinds: write both alike")
        # texts as the query compares them, in as many characters as the end has: a whole day ends with its last time;
        # numbers as they are: a float holds no more than 15 digits of one
        if str(first)[: len(str(last))] > str(last) if isinstance(first, str | date) else first > last:
            message = "it ends ({last}) before it begins ({first})"
            raise PydanticCustomError("period_reversed", message, {"first": str(first), "last": str(last)})
        return self


def _newsletter_class(value: object) -> object:
    classes = ("any", "both", "pc", "mobile", "none")
    if value not in classes:
        message = "{found} is no newsletter class; there are: {known}"
        raise PydanticCustomError(
            "unknown_newsletter_class", message, {"found": _told(value), "known": ", ".join(classes)}
        )
    return value


def _month(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MONTHS:
        # to YAML 08 is a text, as is what stands in quotes
        digits = value.strip().lstrip("0") if isinstance(value, str) else ""
        is_text = digits in map(str, range(1, MONTHS + 1))
        said = (
            f"is read as a text; write {digits}, without quotes" if is_text else "is no month; months go from 1 to 12"
        )
        raise PydanticCustomError("unknown_birth_month", "{found} {said}", {"found": _told(value), "said": said})
    return value


def _told(value: object) -> str:
    return as_yaml_reads(value) if isinstance(value, bool) else str(value)


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple | dict) else (value,)


def _custom_kind(value: object) -> str:
    return COMPARISON if isinstance(value, dict | CustomMatch) else VALUE


NewsletterClass = Annotated[Literal["any", "both", "pc", "mobile", "none"], BeforeValidator(_newsletter_class)]
Month = Annotated[Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], BeforeValidator(_month)]


CustomCondition = Annotated[
    Annotated[CustomMatch, Tag(COMPARISON)] | Annotated[Scalar, Tag(VALUE)], Discriminator(_custom_kind)
]


class MemberConditions(Part):
    """What the customer's record must say; all that are given must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    address: TextMatch | None = Field(None, description="The postal address, without the postal code.")
    postal_code: TextMatch | None = None
    gender: Literal["male", "female"] | None = None
    newsletter: Annotated[tuple[NewsletterClass, ...], BeforeValidator(_listed), Field(min_length=1)] | None = Field(
        None,
        description="The newsletter class, or a list of them; 'any' does not narrow.",
        json_schema_extra={"x-or-one": True},
    )
    registered_on: Period | None = Field(None, description="The date of registration.")
    rank: tuple[Text, ...] | None = Field(None, min_length=1, description="Ranks; needs the option member_rank.")
    last_ordered_on: Period | None = Field(None, description="The date of the last order that stands.")
    first_ordered_on: Period | None = Field(None, description="The date of the first order that stands.")
    last_ordered_days_ago: DaysAgo | None = Field(None, description="How many days ago the last order was.")
    birth_date: Period | None = None
    birth_month: Annotated[tuple[Month, ...], BeforeValidator(_listed), Field(min_length=1)] | None = Field(
        None, description="The month of birth, or a list of them.", json_schema_extra={"x-or-one": True}
    )
    age: Ages | None = Field(None, description="Whole years.")
    birthday: Birthday | None = Field(None, description="Around the birthday, every year.")
    last_login_on: Period | None = Field(None, description="The date of the latest login.")
    last_login_days_ago: DaysAgo | None = Field(None, description="How many days ago the latest login was.")
    tag: tuple[Text, ...] | None = Field(
        None, min_length=1, description="Has one of these tags; needs the option member_tag."
    )
    custom: dict[Text, CustomCondition] | None = Field(
        None, min_length=1, description="The shop's own fields: a value, or a comparison."
    )
