"""What a `member` frame asks of a customer's record at one instant (R-101a to R-101n), in the plainest Python.

Belongs here: the member conditions of the language's reference. Does not belong here: the other frames (`language`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import nan
from typing import Any

from tests.properties.history import Customer
from tests.properties.local_time import LocalTime, given_date, years_after
from tests.properties.orders import counts

BIRTHDAY_YEARS = 50
"""Birthdays are told for so many years after the registration."""


def member_holds(asked: Mapping[str, Any], customer: Customer, instant: datetime, local: LocalTime) -> bool:
    """Whether all that is asked holds; what has no history counts as if it had always been so."""
    return all(CONDITIONS[name](wanted, Moment(customer, instant, local)) for name, wanted in asked.items())


@dataclass(frozen=True)
class Moment:
    """A customer at an instant."""

    customer: Customer
    instant: datetime
    local: LocalTime

    @property
    def today(self) -> date:
        """The local date."""
        return self.local.date_of(self.instant)

    @property
    def ordered_on(self) -> list[date]:
        """The dates of the orders that count now."""
        return [self.local.date_of(o.ordered_at) for o in self.customer.orders if counts(o, self.instant)]

    @property
    def birth_month(self) -> int | None:
        """The month of birth, from 1 to 12."""
        return self.customer.birth_date.month if self.customer.birth_date else None

    @property
    def last_login_on(self) -> date | None:
        """The date of the latest login."""
        return self.local.date_of(self.customer.last_login_at) if self.customer.last_login_at else None

    def value_of(self, field: str, now: str | None) -> str | None:
        """Return what a field was: before its first known change as after it; without any, as it is now."""
        changes = sorted((c for c in self.customer.changes if c.field == field), key=lambda change: change.changed_at)
        if not changes:
            return now
        before = [change for change in changes if change.changed_at <= self.instant]
        return (before[-1] if before else changes[0]).value


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _text_matches(text: str | None, wanted: Mapping[str, str]) -> bool:
    if text is None:
        return False
    return all(
        {"contains": part in text, "equals": part == text}[how]  # the case of letters counts
        for how, part in wanted.items()
    )


def _newsletter(wanted: Any, moment: Moment) -> bool:
    # what a file leaves empty means what it does in a customer's record
    status = moment.value_of("newsletter_status", moment.customer.newsletter_status) or "both"
    return "any" in _listed(wanted) or status in _listed(wanted)


def _in_range(day: date | None, wanted: Mapping[str, Any]) -> bool:
    if day is None:
        return False
    first, last = wanted.get("from"), wanted.get("to")
    return (first is None or given_date(first) <= day) and (last is None or day <= given_date(last))


def _days_ago(day: date | None, today: date, wanted: Mapping[str, Any]) -> bool:
    if day is None:
        return False
    ago = (today - day).days
    return (wanted.get("from") is None or wanted["from"] <= ago) and (wanted.get("to") is None or ago <= wanted["to"])


def _age_in(birth_date: date | None, today: date, wanted: Mapping[str, Any]) -> bool:
    if birth_date is None:
        return False
    age = today.year - birth_date.year
    if years_after(birth_date, age) > today:
        age -= 1
    return (wanted.get("from") is None or wanted["from"] <= age) and (wanted.get("to") is None or age <= wanted["to"])


def _around_birthday(wanted: Mapping[str, Any], moment: Moment) -> bool:
    birth_date, today = moment.customer.birth_date, moment.today
    registered_on = moment.local.date_of(moment.customer.registered_at)
    if birth_date is None:
        return False
    before, after = timedelta(wanted.get("days_before", 0)), timedelta(wanted.get("days_after", 0))
    if not registered_on <= today < years_after(registered_on, BIRTHDAY_YEARS):
        return False
    # one of last year may still, one of next year already count
    birthdays = [years_after(birth_date, today.year + year - birth_date.year) for year in (-1, 0, 1)]
    return any(birthday - before <= today <= birthday + after for birthday in birthdays)


def _custom_matches(value: Any, wanted: Any) -> bool:
    if value is None:
        return False
    if not isinstance(wanted, Mapping):
        return _text(value) == _text(wanted)
    return all(_compares(value, how, operand) for how, operand in wanted.items())


def _compares(value: Any, how: str, operand: Any) -> bool:
    match how:
        case "equals":
            return _text(value) == _text(operand)
        case "contains":
            return operand in _text(value)
        case "in":
            return _text(value) in [_text(one) for one in operand]
        case "from":
            return _order(value, operand) >= 0
        case "to":
            return _order(value, operand) <= 0
    raise ValueError(f"no such comparison: {how}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _order(value: Any, operand: Any) -> float:
    """Return how a value lies to a bound: as numbers, or as texts as far as the bound goes; nan where it does not."""
    if isinstance(operand, str):
        compared = _text(value)[: len(operand)]
        return (compared > operand) - (compared < operand)
    try:
        return nan if isinstance(value, bool) else float(value) - operand
    except ValueError:
        return nan


CONDITIONS: Mapping[str, Callable[[Any, Moment], bool]] = {
    "address": lambda wanted, at: _text_matches(at.customer.address, wanted),
    "postal_code": lambda wanted, at: _text_matches(at.customer.postal_code, wanted),
    "gender": lambda wanted, at: at.customer.gender == wanted,
    "newsletter": _newsletter,
    "rank": lambda wanted, at: at.value_of("member_rank", at.customer.member_rank) in _listed(wanted),
    "tag": lambda wanted, at: any(
        t in _listed(wanted) and since <= at.instant for t, since in at.customer.tags.items()
    ),
    "registered_on": lambda wanted, at: _in_range(at.local.date_of(at.customer.registered_at), wanted),
    "last_ordered_on": lambda wanted, at: _in_range(max(at.ordered_on, default=None), wanted),
    "first_ordered_on": lambda wanted, at: _in_range(min(at.ordered_on, default=None), wanted),
    "last_ordered_days_ago": lambda wanted, at: _days_ago(max(at.ordered_on, default=None), at.today, wanted),
    "birth_date": lambda wanted, at: _in_range(at.customer.birth_date, wanted),
    "birth_month": lambda wanted, at: at.birth_month in _listed(wanted),
    "age": lambda wanted, at: _age_in(at.customer.birth_date, at.today, wanted),
    "birthday": _around_birthday,
    "last_login_on": lambda wanted, at: _in_range(at.last_login_on, wanted),
    "last_login_days_ago": lambda wanted, at: _days_ago(at.last_login_on, at.today, wanted),
    "custom": lambda wanted, at: all(
        _custom_matches((at.customer.custom_fields or {}).get(field), comparison)
        for field, comparison in wanted.items()
    ),
}
