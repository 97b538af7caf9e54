"""Missed days: local days that should have been planned and were not, or not whole.

Belongs here: what counts as a planned day, told from the ledger's runs alone. Does not belong here: who looks and when
(`sensors`, `assets`), and planning them (`ekiden.schedule.planning.plan`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.settings import Settings

GRACE = timedelta(hours=1)
"""After the batch time, before its day counts as missed: the plan follows a build, which takes minutes, and most of an
hour where a large shop is built whole."""

NOT_PLANNED = "not planned"


@dataclass(frozen=True)
class PlanRun:
    """What one planning run says of its days; `scenarios` empty: of all of them, `left_out`: the models with faults."""

    first_day: date
    last_day: date
    started_at: datetime
    succeeded: bool
    scenarios: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.succeeded and not self.scenarios and not self.left_out

    def last_covered(self, zone: ZoneInfo) -> date:
        """Return the last local day that it planned: days to come are left for their own planning."""
        return min(self.last_day, self.started_at.astimezone(zone).date())

    def shortfall(self) -> str:
        """Return in words what a run that is not whole lacks."""
        if not self.succeeded:
            return "its plan failed or was cut off"
        if self.scenarios:
            return f"planned only for {', '.join(self.scenarios)}"
        return f"planned without {', '.join(self.left_out)}, whose definition or table has faults"


@dataclass(frozen=True)
class MissedRange:
    """Local days in a row, both ends included, that were missed for the same reason."""

    first_day: date
    last_day: date
    why: str

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    def __str__(self) -> str:
        days = f"{self.first_day}" if self.days == 1 else f"{self.first_day} to {self.last_day}"
        return f"{days}: {self.why}"


def missed_days(runs: Iterable[PlanRun], *, now: datetime, zone: ZoneInfo, batch_time: time) -> tuple[MissedRange, ...]:
    """Return the local days without a whole plan, in order, from the first planned day to the last that is over.

    A day is among them from its batch time and `GRACE` on. A plan of some scenarios, or one that left broken ones out,
    is not whole; a plan of that day made later is as good as one of its morning. Before the first run nothing was
    missed: a deployment begins with the first day that was planned whole, or on which planning was tried.
    """
    # runs of a clock that was ahead tell nothing of days that are still to come
    known = [run for run in runs if run.started_at <= now]
    if not known:
        return ()
    begun = [run.started_at.astimezone(zone).date() for run in known] + [run.first_day for run in known if run.is_whole]
    days = _days(min(begun), last_expected_day(now, zone, batch_time))
    # of the runs over one day the latest whole one counts, else the latest
    best: dict[date, PlanRun] = {}
    for run in sorted(known, key=lambda run: (run.is_whole, run.started_at)):
        best.update(dict.fromkeys(_days(max(run.first_day, min(begun)), run.last_covered(zone)), run))
    missed = {day: best[day].shortfall() if day in best else NOT_PLANNED for day in days if not _is_whole(best, day)}
    return tuple(_ranges(missed))


def find_missed_days(connection: Connection[Any], *, now: datetime, settings: Settings) -> tuple[MissedRange, ...]:
    """Return the missed days of the ledger (`missed_days`)."""
    runs = [
        PlanRun(first, last, started_at, succeeded, tuple(scenarios or ()), tuple(left_out or ()))
        for first, last, started_at, succeeded, scenarios, left_out in connection.execute(
            statement(__file__, "plan_runs")
        )
    ]
    return missed_days(runs, now=now, zone=settings.zone, batch_time=settings.batch_time)


def in_words(missed: Sequence[MissedRange]) -> str:
    """Return what there is to say of the missed days; the same words mean the same finding."""
    return f"missed: {'; '.join(map(str, missed))}" if missed else "every day has been planned"


def span(missed: Sequence[MissedRange]) -> tuple[date, date] | None:
    """Return the first and the last missed day, None where there is none: one run over them plans every one.

    Days between that were planned already are planned again, which changes nothing.
    """
    return (missed[0].first_day, missed[-1].last_day) if missed else None


def last_expected_day(now: datetime, zone: ZoneInfo, batch_time: time) -> date:
    """Return the last local day that should be planned at `now`: a day counts from its batch time and `GRACE` on."""
    today = now.astimezone(zone).date()
    # the grace of a late batch time ends after midnight
    for day in (today, today - timedelta(days=1)):
        # in UTC: an hour is an hour, also on the night when the clock is changed
        if now >= datetime.combine(day, batch_time, zone).astimezone(UTC) + GRACE:
            return day
    return today - timedelta(days=2)


def _is_whole(best: Mapping[date, PlanRun], day: date) -> bool:
    return day in best and best[day].is_whole


def _days(first: date, last: date) -> Iterator[date]:
    return (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))


def _ranges(missed: Mapping[date, str]) -> Iterator[MissedRange]:
    """Yield days in a row with one reason as ranges; `missed` is in order."""
    # what is the same along a row of days: the day less its place in the row
    numbered = [(day, why, day.toordinal() - place) for place, (day, why) in enumerate(missed.items())]
    for (why, _), row in groupby(numbered, key=lambda each: each[1:]):
        together = [day for day, _, _ in row]
        yield MissedRange(together[0], together[-1], why)
