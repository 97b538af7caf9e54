"""The launchpad's forms: what each job asks for, and what it means.

Belongs here: config classes and their reading. Does not belong here: what the jobs do (`jobs`).
"""

from datetime import date

from dagster import Config
from pydantic import Field

from ekiden.schedule.operators import DEFAULT_LIMIT
from ekiden.schedule.rows import RowFilter


class NotADay(ValueError):
    """A field that should name a day does not."""


class BackfillDays(Config):
    """Which missed days to plan. Nothing is sent: rows due before today are held until somebody releases them."""

    first_day: str = Field(description="First local due date to plan, like 2026-05-01.")
    last_day: str = Field(
        description="Last local due date to plan, like 2026-05-07; days after today are left for their own planning."
    )
    scenarios: list[str] = Field(
        default=[], description="Codes of the scenarios to plan, like cross_sell. Empty: every enabled one."
    )

    def days(self) -> tuple[date, date]:
        """Return the first and the last day; raises `NotADay`."""
        first, last = read_day("first_day", self.first_day), read_day("last_day", self.last_day)
        if last < first:
            raise NotADay(f"last_day {last} is before first_day {first}: swap them")
        return first, last


class ReleaseHeldRows(Config):
    """Which held rows may be sent. Every field that is filled in narrows the choice."""

    actor: str = Field(description="Who releases: your name. It stays with every message that goes out.")
    scenario: str | None = Field(default=None, description="Code of one scenario, like cross_sell.")
    customer: str | None = Field(default=None, description="Id of one customer.")
    step_no: int | None = Field(default=None, description="Number of one step, 1 to 10.")
    due_from: str | None = Field(default=None, description="Earliest local due date, like 2026-05-01.")
    due_to: str | None = Field(default=None, description="Latest local due date, like 2026-05-07.")
    limit: int = Field(
        default=DEFAULT_LIMIT,
        ge=1,
        description="The most rows to release; if more match, none is released.",
    )
    dry_run: bool = Field(
        default=True,
        description="True: only show how many rows match and the first of them. False: release them.",
    )

    def row_filter(self) -> RowFilter:
        """Return the held rows meant; raises `NotADay`."""
        return RowFilter(
            scenario=self.scenario,
            customer=self.customer,
            step_no=self.step_no,
            state="held",
            due_from=read_day("due_from", self.due_from) if self.due_from else None,
            due_to=read_day("due_to", self.due_to) if self.due_to else None,
        )


class SendNow(Config):
    """What to send. Held rows are never sent, and nothing is sent before its time."""

    due_date: str | None = Field(
        default=None, description="Only rows of this local due date, like 2026-05-01. Empty: everything due by now."
    )

    def day(self) -> date | None:
        """Return the due date, None for all; raises `NotADay`."""
        return read_day("due_date", self.due_date) if self.due_date else None


def read_day(field: str, text: str) -> date:
    """Return the day that a field names; raises `NotADay` naming the field."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise NotADay(f"{field}: {text!r} is not a day; write it like 2026-05-01") from None
