"""The launchpad's forms of the jobs that do something: what they ask, and what it means.

Belongs here: config classes, and what each makes of its fields. Does not belong here: what the jobs do, how a field is
read (`fields`), and the forms of the jobs that look (`looking_forms`).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from dagster import Config
from pydantic import Field

from assets.schedule import PAST_DATES
from ekiden.delivery.consent.opt_outs import OptOutChannel, OptOutFilter
from ekiden.delivery.lists.export_files import ExportFormat, FileOptions
from ekiden.delivery.unknown.rows import MOST_HOURS, Settled, UnknownFilter
from ekiden.schedule.operating.operators import DEFAULT_LIMIT
from ekiden.schedule.rows import RowFilter
from orchestration.jobs.fields import DUE, NotADay, NotAWord, read_day, read_days, read_word, refuse_out_of_bounds

ALL_MEANT = "True: every row that the action applies to. Needed to change rows where no other field narrows the choice."
"""Said of every form that changes rows."""


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
    row_reason: str | None = Field(
        default=None,
        description="Only rows that have this reason, like no_address, as the job search_rows finds them by `reason`.",
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
            reason=self.row_reason or None,
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
        """Return what became of them; raises `NotAWord`."""
        return read_word("settled_as", self.settled_as, Settled)

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


class ExportLists(Config):
    """What to extract. Due rows are marked and go on to their next step; exporting again takes nobody twice."""

    actor: str = Field(description="Who exports: your name. It stays with the list.")
    scenario: str | None = Field(default=None, description="Code of one scenario. Empty: all.")
    channel: str | None = Field(default=None, description="dm or outbound_call. Empty: both.")
    format: str | None = Field(
        default=None, description="csv or parquet. Empty: csv or, with `again`, as the list was written before."
    )
    bom: bool = Field(default=False, description="CSV: begin with the mark by which Excel knows UTF-8.")
    verbatim: bool = Field(
        default=False, description="CSV: write cells that begin like a formula as they are, without a ' before."
    )
    again: str | None = Field(
        default=None, description="The ledger's run of an earlier export: write its list anew and mark nothing."
    )

    def options(self) -> FileOptions | None:
        """Return how the file is to be written, None if the form says nothing of it; raises `NotAWord`."""
        if not (self.format or self.bom or self.verbatim):
            return None
        form = read_word("format", self.format, ExportFormat) if self.format else ExportFormat.CSV
        return FileOptions(form, self.bom, self.verbatim)

    def again_run(self) -> UUID | None:
        """Return the run whose list is to be written anew, None for a new list; raises `NotAWord`."""
        if not self.again:
            return None
        if self.scenario or self.channel:
            raise NotAWord("again: writes a whole list; leave scenario and channel empty")
        try:
            return UUID(self.again.strip())
        except ValueError:
            raise NotAWord(f"again: {self.again!r} is no run of the ledger; `ekiden exports` shows them") from None


class ImportList(Config):
    """Which file to import; all of its customers come onto the list or, at any fault, nobody."""

    actor: str = Field(description="Who imports: your name. It is kept.")
    file: str = Field(
        description="Name of a file in the folder of lists (EKIDEN_LISTS). It is moved to done/ or refused/."
    )
    list: str | None = Field(default=None, description="The list, as scenarios name it. Empty: the file's name.")
    encoding: str = Field(default="auto", description="auto, utf-8 or cp932, which is what Excel calls Shift_JIS.")
    skip_bad_rows: bool = Field(default=False, description="True: import the good rows and leave out the bad ones.")


class WhichOptOuts(Config):
    """Whose opt-outs, and of what; every field that is filled in narrows the choice."""

    customer: str | None = Field(default=None, description="Id of one customer: every address of theirs.")
    address: str | None = Field(default=None, description="An address, whichever customer has it.")
    channel: str | None = Field(
        default=None, description=f"{', '.join(OptOutChannel)}. Empty: every channel, whichever it is."
    )
    site: str | None = Field(default=None, description="A site, as scenarios name it. Empty: every site.")

    def of_channel(self) -> OptOutChannel | None:
        """Return the channel meant; raises `NotAWord`."""
        return read_word("channel", self.channel, OptOutChannel) if self.channel else None

    def chosen(self, opt_out_ids: Iterable[int] = ()) -> OptOutFilter:
        """Return which are meant; raises `NotAWord`."""
        return OptOutFilter(
            self.customer or None, self.address or None, self.of_channel(), self.site or None, tuple(opt_out_ids)
        )


class AddOptOut(WhichOptOuts):
    """Who does not want to be written to, and by what. Nothing goes out against it from the next claim on."""

    actor: str = Field(description="Who records it: your name.")
    reason: str | None = Field(default=None, description="How it reached you; kept with it.")


class WithdrawOptOuts(WhichOptOuts):
    """Whose opt-outs to withdraw, because they have opted in again. The suppression list stays as it is."""

    actor: str = Field(description="Who says so: your name.")
    reason: str = Field(description="How the customer has opted in again; kept as the consent.")
    opt_out_ids: list[int] = Field(default=[], description="Single opt-outs, by their ids.")


class SyncSuppressions(Config):
    """How far back to read."""

    full: bool = Field(default=False, description="True: every list from its beginning. False: what is new.")
