"""The launchpad's forms for planning, changing rows, settling, pausing and sending: what they ask, and what it means.

Belongs here: config classes and their reading. Does not belong here: what the jobs do, the forms of the jobs
that look (`looking_forms`), and those that stand with their jobs (`lists`, `consent`).
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from dagster import Config
from pydantic import Field

from assets.schedule import PAST_DATES
from ekiden.delivery.unknown.rows import MOST_HOURS, Settled, UnknownFilter
from ekiden.schedule.operating.operators import DEFAULT_LIMIT
from ekiden.schedule.rows import RowFilter

ALL_MEANT = "True: every row that the action applies to. Needed to change rows where no other field narrows the choice."
"""Said of every form that changes rows."""

DUE = ("due_from", "due_to")
"""The fields that bound due dates."""

Word = TypeVar("Word", bound=StrEnum)


class NotADay(ValueError):
    """A field that should name a day does not."""


class NotAWord(ValueError):
    """A field of a form says what it cannot say."""


class OutOfBounds(ValueError):
    """A field's number is too small or too large."""


class NothingChosen(ValueError):
    """A form says neither which rows to change nor that all are meant."""

    def __init__(self) -> None:
        super().__init__("say which rows, by scenario, due_from, row or another field, or set all to true")


class BackfillDays(Config):
    """Which missed days to plan; what becomes of rows due before today is said at `dry_run`."""

    actor: str | None = Field(
        default=None, description="Who plans: your name, kept with the run. Empty: what started the run, like a user."
    )
    first_day: str | None = Field(
        default=None,
        description="First local due date to plan, like 2026-05-01. Neither day: those that no plan covered whole.",
    )
    last_day: str | None = Field(
        default=None,
        description="Last local due date to plan, like 2026-05-07; days after today are left for their own planning.",
    )
    scenarios: list[str] = Field(
        default=[], description="Codes of the scenarios to plan, like cross_sell. Empty: every enabled one."
    )
    dry_run: bool = Field(
        default=False,
        description=f"True: only report what it would mean, by scenario. False: plan; {PAST_DATES}.",
    )

    def days(self) -> tuple[date, date] | None:
        """Return the first and the last day, None for the missed ones; raises `NotADay`."""
        if not self.first_day and not self.last_day:
            return None
        if not self.first_day or not self.last_day:
            raise NotADay("first_day and last_day belong together: give both, or neither for the days that were missed")
        first, last = read_days(self.first_day, self.last_day)
        assert first is not None and last is not None  # both were given
        return first, last


class OperateRows(Config):
    """Which rows an operator's action is for. Every field that is filled in narrows the choice."""

    actor: str = Field(description="Who does it: your name. It stays with every row, and every message that goes out.")
    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    step_no: int | None = Field(default=None, description="Number of one step, 1 to 10.")
    state: list[str] = Field(
        default=[], description="Only rows in these states, like held. Empty: every state the action applies to."
    )
    hold_reason: list[str] = Field(
        default=[],
        description="Only held rows that are held for these: past_due, past_time, missed_send, or operator (a person "
        "held or reopened them). Empty: whatever they are held for.",
    )
    due_from: str | None = Field(default=None, description="Earliest local due date, like 2026-05-01.")
    due_to: str | None = Field(default=None, description="Latest local due date, like 2026-05-07.")
    row: list[str] = Field(default=[], description="Single rows, each by its schedule_row_id or message_id.")
    first: int | None = Field(default=None, description="Only so many rows, the oldest due first.")
    all: bool = Field(default=False, description=ALL_MEANT)
    reason: str | None = Field(default=None, description="Why; kept with the rows.")
    limit: int = Field(
        default=DEFAULT_LIMIT, description="The most rows to change, at least 1; if more match, none is changed."
    )
    dry_run: bool = Field(
        default=True,
        description="True: only show how many rows match and the first of them. False: change them.",
    )

    def row_filter(self) -> RowFilter:
        """Return the rows meant; raises `NotADay`, `NoRowId`, `NoHoldReason`, `OutOfBounds` and `NothingChosen`."""
        refuse_out_of_bounds("limit", self.limit, least=1)
        if self.first is not None:
            refuse_out_of_bounds("first", self.first, least=1)
        due_from, due_to = read_days(self.due_from, self.due_to, fields=DUE)
        asked = RowFilter(
            # an emptied field of the form is none
            scenario=self.scenario or None,
            customer=self.customer or None,
            step_no=self.step_no,
            due_from=due_from,
            due_to=due_to,
            states=tuple(self.state),
            rows=tuple(self.row),
            first=self.first,
            hold_reasons=tuple(self.hold_reason),
        )
        if asked.is_for_all and not (self.all or self.dry_run):
            raise NothingChosen
        return asked


