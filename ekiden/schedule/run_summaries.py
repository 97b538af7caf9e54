"""What a run of the ledger did, as it is kept with the run (`outreach.runs.summary`): a class for each kind of work.

A field's name is the key under which SQL reads it, also long after it was written: a field that is renamed wants a
migration of the runs there are. Which statement reads which, `tests/unit/schedule/test_run_summaries.py` lists. Belongs
here: what is kept. Does not belong here: recording it (`runs`), and what a run tells whoever started it, which is more.
"""

from dataclasses import asdict, dataclass

from ekiden.schedule.operating.actions import NotChanged
from ekiden.schedule.planning.decisions import DecisionCount


@dataclass(frozen=True)
class RunSummary:
    """What a run did; what it has nothing to say about stays None, and is not kept."""

    def as_json(self) -> dict[str, object]:
        """Return what is kept of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Failed(RunSummary):
    """A run that took back what it had begun."""

    error: str


@dataclass(frozen=True)
class PlanSummary(RunSummary):
    """What one planning run did."""

    enrolled: int
    cancelled: int
    expired: int
    held: int
    ready: int
    superseded: int
    decisions: tuple[DecisionCount, ...]
    left_out: tuple[str, ...]
    """The models of the scenarios that were left out for their faults."""
    scenarios: tuple[str, ...] | None
    """The codes it was narrowed to; None: every scenario."""


@dataclass(frozen=True)
class OperateSummary(RunSummary):
    """What an operator's action did."""

    action: str
    matched: int
    changed: int
    reason: str | None
    not_changed: tuple[NotChanged, ...] | None = None
    due_later: int | None = None
    without_rows: int | None = None
    """Of enrolments that have no row, how many matched; `matched` and `changed` are rows alone."""
    without_rows_changed: int | None = None


@dataclass(frozen=True)
class SendSummary(RunSummary):
    """How many rows took which way in a send run, and what ended it before its time; what it had sent stays sent."""

    claimed: int
    sent: int
    skipped: int
    failed: int
    not_sent: int
    held: int
    cancelled: int
    unknown: int
    paused: int
    error: str | None = None


@dataclass(frozen=True)
class ExportSummary(RunSummary):
    """What an export did with what was due, and the name of its file; no file where nobody was on the list."""

    exported: int
    cancelled: int
    suppressed: int
    opted_out: int
    paused: int
    file: str | None


@dataclass(frozen=True)
class ExportAgainSummary(RunSummary):
    """The run whose list was written anew, and the name of the new file."""

    again: str
    file: str


@dataclass(frozen=True)
class SettleSummary(RunSummary):
    """What a person said of unknown rows, and what became of them."""

    settled_as: str
    matched: int
    changed: int
    retried: int
    reason: str
    not_changed: tuple[NotChanged, ...] | None = None
    action: str = "settle"


@dataclass(frozen=True)
class ReconcileSummary(RunSummary):
    """How many rows took which way, and by whose word."""

    sent: int
    failed: int
    unknown: int
    tried_again: int
    by: str
