"""What a script expects after an operation, against what is there: the first difference, named.

Belongs here: comparing and telling, on plain values. Does not belong here: reading the ledger (`stage`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Literal, TypeVar

from tests.acceptance.reading import local
from tests.acceptance.script import NO_TIME, ExpectedEnrolment, ExpectedRow

Line = TypeVar("Line")
Wanted = TypeVar("Wanted")
SAME, DIFFERENT = " ", "≠"


@dataclass(frozen=True)
class ActualRow:
    """A schedule row that is not deleted."""

    scenario: str
    customer: str
    step: int
    due_date: date
    status: str
    time: datetime | Literal["-"]
    reason: str | None


@dataclass(frozen=True)
class ActualEnrolment:
    """An enrolment, removed ones included."""

    scenario: str
    customer: str
    state: str
    exit_reason: str | None


def compare_rows(expected: Sequence[ExpectedRow], actual: Sequence[ActualRow]) -> str | None:
    """Return how the rows differ from what a script expects, None where they do not."""
    return _compare(
        "rows",
        expected,
        actual,
        key=lambda row: (row.scenario, row.customer, row.step),
        order=lambda row: (row.due_date, row.status, str(row.time)),
        fits=_row_fits,
        text=_row_text,
    )


def compare_enrolments(expected: Sequence[ExpectedEnrolment], actual: Sequence[ActualEnrolment]) -> str | None:
    """Return how the enrolments differ; removed ones count only where the script expects some."""
    if not any(enrolment.state == "removed" for enrolment in expected):
        actual = [enrolment for enrolment in actual if enrolment.state != "removed"]
    return _compare(
        "enrolments",
        expected,
        actual,
        key=lambda enrolment: (enrolment.scenario, enrolment.customer),
        order=lambda enrolment: (enrolment.state, enrolment.exit_reason or ""),
        fits=lambda wanted, found: wanted.state == found.state and wanted.exit_reason in (None, found.exit_reason),
        text=lambda enrolment: _listed(enrolment.scenario, enrolment.customer, enrolment.state, enrolment.exit_reason),
    )


def compare_values(what: str, expected: object, actual: object) -> str | None:
    """Return how one value differs, None where it does not."""
    return None if expected == actual else f"{what}: expected {expected}, found {actual}"


def _row_fits(wanted: ExpectedRow, found: ActualRow) -> bool:
    return (
        (wanted.due_date, wanted.status, wanted.time) == (found.due_date, found.status, found.time)
        # a reason is compared only where the script gives one
        and wanted.reason in (None, found.reason)
    )


def _row_text(row: ExpectedRow | ActualRow) -> str:
    time = row.time if row.time == NO_TIME else local(row.time)
    return _listed(row.scenario, row.customer, row.step, row.due_date, row.status, time, row.reason)


def _listed(*values: object) -> str:
    return f"[{', '.join(str(value) for value in values if value is not None)}]"


def _compare(
    what: str,
    expected: Iterable[Wanted],
    actual: Iterable[Line],
    *,
    key: Callable[[Wanted | Line], tuple[object, ...]],
    order: Callable[[Wanted | Line], tuple[object, ...]],
    fits: Callable[[Wanted, Line], bool],
    text: Callable[[Wanted | Line], str],
) -> str | None:
    wanted_by_key: dict[tuple[object, ...], list[Wanted]] = defaultdict(list)
    found_by_key: dict[tuple[object, ...], list[Line]] = defaultdict(list)
    for wanted in sorted(expected, key=order):
        wanted_by_key[key(wanted)].append(wanted)
    for found in sorted(actual, key=order):
        found_by_key[key(found)].append(found)
    pairs = [
        pair
        for common in sorted({*wanted_by_key, *found_by_key})
        for pair in zip_longest(wanted_by_key[common], found_by_key[common])
    ]
    told = [
        (
            SAME if wanted is not None and found is not None and fits(wanted, found) else DIFFERENT,
            "nothing" if wanted is None else text(wanted),
            "nothing" if found is None else text(found),
        )
        for wanted, found in pairs
    ]
    first = next((line for line in told if line[0] == DIFFERENT), None)
    if first is None:
        return None
    width = max(len(line[1]) for line in told)
    table = [f"    {mark} {wanted:<{width}}  {found}" for mark, wanted, found in told]
    heading = f"      {'expected':<{width}}  found"
    return "\n".join([f"{what}: expected {first[1]}, found {first[2]}", heading, *table])
