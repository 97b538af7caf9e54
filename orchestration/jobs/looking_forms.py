"""The launchpad's forms of the jobs that look: what may be asked, as on the command line.

Belongs here: config classes and their reading. Does not belong here: what the jobs show (`looking`).
"""

from dagster import Config
from pydantic import Field

from assets.shown.tables import LONGEST_TABLE
from ekiden.insights.decisions import DecisionFilter
from ekiden.insights.timeline import TimelineFilter
from ekiden.schedule.rows import RowFilter, RowState
from orchestration.jobs.forms import DUE, read_days, read_word, refuse_out_of_bounds


class LookAtRows(Config):
    """Which rows to show; every field that is filled in narrows the choice."""

    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    step_no: int | None = Field(default=None, description="Number of one step, 1 to 10.")
    reason: str | None = Field(default=None, description="Why they are in their state, like past_due.")
    due_from: str | None = Field(default=None, description="First local due date, like 2026-05-01.")
    due_to: str | None = Field(default=None, description="Last local due date, like 2026-05-07.")
    limit: int = Field(
        default=LONGEST_TABLE,
        description=f"Most rows to show, 1 to {LONGEST_TABLE}; the command line shows any number.",
    )

    def row_filter(self, state: RowState | None) -> RowFilter:
        """Return the rows meant; raises `NotADay` and `OutOfBounds`."""
        refuse_untellable(self.limit)
        due_from, due_to = read_days(self.due_from, self.due_to, fields=DUE)
        return RowFilter(
            scenario=self.scenario or None,
            customer=self.customer or None,
            step_no=self.step_no,
            state=state,
            reason=self.reason or None,
            due_from=due_from,
            due_to=due_to,
        )


class SearchRows(LookAtRows):
    """Which rows to show; every field that is filled in narrows the choice."""

    state: str | None = Field(default=None, description=f"Only rows in this state: {', '.join(RowState)}.")
    summary: bool = Field(default=False, description="True: count them by scenario, step and state instead.")

    def chosen(self) -> RowFilter:
        """Return the rows meant; raises `NotADay`, `NotAWord` and `OutOfBounds`."""
        return self.row_filter(read_word("state", self.state, RowState) if self.state else None)


class ShowHeld(LookAtRows):
    """Which held rows to show; every field that is filled in narrows the choice."""

    summary: bool = Field(default=False, description="True: count them by scenario, step and reason instead.")


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
