"""Reading what is known of one customer in one scenario, all through indexes, into plain values.

Does not belong here: the values themselves (`evidence`), or any judgement of them (`explain`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from ekiden.database.statements import qualified, statement
from ekiden.insights.built import AskedScenario
from ekiden.insights.customers import UnknownCustomer, duplicate_status_of
from ekiden.insights.explanation.evidence import (
    AnchorEvidence,
    Block,
    Candidate,
    Enrolment,
    Evidence,
    Fact,
    FrameEvidence,
    Span,
    Spans,
)
from ekiden.scenarios.frames import same_order_runs
from ekiden.schedule.rows import RowFilter, search


def read_evidence(
    connection: Connection[Any], scenario: AskedScenario, customer_id: str, *, blocks_everywhere: bool = False
) -> Evidence:
    """Return what is known now of a customer in a scenario; raises `UnknownCustomer`.

    `blocks_everywhere`: a block in one scenario keeps the customer out of all (`Settings.blocks_everywhere`).
    """
    with connection.transaction():
        # one state of the facts for all questions
        connection.execute("set transaction isolation level repeatable read, read only")
        duplicate_status = duplicate_status_of(connection, customer_id)
        if duplicate_status is None:
            raise UnknownCustomer(customer_id)
        built = _table_rows(connection, scenario, customer_id)
        if scenario.explain_function is None:
            evidence = Evidence(
                customer_id, duplicate_status, anchors=tuple(_anchor(row, {}) for row in built), is_by_hand=True
            )
        else:
            evidence = _explained(connection, scenario, customer_id, duplicate_status, built)
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
