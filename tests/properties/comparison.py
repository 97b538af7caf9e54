"""An answer of the database held against the language run by hand, at every instant that could tell them apart.

Belongs here: which instants those are, and how a disagreement reads. Does not belong here: what is right (`language`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml

from tests.properties import words
from tests.properties.anchors import Anchor, anchor_kind
from tests.properties.database import Answer, Row, RowKey
from tests.properties.definitions import frames_of
from tests.properties.history import Customer, History
from tests.properties.language import Meaning
from tests.properties.local_time import LocalTime, years_after

INSTANT = timedelta(microseconds=1)
"""The finest the database tells apart."""
LONG_AGO, FAR_OFF = datetime(1900, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)
SHOWN = 6
"""So many disagreements show what is wrong; more would hide it."""
MOST_YEARS = 36
"""How old a customer gets in what is looked at, beyond what the answer itself tells."""


@dataclass(frozen=True)
class Case:
    """A definition and a history, which prints as one would write them down."""

    definition: Mapping[str, Any]
    history: History

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        conditions = {name: value for name, value in self.definition.items() if name not in ("code", "name")}
        return f"\n{yaml.safe_dump(conditions, allow_unicode=True, sort_keys=False)}\n{history_table(self.history)}\n"


def disagreements(case: Case, answer: Answer) -> list[str]:
    """Return where the answer and the language disagree, one line each; empty where they never do."""
    found: list[str] = []
    remaining = dict(answer)
    for customer in case.history.customers:
        meaning = Meaning(case.definition, customer, case.history.shop)
        instants = sorted(_instants(case, customer, answer))
        for anchor in meaning.anchors.all():
            key = RowKey(customer.customer_id, anchor_kind(case.definition), anchor.key)
            row = remaining.pop(key, None)
            found.extend(_of_anchor(meaning, anchor, key, row, instants))
    # of what is no anchor there may be rows, as long as nobody comes in by them
    found.extend(
        f"{key}: no such anchor, but entry during {row.entry_during}"
        for key, row in remaining.items()
        if row.entry_during
    )
    return found


def _of_anchor(
    meaning: Meaning, anchor: Anchor, key: RowKey, row: Row | None, instants: list[datetime]
) -> Iterator[str]:
    if row is None:
        for instant in instants:
            if meaning.entry_holds(anchor, instant):
                yield f"{key}: no row, but entry holds at {_shown(instant)}"
                return
        return
    if (row.anchor_at, row.anchor_date) != (anchor.at, anchor.on):
        yield f"{key}: anchored {_shown(row.anchor_at)} {row.anchor_date}, not {_shown(anchor.at)} {anchor.on}"
    for name, spans, holds in (
        ("entry", row.entry_during, meaning.entry_holds),
        ("stop", row.stop_during, meaning.stop_holds),
    ):
        for instant in instants:
            told, right = any(instant in span for span in spans), holds(anchor, instant)
            if told != right:
                yield (
                    f"{key}: {name} at {_shown(instant)}: the query says {told}, the language {right};"
                    f" the query's {name}: {', '.join(_span(span) for span in spans) or 'never'}"
                )


def _instants(case: Case, customer: Customer, answer: Answer) -> set[datetime]:
    """Return every boundary: of facts, of local days that may matter, of the answer; with the instants around them."""
    local = LocalTime(case.history.shop.time_zone)
    bounds = set(customer.instants())
    for key, row in answer.items():
        if key.customer_id == customer.customer_id:
            for span in (*row.entry_during, *row.stop_during):
                bounds |= {bound for bound in (span.lower, span.upper) if bound is not None}
    days = {local.date_of(bound) for bound in bounds} | set(customer.dates()) | set(_dates_in(case.definition))
    if customer.birth_date and any("member" in frame for _, frame in frames_of(case.definition)):
        days |= {years_after(customer.birth_date, years) for years in range(MOST_YEARS)}
    shifts = {-1, 0, 1, *(shift + after for shift in _numbers_in(case.definition) for after in (0, 1))}
    bounds |= {local.start_of(day + timedelta(days=shift)) for day in days for shift in shifts}
    around = {bound + shift for bound in bounds for shift in (-INSTANT, timedelta(0), INSTANT)}
    return around | {LONG_AGO, FAR_OFF}


def _dates_in(part: Any) -> Iterator[date]:
    for value in _leaves(part):
        if isinstance(value, str):
            try:
                yield date.fromisoformat(value)
            except ValueError:
                continue


def _numbers_in(part: Any) -> set[int]:
    """Return the small numbers of a definition: some are numbers of days, either way."""
    small = {value for value in _leaves(part) if type(value) is int and value <= len(words.TIMES)}
    return small | {-value for value in small}


def _leaves(part: Any) -> Iterator[Any]:
    if isinstance(part, Mapping):
        for value in part.values():
            yield from _leaves(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _leaves(value)
    else:
        yield part


def report(case: Case, found: list[str], whose: str) -> str:
    """Return a disagreement as a person would want to read it."""
    more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([f"reading '{whose}' disagrees with the language:", repr(case), *found[:SHOWN], *more])


def history_table(history: History) -> str:
    """Return a history as a table: one fact a line, in the order of time; nothing that is as usual."""
    return "\n".join(line for customer in history.customers for line in _lines(customer))


def _lines(customer: Customer) -> Iterator[str]:
    record = {f.name: getattr(customer, f.name) for f in fields(customer)}
    usual = {f.name: f.default for f in fields(customer)}
    plain = [
        f"{name}={_shown(value)}"
        for name, value in record.items()
        if name != "customer_id" and value != usual[name] and not isinstance(value, tuple | dict)
    ]
    yield f"{customer.customer_id}: {' '.join(plain)}"
    if customer.custom_fields:
        yield f"  custom_fields {customer.custom_fields}"
    for name in ("orders", "events", "subscriptions", "changes", "enrolments"):
        for fact in record[name]:
            told = [f"{f.name}={_shown(v)}" for f in fields(fact) if (v := getattr(fact, f.name)) != f.default]
            yield f"  {name.removesuffix('s')} {' '.join(told)}"
    for name in ("tags", "lists"):
        yield from (f"  {name.removesuffix('s')} {code} {_shown(at)}" for code, at in record[name].items())
    for code, spans in customer.segments.items():
        yield f"  segment {code} {' '.join(f'[{_shown(s.first)}, {_shown(s.last)})' for s in spans) or 'never'}"


def _span(span: Any) -> str:
    return f"{'[' if span.lower_inc else '('}{_shown(span.lower)}, {_shown(span.upper)}{']' if span.upper_inc else ')'}"


def _shown(value: Any) -> str:
    """Return an instant in the shop's time, as short as it goes; anything else as it is."""
    if value is None:
        return "-"
    if not isinstance(value, datetime):
        return str(value)
    local = value.astimezone(words.ZONE)
    return f"{local:%Y-%m-%d}T{local.time().isoformat('auto').removesuffix(':00')}"
