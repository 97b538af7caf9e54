"""What operators do to rows: release, hold, complete, block, retry, reopen, delete (R-240a to R-241e).

Single or by filter, the same code for the command line and for Dagster's jobs. Every action needs an actor, happens in
one transaction and is refused whole where it would touch more rows than its limit. Does not belong here: what each
action may be done to and what follows from it (`actions`), and what it does to who has no row yet (`without_rows`).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import class_row

from ekiden.counting import counted
from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.operating import without_rows
from ekiden.schedule.operating.actions import Action, NotChanged, changed_meanwhile, not_changed
from ekiden.schedule.operating.without_rows import WithoutRow, WithoutRowCount
from ekiden.schedule.rows import RowFilter, RowState, ScheduleRow, count, hold_reason, search
from ekiden.schedule.run_summaries import OperateSummary
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run, wait_for_plans
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings

DEFAULT_LIMIT = 1000
"""Rows an action may touch unless its limit is raised knowingly: a slip of the filter must not empty a ledger."""


@dataclass(frozen=True)
class OperatorReport:
    """How many rows matched and how many changed, and why the others did not.

    `due_later` of those that changed are messages let go before their due date. `without_rows` are the enrolments that
    matched and have no row, and `without_rows_changed` those of them that changed.
    """

    run_id: UUID
    matched: int
    changed: int
    not_changed: tuple[NotChanged, ...] = ()
    due_later: int = 0
    without_rows: int = 0
    without_rows_changed: int = 0


@dataclass(frozen=True)
class PreviewCount:
    """How many rows of one step an action would look at in one state; of held ones, why they are held."""

    scenario_code: str
    step_no: int
    state: str
    hold_reason: str | None
    rows: int


@dataclass(frozen=True)
class Preview:
    """What an action would touch: how many rows, by scenario, step, state and hold reason, and the first of them.

    And how many enrolments without a row, by scenario and how they stand, and the first of them.
    """

    counts: tuple[PreviewCount, ...]
    sample: tuple[ScheduleRow, ...]
    without_rows: tuple[WithoutRowCount, ...] = ()
    first_without_rows: tuple[WithoutRow, ...] = ()

    @property
    def matched(self) -> int:
        return sum(count.rows for count in self.counts)

    @property
    def matched_without_rows(self) -> int:
        return sum(count.enrolments for count in self.without_rows)

    @property
    def touched(self) -> int:
        """Return how many an action would look at in all, as its limit counts them."""
        return self.matched + self.matched_without_rows


class TooManyRows(SaysEnough, ValueError):
    """More rows match than the limit allows, or enrolments without a row together with them; nothing was changed."""

    def __init__(self, matched: int, limit: int, *, without_rows: int = 0) -> None:
        found = [f"{matched} rows"] if matched or not without_rows else []
        found += [f"{counted(without_rows, 'enrolment')} without a row"] if without_rows else []
        super().__init__(
            f"{' and '.join(found)} match, more than the limit of {limit}; narrow the filter or raise the limit"
        )
        self.matched = matched
        self.limit = limit


class WrongState(SaysEnough, ValueError):
    """The filter asks for a state that the action does not apply to."""


def applicable(action: Action, row_filter: RowFilter) -> RowFilter:
    """Return the filter, narrowed to the states the action applies to where it names none; raises `WrongState`."""
    if row_filter.hold_reasons and RowState.HELD not in action.states:
        raise WrongState(f"hold reason: {action.name} applies to rows that are {', '.join(action.states)}, not held")
    if wrong := set(row_filter.states) - set(action.states):
        raise WrongState(
            f"state {', '.join(sorted(wrong))}: {action.name} applies to rows that are {', '.join(action.states)}"
        )
    return row_filter if row_filter.states else replace(row_filter, states=action.states)


def preview(connection: Connection[Any], action: Action, row_filter: RowFilter, *, sample: int) -> Preview:
    """Return what an action on this filter would look at, with at most `sample` of each; raises `UnknownScenario`."""
    refuse_unknown(connection, row_filter.scenario)
    counted = statement(__file__, "preview_counts").format(hold_reason=hold_reason(), selection=row_filter.selection())
    with connection.cursor(row_factory=class_row(PreviewCount)) as cursor:
        counts = tuple(cursor.execute(counted).fetchall())
    found = Preview(counts, tuple(search(connection, row_filter, limit=sample)))
    if meant := without_rows.meant(action, row_filter):
        return replace(
            found,
            without_rows=without_rows.counts(connection, meant),
            first_without_rows=without_rows.first_of(connection, meant, limit=sample),
        )
    return found


def due_later(connection: Connection[Any], action: Action, row_filter: RowFilter, *, today: date) -> int:
    """Return how many messages the action would let go before their due date; `today` is the shop's."""
    if not action.sends_today:
        return 0
    query = statement(__file__, "due_later").format(
        selection=row_filter.selection(), today=today, exported_channels=list(EXPORTED_CHANNELS)
    )
    return _number(connection.execute(query))


