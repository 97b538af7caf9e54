"""What is known of one customer in one scenario: what the conditions held, and what the ledger has.

Belongs here: reading it, all through indexes, into plain values. Does not belong here: any judgement of it
(`explanation`) or wording (`explanation_wording`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from ekiden.database.statements import qualified, statement
from ekiden.insights.built import AskedScenario
from ekiden.scenarios.frames import same_order_runs
from ekiden.schedule.rows import RowFilter, ScheduleRow, search


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


class UnknownCustomer(LookupError):
    """The shop has no such customer."""


def read_evidence(
    connection: Connection[Any], scenario: AskedScenario, customer_id: str, *, blocks_everywhere: bool = False
) -> Evidence:
    """Return what is known now of a customer in a scenario; raises `UnknownCustomer`.

    `blocks_everywhere`: a block in one scenario keeps the customer out of all (`Settings.blocks_everywhere`).
    """
    with connection.transaction():
        # one state of the facts for all questions
        connection.execute("set transaction isolation level repeatable read, read only")
        found = connection.execute(statement(__file__, "asked_customer"), {"customer_id": customer_id}).fetchone()
        if found is None:
            raise UnknownCustomer(f"the shop has no customer {customer_id!r}")
        built = _table_rows(connection, scenario, customer_id)
        if scenario.explain_function is None:
            evidence = Evidence(
                customer_id, found[0], anchors=tuple(_anchor(row, {}) for row in built), is_by_hand=True
            )
        else:
            evidence = _explained(connection, scenario, customer_id, found[0], built)
        return _with_ledger(connection, scenario, evidence, blocks_everywhere)


def _table_rows(connection: Connection[Any], scenario: AskedScenario, customer_id: str) -> list[dict[str, Any]]:
    query = statement(__file__, "built_anchors").format(eligibility=qualified(scenario.relation_name))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"customer_id": customer_id}).fetchall()


def _explained(
    connection: Connection[Any],
    scenario: AskedScenario,
    customer_id: str,
    duplicate_status: str,
    built: Sequence[Mapping[str, Any]],
) -> Evidence:
    query = statement(__file__, "explained_anchors").format(function=qualified(scenario.explain_function or ""))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, {"customer_id": customer_id}).fetchall()
    about = next(row["explanation"] for row in rows if row["anchor_key"] is None)
    anchors = [row for row in rows if row["anchor_key"] is not None]
    compared = ("anchor_key", "anchor_at", "anchor_date", "entry_during", "stop_during")
    return Evidence(
        customer_id=customer_id,
        duplicate_status=duplicate_status,
        frames=tuple(_frames(scenario.written, about)),
        subscribed=_spans(about["subscribed"]) if "subscribed" in about else None,
        anchors=tuple(_anchor(row, row["explanation"]) for row in anchors),
        candidates=tuple(
            Candidate(item["key"], datetime.fromisoformat(item["at"]), _fails(item["fails"], scenario))
            for item in about["candidates"] or ()
        ),
        table_differs=[[row[name] for name in compared] for row in built]
        != [[row[name] for name in compared] for row in anchors],
    )


def _frames(written: Mapping[str, Any], about: Mapping[str, Any]) -> Iterable[FrameEvidence]:
    held = _by_frame(about["frames"])
    facts = {(item["section"], item["frame"]): item["occurrences"] for item in about["facts"] or ()}
    uncounted = tuple(written.get("count_excludes_status", FrameEvidence.uncounted))
    for section in ("target", "exclusion", "stop"):
        in_one_order = _in_one_order(written.get(section) or {})
        for number, frame in enumerate((written.get(section) or {}).get("frames") or (), start=1):
            yield FrameEvidence(
                section,
                number,
                frame,
                tuple(
                    Fact(item["key"], _span(item["from"], item["to"]) if item["counts"] else None)
                    for item in facts.get((section, number), ())
                ),
                held.get((section, number), ()),
                [section, number] in about["since_anchor"],
                in_one_order.get(number, ()),
                uncounted,
            )


def _fails(fails: Sequence[str], scenario: AskedScenario) -> tuple[str, ...]:
    """Return the filters that a candidate does not pass; without a date of its own none is from before the start."""
    is_dateless = scenario.definition.anchor_kind in fails
    return tuple(name for name in fails if not (is_dateless and name == "start"))


def _in_one_order(section: Mapping[str, Any]) -> dict[int, tuple[Mapping[str, Any], ...]]:
    """Return by a frame's number, from 1, the frames of its run."""
    frames = section.get("frames") or ()
    if section.get("and_scope") != "same_order":
        return {}
    runs = same_order_runs([(frame.get("type"), frame.get("relation")) for frame in frames])
    return {place + 1: tuple(frames[run.start : run.stop]) for run in runs for place in run}


def _anchor(row: Mapping[str, Any], explanation: Mapping[str, Any]) -> AnchorEvidence:
    return AnchorEvidence(
        kind=row["anchor_kind"],
        key=row["anchor_key"],
        at=row["anchor_at"],
        on=row["anchor_date"],
        entry=_from_multirange(row["entry_during"]),
        stop=_from_multirange(row["stop_during"]),
        may_enter=_from_multirange(row["may_enter_during"]),
        judged_at=_instant(explanation.get("judged_at")),
        stands=_spans(explanation.get("stands")),
        target=_spans(explanation.get("target")),
        recounted=_spans(explanation["recounted"]) if explanation.get("recounted") is not None else None,
        excluded=_spans(explanation.get("excluded")),
        void=_spans(explanation["void"]) if "void" in explanation else None,
        frames=_by_frame(explanation.get("frames")),
    )


def _by_frame(items: Sequence[Mapping[str, Any]] | None) -> dict[tuple[str, int], Spans]:
    return {(item["section"], item["frame"]): _spans(item["held"]) for item in items or ()}


def _with_ledger(
    connection: Connection[Any], scenario: AskedScenario, evidence: Evidence, blocks_everywhere: bool
) -> Evidence:
    parameters = {"customer_id": evidence.customer_id, "scenario_id": scenario.scenario_id}
    with connection.cursor(row_factory=class_row(Enrolment)) as cursor:
        enrolments = cursor.execute(statement(__file__, "customer_enrolments"), parameters).fetchall()
    # by the customer's index, and then by scenario; all of them, as the answer turns on any row that is missing
    mine = RowFilter(customer=evidence.customer_id, scenario=scenario.known_code)
    rows = search(connection, mine, limit=None) if scenario.known_code else []
    blocked_in = connection.execute(statement(__file__, "blocked_in"), parameters) if blocks_everywhere else ()
    return replace(
        evidence,
        enrolments=tuple(enrolments),
        blocked_in=tuple(Block(*found) for found in blocked_in),
        rows=tuple(rows),
    )


def _from_multirange(value: Iterable[Any] | None) -> Spans:
    return tuple(_span(span.lower, span.upper) for span in value or ())


def _spans(pairs: Iterable[Sequence[Any]] | None) -> Spans:
    return tuple(_span(begins, ends) for begins, ends in pairs or ())


def _span(begins: Any, ends: Any) -> Span:
    return Span(_instant(begins), _instant(ends))


def _instant(value: Any) -> datetime | None:
    """Return an instant of JSON or of the database; PostgreSQL's infinities are as open as no bound."""
    if isinstance(value, datetime):
        return value
    return None if value is None or "infinity" in value else datetime.fromisoformat(value)
