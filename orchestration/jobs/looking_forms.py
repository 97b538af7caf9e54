"""The launchpad's forms of the jobs that look: what may be asked, as on the command line.

Belongs here: config classes, and what each makes of its fields. Does not belong here: what the jobs show (`looking`),
and how a field is read (`fields`).
"""

from collections.abc import Sequence
from dataclasses import replace

from dagster import Config
from pydantic import Field

from assets.shown.tables import LONGEST_TABLE
from ekiden.insights.decisions import DecisionFilter
from ekiden.insights.timeline import TimelineFilter
from ekiden.schedule.rows import HoldReason, RowFilter, RowState
from orchestration.jobs.fields import DUE, read_days, read_word, refuse_out_of_bounds


class LookAtRows(Config):
    """Which rows to show; every field that is filled in narrows the choice."""

    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    step_no: int | None = Field(default=None, description="Number of one step, 1 to 10.")
    hold_reason: list[str] = Field(
        default=[], description=f"Only held rows that are held for these: {', '.join(HoldReason)}. Empty: whatever for."
    )
    due_from: str | None = Field(default=None, description="First local due date, like 2026-05-01.")
    due_to: str | None = Field(default=None, description="Last local due date, like 2026-05-07.")
    limit: int = Field(
        default=LONGEST_TABLE,
        description=f"Most rows to show, 1 to {LONGEST_TABLE}; the command line shows any number.",
    )

    def row_filter(self, states: Sequence[RowState] = ()) -> RowFilter:
        """Return the rows meant; raises `NotADay`, `NotAWord` and `OutOfBounds`."""
        refuse_untellable(self.limit)
        due_from, due_to = read_days(self.due_from, self.due_to, fields=DUE)
        return RowFilter(
            scenario=self.scenario or None,
            customer=self.customer or None,
            step_no=self.step_no,
            due_from=due_from,
            due_to=due_to,
            states=tuple(states),
            hold_reasons=tuple(read_word("hold_reason", reason, HoldReason) for reason in self.hold_reason),
        )


class SearchRows(LookAtRows):
    """Which rows to show; every field that is filled in narrows the choice."""

    state: list[str] = Field(default=[], description=f"Only rows in these states: {', '.join(RowState)}.")
    reason: str | None = Field(default=None, description="Only rows that have this reason, like no_address.")
    row: list[str] = Field(default=[], description="Single rows, each by its schedule_row_id or message_id.")
    summary: bool = Field(default=False, description="True: count them by scenario, step and state instead.")

    def chosen(self) -> RowFilter:
        """Return the rows meant; raises `NotADay`, `NotAWord`, `NoRowId` and `OutOfBounds`."""
        states = [read_word("state", state, RowState) for state in self.state]
        return replace(self.row_filter(states), reason=self.reason or None, rows=tuple(self.row))


class ShowHeld(LookAtRows):
    """Which held rows to show; every field that is filled in narrows the choice."""

    summary: bool = Field(default=False, description="True: count them by scenario, step and hold reason instead.")

    def chosen(self) -> RowFilter:
        """Return the rows meant; raises `NotADay`, `NotAWord` and `OutOfBounds`."""
        return self.row_filter([RowState.HELD])


class ShowDecisions(Config):
    """Which decisions to show; every field that is filled in narrows the choice."""

    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    first_day: str | None = Field(
        default=None, description="First local day, like 2026-12-01. Empty: today, of one customer the first ever."
    )
    last_day: str | None = Field(default=None, description="Last local day. Empty: now.")
    rule: str | None = Field(default=None, description="Only what this rule decided, like outranked.")
    summary: bool = Field(
        default=False, description="True: count them by scenario and rule instead; a row's are of its due date."
    )
    limit: int = Field(
        default=LONGEST_TABLE,
        description=f"Most decisions to show, 1 to {LONGEST_TABLE}; `ekiden decisions` shows any number.",
    )

    def chosen(self) -> DecisionFilter:
        """Return the decisions meant; raises `NotADay` and `OutOfBounds`."""
        refuse_untellable(self.limit)
        first, last = read_days(self.first_day, self.last_day)
        return DecisionFilter(self.scenario or None, self.customer or None, first, last, self.rule or None)


class ShowStatus(Config):
    """What of the deployment's status to show."""

    pauses: bool = Field(default=False, description="True: every pause there was, the latest first, instead.")


class ExplainCustomer(Config):
    """Who is asked about, in which scenario, and at which instant."""

    scenario: str = Field(description="Code of the scenario, like cross_sell.")
    customer: str = Field(description="Customer id.")
    on: str | None = Field(
        default=None,
        description="A day (a past one: its end; a coming one: its start, a forecast) or an instant like "
        "2026-12-01T09:00, the shop's time. Empty: now.",
    )


class ShowTimeline(Config):
    """Whose timeline, and which part of it. Addresses stay masked: a run's page is kept, and many read it."""

    customer: str = Field(description="Customer id.")
    first_day: str | None = Field(default=None, description="First local day, like 2026-12-01. Empty: the beginning.")
    last_day: str | None = Field(default=None, description="Last local day. Empty: now.")
    scenario: str | None = Field(default=None, description="Of the scenarios' entries only this one's. Empty: all.")
    oldest_first: bool = Field(default=False, description="True: from the beginning on.")
    limit: int = Field(
        default=LONGEST_TABLE,
        description=f"Most entries to show, 1 to {LONGEST_TABLE}; `ekiden timeline` shows any number.",
    )

    def chosen(self) -> TimelineFilter:
        """Return the entries meant; raises `NotADay` and `OutOfBounds`."""
        refuse_untellable(self.limit)
        return TimelineFilter(*read_days(self.first_day, self.last_day), self.scenario or None)


def refuse_untellable(limit: int) -> None:
    """Raise `OutOfBounds` where a run's page cannot show so many."""
    refuse_out_of_bounds("limit", limit, least=1, most=LONGEST_TABLE)
