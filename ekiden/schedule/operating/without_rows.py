"""Who is in a scenario and has no row yet, and what an operator's action does to them (E5, E9, E10).

With `enrol_at: anchor` a customer is in from the anchor on, and step 1 gets its row on the day that it is due: until
then there is no row to block. An action that ends enrolments, or takes them up again, does the same to those without
rows. Belongs here: which of them a filter means, and what becomes of them. Does not belong here: rows (`operators`),
and who waits for a first row, which is the planner's to know (`wanted_first_steps.sql`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import all_hold, columns_of, statement
from ekiden.schedule.operating.actions import WHY, Action, NotChanged
from ekiden.schedule.rows import RowFilter


@dataclass(frozen=True)
class WithoutRow:
    """One enrolment that has no row; `standing` is waiting, blocked or completed, `due_date` step 1's."""

    scenario_code: str
    customer_id: str
    standing: str
    due_date: date | None
    anchor_kind: str
    anchor_key: str
    enrolment_id: int


@dataclass(frozen=True)
class WithoutRowCount:
    """How many enrolments of a scenario have no row, by how they stand, and from when to when step 1 is due."""

    scenario_code: str
    standing: str
    first_due: date | None
    last_due: date | None
    enrolments: int

    def __str__(self) -> str:
        due = ""
        if self.first_due:
            due = f", due {self.first_due}" + (f" to {self.last_due}" if self.last_due != self.first_due else "")
        return f"{self.scenario_code}, step 1, {STANDINGS[self.standing]}{due}: {self.enrolments}"


STANDINGS = {
    "waiting": "no row yet",
    "blocked": "blocked before there was a row",
    "completed": "completed before there was a row",
}
"""How an enrolment without a row stands, in words."""


@dataclass(frozen=True)
class Meant:
    """Which enrolments without a row an action on a filter means."""

    condition: sql.Composed
    who_left_too: bool
    """Whether it means anybody but who waits."""

    def selection(self) -> sql.Composed:
        """Return them as an item of a `from` clause."""
        return sql.SQL("(select * from ({all}) as standing_without_rows where {condition}) as without_rows").format(
            all=statement(__file__, "without_rows").format(who_left_too=self.who_left_too), condition=self.condition
        )


def meant(action: Action, row_filter: RowFilter) -> Meant | None:
    """Return which enrolments without a row the action means, None where the filter asks for what only rows have.

    Due dates are compared with step 1's, which the planner will give its row.
    """
    of_rows_alone = (row_filter.rows, row_filter.first, row_filter.reason, row_filter.hold_reasons)
    if any(given for given in of_rows_alone) or row_filter.step_no not in (None, 1):
        return None
    if action.of_a_customer_alone and row_filter.customer is None:
        return None
    standings = list(action.standings)
    if row_filter.states and not set(row_filter.states) >= set(action.states):
        # who is asked for by some states, and not by all that the action applies to, is asked for by state
        standings = [standing for standing in standings if standing in row_filter.states]
    if not standings:
        return None
    return Meant(
        all_hold(
            (
                ("standing = any({value})", standings),
                ("scenario_code = {value}", row_filter.scenario),
                ("customer_id = {value}", row_filter.customer),
                ("due_date >= {value}", row_filter.due_from),
                ("due_date <= {value}", row_filter.due_to),
            )
        ),
        who_left_too=standings != ["waiting"],
    )


def there_are(connection: Connection[Any], those: Meant) -> bool:
    """Return whether there are any."""
    row = connection.execute(sql.SQL("select exists (select from {})").format(those.selection())).fetchone()
    assert row is not None
    return bool(row[0])


def counts(connection: Connection[Any], those: Meant) -> tuple[WithoutRowCount, ...]:
    """Return them counted by scenario and standing."""
    query = statement(__file__, "count_without_rows").format(selection=those.selection())
    with connection.cursor(row_factory=class_row(WithoutRowCount)) as cursor:
        return tuple(cursor.execute(query).fetchall())


def first_of(connection: Connection[Any], those: Meant, *, limit: int) -> tuple[WithoutRow, ...]:
    """Return at most `limit` of them, those due first."""
    query = sql.SQL("select {columns} from {selection} order by due_date, enrolment_id limit {limit}").format(
        columns=columns_of(WithoutRow), selection=those.selection(), limit=limit
    )
    with connection.cursor(row_factory=class_row(WithoutRow)) as cursor:
        return tuple(cursor.execute(query).fetchall())


def choose(connection: Connection[Any], those: Meant, *, most: int) -> int:
    """Put at most so many of them into the temporary table `chosen_without_rows`; return how many.

    Whoever calls it has waited for plans: nobody gives them rows meanwhile, nor ends them.
    """
    chosen = statement(__file__, "choose_without_rows").format(selection=those.selection(), most=most)
    return connection.execute(chosen).rowcount


def change(connection: Connection[Any], action: Action, values: dict[str, Any]) -> int:
    """Do the action to the chosen ones, and return how many it changed."""
    assert action.without_rows is not None  # or none were meant
    changed = connection.execute(statement(__file__, action.without_rows), values).rowcount
    connection.execute(statement(__file__, "await_as_they_stand"))
    connection.execute("drop table pg_temp.chosen_without_rows")
    return changed


def not_changed(enrolments: int) -> NotChanged:
    """Return why so many of the chosen ones were left: nothing but another scenario keeps an action from them."""
    return NotChanged(enrolments, WHY["exclusive"])