def refuse_order(action: Action, *, reason: str | None, limit: int, matched: int = 0, without_rows: int = 0) -> None:
    """Raise what the order would be refused with, by what is known to match: `ReasonMissing` or `TooManyRows`."""
    if action.needs_reason and not (reason and reason.strip()):
        raise ReasonMissing(f"a {' or '.join(action.states)} row is {action.past} only with a reason")
    if matched + without_rows > limit:
        raise TooManyRows(matched, limit, without_rows=without_rows)


def operate(
    connection: Connection[Any],
    action: Action,
    row_filter: RowFilter,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    limit: int = DEFAULT_LIMIT,
    reason: str | None = None,
) -> OperatorReport:
    """Do an action to the rows that the filter admits, all in one transaction, and return what became of them.

    Rows in a state the action does not apply to are left and counted, and so are those that others changed while this
    waited for them, so that the filter admits them no more. The same is done to who is in a scenario and has no row
    yet, where the filter asks for nothing that only rows have. Raises `TooManyRows`, having changed nothing, if more
    than `limit` of both together match, `ReasonMissing`, and `UnknownScenario`.
    """
    refuse_order(action, reason=reason, limit=limit)
    refuse_unknown(connection, row_filter.scenario)
    # the first so many are the first of those that it can be done to
    chosen = applicable(action, row_filter) if row_filter.first is not None else row_filter
    attempt = partial(_operate, connection, action, chosen, now, settings, context, limit, reason)
    return again(connection, attempt)


def _operate(
    connection: Connection[Any],
    action: Action,
    row_filter: RowFilter,
    now: datetime,
    settings: Settings,
    context: RunContext,
    limit: int,
    reason: str | None,
) -> OperatorReport:
    with connection.transaction():
        run_id = start_run(connection, "operate", "operator", context, now=now)
        with acting(connection, "operator", context, run_id, now=now):
            meant = without_rows.meant(action, row_filter)
            # a plan gives rows to who has none: one that is under way is waited for where it could
            has_no_row = meant is not None and without_rows.there_are(connection, meant)
            if action.waits_for_plans or has_no_row:
                # before any row is locked: a plan that waits for that row would wait for us, and we for it
                wait_for_plans(connection)
            matched, lost = _choose(connection, row_filter, limit)
            rowless = without_rows.choose(connection, meant, most=limit + 1) if meant and has_no_row else 0
            if meant and matched + rowless > limit:
                in_all = sum(count.enrolments for count in without_rows.counts(connection, meant))
                raise TooManyRows(matched, limit, without_rows=in_all)
            values = {
                "now": now,
                "actor": context.actor,
                "reason": reason,
                "exit_reason": action.exit_reason,
                "time_zone": settings.time_zone,
                "exported_channels": list(EXPORTED_CHANNELS),
            }
            changed = connection.execute(statement(__file__, action.name), values).rowcount
            for effect in action.effects:
                connection.execute(statement(__file__, effect), values)
            # after the rows: whoever came back by one of them is in the scenario
            rowless_changed = without_rows.change(connection, action, values) if has_no_row else 0
            early = 0
            if action.sends_today:
                early = _number(connection.execute(statement(__file__, "released_early"), values))
            left = not_changed(connection, action) if changed < matched - lost else ()
            if lost:
                left = (*left, changed_meanwhile(lost))
            if rowless_changed < rowless:
                left = (*left, without_rows.not_changed(rowless - rowless_changed))
            connection.execute("drop table pg_temp.chosen_rows")
            told = OperateSummary(
                action.name,
                matched,
                changed,
                reason,
                left or None,
                early or None,
                without_rows=rowless or None,
                without_rows_changed=rowless_changed if rowless else None,
            )
            finish_run(connection, run_id, now=now, summary=told)
    return OperatorReport(run_id, matched, changed, left, early, rowless, rowless_changed)


def _choose(connection: Connection[Any], row_filter: RowFilter, limit: int) -> tuple[int, int]:
    """Put the rows that the filter admits into the temporary table `chosen_rows`, locked.

    Return how many it admitted, and how many of those it does not admit any more since they are locked.
    """
    choice = statement(__file__, "choose_rows").format(selection=row_filter.selection(), most=limit + 1)
    matched = connection.execute(choice).rowcount
    if matched > limit:
        raise TooManyRows(max(count(connection, row_filter), matched), limit)
    connection.execute(statement(__file__, "index_chosen_rows"))
    forget = statement(__file__, "forget_changed_meanwhile").format(condition=row_filter.condition())
    return matched, connection.execute(forget).rowcount


def _number(answer: Cursor[Any]) -> int:
    """Return the one number of an answer."""
    row = answer.fetchone()
    assert row is not None
    return int(row[0])
