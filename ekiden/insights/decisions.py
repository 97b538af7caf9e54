"""Looking at decisions: one person's, a day's, or how many each rule decided. Nothing here decides.

Belongs here: what `ekiden decisions` asks of `outreach.decisions`. Does not belong here: how a decision is made and
kept (`ekiden.schedule.planning.decisions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import all_hold, columns_of, statement
from ekiden.errors import SaysEnough


class UnknownRule(SaysEnough, ValueError):
    """A rule was asked for that decides nothing."""


@dataclass(frozen=True)
class DecisionFilter:
    """Which decisions; every given field narrows. Days are local and both included."""

    scenario: str | None = None
    customer: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    rule: str | None = None

    def condition(self) -> sql.Composed:
        """Return the filter as an SQL condition over decisions of any customer."""
        return all_hold(
            (
                ("scenario_code = {value}", self.scenario),
                ("day >= {value}", self.first_day),
                ("day <= {value}", self.last_day),
                ("rule = {value}", self.rule),
            )
        )


@dataclass(frozen=True)
class Decision:
    """What was decided of a customer in a scenario and step on a day, by which rule, when and by whom.

    `customer_id` None: the decision is about the whole scenario; `step_no` None: about the whole enrolment.
    """

    day: date
    scenario_code: str
    customer_id: str | None
    step_no: int | None
    decision: str
    rule: str
    rule_in_words: str
    rule_ja: str
    other_scenario_code: str | None
    reason: str | None
    actor_kind: str
    actor: str
    decided_at: datetime
    run_id: UUID | None


@dataclass(frozen=True)
class RuleCount:
    """How many decisions of a scenario one rule made."""

    scenario_code: str
    decision: str
    rule: str
    decisions: int
    rule_in_words: str
    rule_ja: str


def bounded(wanted: DecisionFilter, *, today: date) -> DecisionFilter:
    """Return the filter, from today on where it names neither a customer nor a first day; `today` is local.

    Years of everybody's decisions are nothing to look through by mistake. A last day before today is the first one too.
    """
    if wanted.first_day or wanted.customer is not None:
        return wanted
    return replace(wanted, first_day=min(wanted.last_day or today, today))


def decisions(connection: Connection[Any], wanted: DecisionFilter, *, limit: int) -> list[Decision]:
    """Return at most `limit` decisions, the latest days first, of a day the earliest decision first.

    Raises `UnknownRule`.
    """
    _check_rule(connection, wanted.rule)
    query = sql.SQL(
        "select {columns} from {decisions} where {condition}"
        " order by day desc, scenario_code, customer_id, decided_at, step_no, decision limit {limit}"
    ).format(columns=columns_of(Decision), decisions=_of(wanted), condition=wanted.condition(), limit=limit)
    with connection.cursor(row_factory=class_row(Decision)) as cursor:
        return cursor.execute(query).fetchall()


def count_by_rule(connection: Connection[Any], wanted: DecisionFilter) -> Sequence[RuleCount]:
    """Return how many decisions each rule made, by scenario and the order of the rules. Raises `UnknownRule`."""
    _check_rule(connection, wanted.rule)
    # everybody's are counted by batches, without telling their customers apart
    name = "count_decisions" if wanted.customer is None else "count_decisions_of"
    query = statement(__file__, name).format(condition=wanted.condition(), customer=wanted.customer)
    with connection.cursor(row_factory=class_row(RuleCount)) as cursor:
        return cursor.execute(query).fetchall()


def _of(wanted: DecisionFilter) -> sql.Composed | sql.SQL:
    # one person's are looked up by index; the view would tell apart everybody's first
    if wanted.customer is None:
        return sql.SQL("outreach.decisions")
    return sql.SQL("outreach.decisions_of({customer})").format(customer=wanted.customer)


def _check_rule(connection: Connection[Any], rule: str | None) -> None:
    known = [name for (name,) in connection.execute("select rule from outreach.decision_rules order by rule_no")]
    if rule is not None and rule not in known:
        raise UnknownRule(f"no rule {rule!r} decides; these do: {', '.join(known)}")
