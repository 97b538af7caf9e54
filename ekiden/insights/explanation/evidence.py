"""What is known of one customer in one scenario: what the conditions held, and what the ledger has.

Belongs here: plain values. Does not belong here: reading them (`reading`), any judgement of them (`explain`) or wording
(`wording`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from ekiden.schedule.rows import ScheduleRow


@dataclass(frozen=True)
class Span:
    """The instants from `begins` until before `ends`; None: without end on that side."""

    begins: datetime | None
    ends: datetime | None

    def holds(self, at: datetime) -> bool:
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


Spans = tuple[Span, ...]


def holds(spans: Spans, at: datetime) -> bool:
    """Return whether any of the spans holds at an instant."""
    return any(span.holds(at) for span in spans)


def next_beginning(spans: Spans, at: datetime) -> datetime | None:
    """Return when the first span after an instant begins."""
    return min((span.begins for span in spans if span.begins and span.begins > at), default=None)


@dataclass(frozen=True)
class Fact:
    """One thing that a frame counts, an order, an event, …, and when it counts; `during` None: it never does."""

    key: str
    during: Span | None


@dataclass(frozen=True)
class FrameEvidence:
    """One condition frame of a scenario (`number` from 1) and this customer's facts for it."""

    section: str
    number: int
    written: Mapping[str, Any]
    facts: tuple[Fact, ...] = ()
    held: Spans = ()
    since_anchor: bool = False
    """Whether only what came after the anchor counts (C-12): then each anchor says when the frame holds."""
    in_one_order: tuple[Mapping[str, Any], ...] = ()
    """The frames that an order must match to count for this one, itself included (Q-05); none: it alone."""
    uncounted: tuple[str, ...] = ("cancelled",)
    """The statuses with which orders do not count (R-102j)."""


@dataclass(frozen=True)
class AnchorEvidence:
    """One anchor and when everything about it holds."""

    kind: str
    key: str
    at: datetime
    on: date
    entry: Spans
    stop: Spans
    may_enter: Spans = ()
    """`entry` without `stop`."""
    judged_at: datetime | None = None
    """When the target must have held for this to be an anchor at all; None: whenever."""
    stands: Spans = ()
    target: Spans = ()
    recounted: Spans | None = None
    """When the target holds as it was at `judged_at`, without the orders cancelled since; None where none was."""
    excluded: Spans = ()
    void: Spans | None = None
    """When the anchor order has a status that stops; None where the scenario does not look again (C-08)."""
    frames: Mapping[tuple[str, int], Spans] = field(default_factory=dict)
    """Spans of the frames that count from this anchor."""


@dataclass(frozen=True)
class Candidate:
    """What could be an anchor, and the scenario's filters that each keep it from being one."""

    key: str
    at: datetime
    fails: tuple[str, ...]


@dataclass(frozen=True)
class Enrolment:
    """A passage through the scenario that was not removed; instants are aware.

    `exited_at` is when it was ended, `left_at` when what ended it came, which is what a later anchor is compared with.
    """

    enrolment_id: int
    anchor_kind: str
    anchor_key: str
    anchor_at: datetime
    anchor_date: date
    state: str
    exit_reason: str | None
    entered_at: datetime
    exited_at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True)
class Rival:
    """An exclusive scenario in which the customer is (C-07)."""

    scenario_code: str
    priority: int | None
    entered_at: datetime
    is_on_its_way: bool = False
    """Whether a message of it is being sent now, or failed: it is not superseded meanwhile."""
    ends: str | None = None
    """Why the next plan ends the enrolment there before anybody enters; None where it does not."""


@dataclass(frozen=True)
class Ending:
    """Why the next plan ends an enrolment before anybody enters."""

    why: str
    is_plans_alone: bool
    """Whether no sender ends it for that: of its row a sender's last look says nothing then."""


@dataclass(frozen=True)
class Block:
    """Another scenario in which a person blocked the customer (T13), and since when."""

    scenario_code: str
    blocked_at: datetime
    can_be_reopened: bool = True
    """Whether the blocked row is still there: whose was deleted stays blocked where another one was sent."""


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of one customer in one scenario."""

    customer_id: str
    duplicate_status: str
    frames: tuple[FrameEvidence, ...] = ()
    subscribed: Spans | None = None
    """When a subscription ran; None where the scenario does not ask."""
    anchors: tuple[AnchorEvidence, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    enrolments: tuple[Enrolment, ...] = ()
    rows: tuple[ScheduleRow, ...] = ()
    rivals: tuple[Rival, ...] = ()
    ending: Ending | None = None
    """What the next plan ends the running enrolment for, if it does."""
    blocked_in: tuple[Block, ...] = ()
    """Where a block keeps the customer out of every scenario; else none."""
    is_by_hand: bool = False
    """Whether the conditions are the author's own SQL: then the anchors are the table's, with nothing behind them."""
    table_differs: bool = False
    """Whether the built table says otherwise, for what happened since the build."""

    # each is gathered once: thousands of anchors that all look through thousands of enrolments take minutes
    @cached_property
    def enrolments_by_anchor(self) -> Mapping[tuple[str, str], Sequence[Enrolment]]:
        """The enrolments in their order, by the kind and the key of what they entered by."""
        gathered = defaultdict(list)
        for enrolment in self.enrolments:
            gathered[enrolment.anchor_kind, enrolment.anchor_key].append(enrolment)
        return gathered

    @cached_property
    def blocked_enrolments(self) -> Sequence[Enrolment]:
        """The enrolments that a person ended by a block, in their order."""
        return [enrolment for enrolment in self.enrolments if enrolment.exit_reason == "blocked"]

    @cached_property
    def rows_by_enrolment(self) -> Mapping[int, Sequence[ScheduleRow]]:
        """The rows in their order, by the number of their enrolment."""
        gathered = defaultdict(list)
        for row in self.rows:
            gathered[row.enrolment_id].append(row)
        return gathered
