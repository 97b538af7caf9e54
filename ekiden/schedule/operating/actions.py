"""The operators' actions: what each may be done to, what follows from it, and why a row was left as it was.

Belongs here: the list of actions, the same for every door. Does not belong here: doing them (`operators`,
`without_rows`).
"""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement


@dataclass(frozen=True)
class Action:
    """One thing an operator does; `name` is also the name of its statement, its command and its Dagster op."""

    name: str
    past: str
    states: tuple[str, ...]
    """The states it applies to."""
    explanation: str
    effects: tuple[str, ...] = ()
    """Statements that follow it, for the enrolments of the rows it changed."""
    without_rows: str | None = None
    """The statement for enrolments that have no row, which it applies to as well."""
    standings: tuple[str, ...] = ()
    """How those may stand: waiting for their first row, or blocked or completed before there was one."""
    of_a_customer_alone: bool = False
    """True: of those without rows it means the ones of a customer who is named. It is said of rows, and whoever ends a
    scenario's rows may not think of the people who are yet to get theirs."""
    exit_reason: str | None = None
    needs_reason: bool = False
    waits_for_plans: bool = False
    """True: it brings somebody back into a scenario, and must see whom a plan is just letting in elsewhere."""
    lets_go: bool = False
    """True: what it changes is sent next."""
    sends_today: bool = False
    """True: what it lets go is sent today, even if it is due on a later day (T3)."""
    leaves_arrived: bool = False
    """True: it leaves rows whose message has arrived, as the provider's events show."""

    @property
    def asks_eligibility(self) -> bool:
        """Whether it is for held rows alone: of those one asks first whether their people should still get them."""
        return self.states == ("held",)


@dataclass(frozen=True)
class NotChanged:
    """How many rows an action left as they were, and why."""

    rows: int
    why: str

    def __str__(self) -> str:
        return f"{self.rows} left: {self.why}"


ACTIONS = {
    action.name: action
    for action in (
        # T3, at today's step time if that is still ahead, else now (R-241a, R-241b)
        Action(
            "release",
            "released",
            ("held",),
            "Release held rows: they go out at today's step time, or now if it has passed.",
            lets_go=True,
            sends_today=True,
        ),
        # T4
        Action("hold", "held", ("ready",), "Hold ready rows until a person releases them."),
        # T12: the enrolment stops
        Action(
            "complete",
            "completed",
            ("ready", "held"),
            "End rows by hand: nothing is sent and no next step follows.",
            effects=("end_enrolments",),
            without_rows="end_without_rows",
            standings=("waiting",),
            of_a_customer_alone=True,
            exit_reason="manual_complete",
        ),
        # T13 (R-053, R-240e)
        Action(
            "block",
            "blocked",
            ("ready", "held", "failed"),
            "Do not deliver: the customer never enters this scenario again.",
            effects=("end_enrolments",),
            without_rows="end_without_rows",
            standings=("waiting",),
            exit_reason="blocked",
        ),
        # T10, at once: a row fails only where it is certain that nothing was sent
        Action(
            "retry",
            "retried",
            ("failed",),
            "Send failed rows again; a failed message was certainly not sent.",
            lets_go=True,
        ),
        # T14
        Action(
            "reopen",
            "reopened",
            ("blocked",),
            "Put blocked rows back under release control; needs a reason.",
            effects=("reactivate_enrolments",),
            without_rows="reactivate_without_rows",
            standings=("blocked",),
            needs_reason=True,
            waits_for_plans=True,
        ),
        # T16: who was written to is done with the scenario; what has arrived, as the provider's events show,
        # stays
        Action(
            "delete",
            "deleted",
            ("ready", "held", "completed", "blocked", "skipped", "cancelled", "failed"),
            "Delete rows softly; a customer left without rows may enter again.",
            effects=("lock_chosen_enrolments", "remove_empty_enrolments"),
            without_rows="remove_without_rows",
            of_a_customer_alone=True,
            standings=("waiting", "blocked", "completed"),
            leaves_arrived=True,
        ),
    )
}

WHY = {
    "state": "in a state that {action} does not apply to ({detail})",
    "enrolment": "the enrolment has ended ({detail})",
    "step": "the step is stopped by force",
    "exclusive": "another exclusive scenario has the customer",
    "arrived": (
        "the provider's events show that it has arrived; the next send records it as sent, a failed row once it is "
        "retried, a held one once it is released"
    ),
    "ended": "the provider's events show that it has arrived",
    "meanwhile": "changed meanwhile",
}
"""By the rule that `sql/not_changed.sql` names, and `meanwhile`."""


def not_changed(connection: Connection[Any], action: Action) -> tuple[NotChanged, ...]:
    """Return why rows of the temporary table `chosen_rows` were not changed, by count, the most frequent first."""
    values = {"states": list(action.states), "leaves_arrived": action.leaves_arrived}
    found = connection.execute(statement(__file__, "not_changed"), values).fetchall()
    return tuple(NotChanged(rows, WHY[rule].format(action=action.name, detail=detail)) for rule, detail, rows in found)


def changed_meanwhile(rows: int) -> NotChanged:
    """Return that so many rows were changed by others before they could be locked."""
    return NotChanged(rows, WHY["meanwhile"])


def in_another_state(action: Action, state: str, rows: int) -> NotChanged:
    """Return why so many rows in this state were not even chosen."""
    return NotChanged(rows, WHY["state"].format(action=action.name, detail=state))