class SettleUnknown(Config):
    """Which messages of unknown outcome to settle, and as what. Every field that is filled in narrows the choice."""

    actor: str = Field(description="Who says so: your name. It stays with every row.")
    settled_as: str = Field(
        description="sent: recorded as sent, and the next step follows. not-sent: failed, until somebody retries it."
    )
    reason: str | None = Field(default=None, description="How you know; kept with the rows. Needed to settle.")
    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    channel: str | None = Field(
        default=None, description="Channel of the step, like html_email, or what it goes by, like sendgrid."
    )
    run: str | None = Field(default=None, description="The send run that posted it: its id, or Dagster's.")
    older_than_hours: float | None = Field(default=None, description="Only what was posted at least so many hours ago.")
    row: list[str] = Field(default=[], description="Single rows, each by its schedule_row_id or message_id.")
    all: bool = Field(default=False, description=ALL_MEANT)
    retry: bool = Field(default=False, description="With not-sent: send them again at once, instead of leaving them.")
    limit: int = Field(
        default=DEFAULT_LIMIT, description="The most rows to settle, at least 1; if more match, none is."
    )
    dry_run: bool = Field(
        default=True,
        description="True: only show what is known of the rows that match. False: settle them.",
    )

    def settled(self) -> Settled:
        """Return what became of them; raises `ValueError` naming the field."""
        try:
            return Settled(self.settled_as.strip())
        except ValueError:
            raise ValueError(f"settled_as: {self.settled_as!r} is none of {', '.join(Settled)}") from None

    def chosen(self, now: datetime) -> UnknownFilter:
        """Return the rows meant at `now`; raises `NoRowId`, `OutOfBounds` and `NothingChosen`."""
        refuse_out_of_bounds("limit", self.limit, least=1)
        hours = self.older_than_hours
        if hours is not None:
            refuse_out_of_bounds("older_than_hours", hours, least=0, most=MOST_HOURS)
        posted_until = None if hours is None else now - timedelta(hours=hours)
        asked = UnknownFilter(
            scenario=self.scenario or None,
            customer=self.customer or None,
            channel=self.channel or None,
            run=self.run or None,
            posted_until=posted_until,
            rows=tuple(self.row),
        )
        if asked.is_for_all and not (self.all or self.dry_run):
            raise NothingChosen
        return asked


class NothingToPause(ValueError):
    """A form says neither which scenario to pause nor that all sending is meant."""


class PauseSending(Config):
    """What to pause. Nothing of it is claimed, sent or exported until somebody resumes it."""

    actor: str = Field(description="Who pauses: your name.")
    reason: str = Field(description="Why; whoever finds sending paused will read it.")
    scenario: str | None = Field(default=None, description="Code of the scenario to pause, like cross_sell.")
    all: bool = Field(default=False, description="True: pause all sending and exporting.")

    def paused_scenario(self) -> str | None:
        """Return the scenario to pause, None for all sending; raises `NothingToPause`."""
        if self.all == bool(self.scenario):
            raise NothingToPause("name a scenario, or set all to true for all sending")
        return self.scenario or None


class ResumeSending(Config):
    """What to resume. What a guard had found is known from then on, and pauses no more."""

    actor: str = Field(description="Who resumes: your name.")
    reason: str = Field(description="Why it may go on.")
    scenario: str | None = Field(
        default=None, description="Code of the scenario to resume. Empty: what pauses all sending."
    )


class SendNow(Config):
    """What to send. Held rows are never sent, and nothing is sent before its time."""

    actor: str | None = Field(
        default=None, description="Who sends: your name, kept with the run. Empty: what started the run, like a user."
    )
    due_date: str | None = Field(
        default=None, description="Only rows of this local due date, like 2026-05-01. Empty: everything due by now."
    )

    def day(self) -> date | None:
        """Return the due date, None for all; raises `NotADay`."""
        return read_day("due_date", self.due_date) if self.due_date else None


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
