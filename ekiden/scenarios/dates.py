"""Dates that never come, found without a clock: settings that together leave no day (or no customer).

Belongs here: impossibilities within one definition. Does not belong here: what today's date says (`validate`).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from ekiden.scenarios.anchor import DATED_BY_THE_ORDER
from ekiden.scenarios.faults import DefinitionFault, fault
from ekiden.scenarios.rules import frames, kind_of_anchor
from ekiden.scenarios.scenario import ScenarioDefinition

Faults = Iterator[DefinitionFault]


def step_1_can_be_due(scenario: ScenarioDefinition) -> Faults:
    """Some anchor that `start` and the orders' period allow makes step 1 due within the scenario's period (Q-01)."""
    kind = kind_of_anchor(scenario)
    if kind is None:
        return
    ordered = scenario.orders.period if scenario.anchors_on_orders and scenario.orders else None
    # an order is paid for, shipped and delivered on its own day or later
    earliest = _latest(scenario.start, ordered.first if ordered else None)
    latest = ordered.last if ordered and kind in DATED_BY_THE_ORDER else None
    if scenario.start and latest and latest < scenario.start:
        message = f"the orders' period ends on {latest}, before any order can be an anchor: no step 1 will ever be due"
        yield fault("never_due", ("start",), message, scenario.start.isoformat())
        return
    first_step = scenario.steps[0] if scenario.steps else None
    if scenario.period is None or first_step is None or first_step.offset_days is None:
        return
    days = scenario.due_after_days(first_step)
    first, last = scenario.period.first, scenario.period.last
    if last and earliest and _shifted(earliest, days) > last:
        message = (
            f"the period ends on {last}, but the first anchor, on {earliest}, makes step 1 due on "
            f"{_shifted(earliest, days)}: it will never be due"
        )
        yield fault("never_due", ("period", "to"), message, last.isoformat())
    if first and latest and _shifted(latest, days) < first:
        message = (
            f"the period begins on {first}, but the last anchor, on {latest}, makes step 1 due on "
            f"{_shifted(latest, days)}: it will never be due"
        )
        yield fault("never_due", ("period", "from"), message, first.isoformat())


def members_can_exist(scenario: ScenarioDefinition) -> Faults:
    """What a frame asks of one record can hold of some record."""
    for place, frame in frames(scenario):
        member = frame.member if frame.type == "member" else None
        if member is None:
            continue
        first_order, last_order = member.first_ordered_on, member.last_ordered_on
        begun = first_order.first if first_order else None
        ended = last_order.last if last_order else None
        if begun and ended and ended < begun:
            message = (
                f"the last order until {ended}, the first from {begun} on: nobody's last order is before the first"
            )
            yield fault("never_holds", (*place, "member", "last_ordered_on"), message, ended.isoformat())
        months = set(member.birth_month or ())
        if months and member.birth_date and not months & _months(member.birth_date.first, member.birth_date.last):
            message = "none of these months lies in the range of 'birth_date': nobody is meant"
            yield fault("never_holds", (*place, "member", "birth_month"), message)


def _months(first: date | None, last: date | None) -> set[int]:
    whole_year = set(range(1, 13))
    if first is None or last is None or (last - first).days > 366:  # noqa: PLR2004 - a year and a day hold all months
        return whole_year
    return {(first + timedelta(days=day)).month for day in range((last - first).days + 1)}


def _latest(*dates: date | None) -> date | None:
    known = [each for each in dates if each is not None]
    return max(known, default=None)


def _shifted(day: date, days: int) -> date:
    """Return the date that many days later, at most the calendar's last."""
    return day + timedelta(days=min(days, (date.max - day).days))
