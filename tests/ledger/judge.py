"""The judge: replays every transition by the glossary's table and compares what comes out with what is there.

It reads the ledger on a connection of its own after every step and believes nothing but the transitions. Belongs here:
what may never be true, whatever was done. Does not belong here: what a single door may do (`machine`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from ekiden.schedule.invariants import INVARIANTS, offenders
from tests.integration.ledger_invariants import BROKEN
from tests.integration.schedule.test_transitions import LISTED_FOR_ENROLMENTS, LISTED_FOR_ROWS
from tests.ledger.carrier import Carrier

OPEN = frozenset({"ready", "held", "sending", "failed"})

ROWS = """
select rows.*, versions.on_skip, versions.past_date_policy
from outreach.schedule_rows as rows
inner join outreach.scenario_versions as versions using (scenario_version_id)
order by rows.schedule_row_id
"""
TRANSITIONS = """
select transitions.*, runs.run_id is not null as has_run
from outreach.transitions
left join outreach.runs on transitions.run_id = runs.run_id
where transition_id > %s
order by transition_id
"""
# one statement: a round trip each would be most of a step's time
BROKEN_AT_ONCE = " union all ".join(
    f"select '{name.replace(chr(39), chr(39) * 2)}', to_jsonb(broken)::text from ({query}) as broken"  # noqa: S608
    for name, query in BROKEN.items()
)


@dataclass(frozen=True)
class Ledger:
    """What the ledger says at one moment."""

    rows: dict[int, Any]
    enrolments: dict[int, Any]
    new_transitions: list[Any]
    messages: list[Any]


@dataclass
class Judge:
    """The states that the transitions lead to, as far as they were read."""

    control: psycopg.Connection[Any]
    time_zone: str
    row_states: dict[int, str] = field(default_factory=dict)
    enrolment_states: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    released: set[int] = field(default_factory=set)
    born_held: set[int] = field(default_factory=set)
    last_transition: int = 0

    def read(self) -> Ledger:
        with self.control.cursor(row_factory=namedtuple_row) as cursor:
            return Ledger(
                {row.schedule_row_id: row for row in cursor.execute(ROWS)},
                {row.enrolment_id: row for row in cursor.execute("select * from outreach.enrolments")},
                cursor.execute(TRANSITIONS, [self.last_transition]).fetchall(),
                cursor.execute("select schedule_row_id, message_id, channel_name from outreach.messages").fetchall(),
            )

    def judge(self, ledger: Ledger, carrier: Carrier) -> None:
        """Raise `AssertionError` on anything that may not be."""
        for transition in ledger.new_transitions:
            self._replay(transition, ledger)
        states = {number: row.state for number, row in ledger.rows.items()}
        assert self.row_states == states, "the transitions do not lead to the rows' states"
        standing = {number: (each.state, each.exit_reason) for number, each in ledger.enrolments.items()}
        assert self.enrolment_states == standing, "the transitions do not lead to the enrolments' states"
        self._rows_belong_to_their_enrolments(ledger)
        self._messages_are_what_was_taken(ledger, carrier)
        if ledger.new_transitions:
            self._queries_find_nothing(ledger)

    def _replay(self, transition: Any, ledger: Ledger) -> None:
        self.last_transition = transition.transition_id
        assert transition.actor.strip() and transition.has_run, transition
        if transition.subject == "schedule_row":
            self._replay_row(transition, ledger)
        else:
            self._replay_enrolment(transition, ledger)

    def _replay_row(self, transition: Any, ledger: Ledger) -> None:
        row = ledger.rows[transition.subject_id]
        step = (transition.from_state, transition.to_state, transition.actor_kind)
        assert LISTED_FOR_ROWS.get(step) == transition.transition, transition
        assert self.row_states.get(row.schedule_row_id, "") == transition.from_state, transition
        siblings = [other for other in ledger.rows.values() if other.enrolment_id == row.enrolment_id]
        if transition.from_state == "":
            self._birth(transition, row, siblings)
        if transition.transition == "T3":
            self.released.add(row.schedule_row_id)
        if transition.to_state == "sent":
            # invariant 4
            assert row.schedule_row_id not in self.born_held - self.released, transition
        self.row_states[row.schedule_row_id] = transition.to_state
        # invariant 1, at every moment between two transitions
        opened = [other for other in siblings if self.row_states.get(other.schedule_row_id) in OPEN]
        assert len(opened) <= 1, (transition, opened)

    def _birth(self, transition: Any, row: Any, siblings: Iterable[Any]) -> None:
        if transition.to_state == "held":
            self.born_held.add(row.schedule_row_id)
        alive = [other for other in siblings if self.row_states.get(other.schedule_row_id, "deleted") != "deleted"]
        assert row.step_no not in {other.step_no for other in alive}, transition
        if row.step_no > 1:
            # invariant 2, when it matters: a skipped row may be deleted later
            before = [other for other in alive if other.step_no == row.step_no - 1]
            found = [(self.row_states[other.schedule_row_id], other.on_skip) for other in before]
            assert found and (found[0][0] == "sent" or found[0] == ("skipped", "continue")), (transition, found)

    def _replay_enrolment(self, transition: Any, ledger: Ledger) -> None:
        number = transition.subject_id
        reason = transition.reason if transition.to_state == "stopped" else None
        step = (transition.from_state, transition.to_state, reason or "", transition.actor_kind)
        assert LISTED_FOR_ENROLMENTS.get(step) == transition.transition, transition
        before, why = self.enrolment_states.get(number, ("", None))
        assert before == transition.from_state, transition
        assert transition.transition != "E10" or why == "blocked", transition
        self.enrolment_states[number] = (transition.to_state, reason)

    def _rows_belong_to_their_enrolments(self, ledger: Ledger) -> None:
        """The definition of each state of an enrolment, by its rows."""
        rows: dict[int, list[Any]] = {number: [] for number in ledger.enrolments}
        for row in ledger.rows.values():
            rows[row.enrolment_id].append(row)
        for number, enrolment in ledger.enrolments.items():
            alive = sorted((row for row in rows[number] if row.state != "deleted"), key=lambda row: row.step_no)
            opened = [row for row in alive if row.state in OPEN]
            last = alive[-1].state if alive else None
            match enrolment.state:
                case "active":
                    # it has an open row, waits for its first one, or an operator deleted its last row (T16)
                    was_cut = any(row.state == "deleted" for row in rows[number])
                    assert opened or not rows[number] or was_cut, (enrolment, rows[number])
                    assert enrolment.exited_at is None, enrolment
                case "completed":
                    assert last == "sent" and not opened, (enrolment, alive)
                case "stopped":
                    assert not opened, (enrolment, opened)
                case "removed":
                    assert not alive, (enrolment, alive)
            assert alive or not rows[number] or enrolment.state == "removed", (enrolment, rows[number])
            # a chain without gaps, but for skipped rows that were deleted
            assert all(row.state in ("sent", "skipped") for row in alive[:-1]), alive

    def _messages_are_what_was_taken(self, ledger: Ledger, carrier: Carrier) -> None:
        sent = {row.schedule_row_id: row.message_id for row in ledger.rows.values() if row.state == "sent"}
        assert {message.schedule_row_id: message.message_id for message in ledger.messages} == sent
        assert len(ledger.messages) == len(sent)
        posted = {message.message_id for message in ledger.messages if message.channel_name == carrier.name}
        taken = {message for message, times in carrier.taken.items() if times}
        assert posted <= taken, "recorded as sent, and the carrier never had it"
        under_way = {row.message_id for row in ledger.rows.values() if row.state == "sending"}
        assert taken - posted <= under_way, "the carrier has it, and nobody will ever know"

    def _queries_find_nothing(self, ledger: Ledger) -> None:
        found = self.control.execute(BROKEN_AT_ONCE.encode(), {"time_zone": self.time_zone}).fetchall()
        skipped_and_deleted = {
            (row.enrolment_id, row.step_no)
            for row in ledger.rows.values()
            if row.state == "deleted" and row.on_skip == "continue"
        }
        if skipped_and_deleted:
            found = [each for each in found if not each[0].startswith("2:")]
        assert found == []
        for invariant in INVARIANTS:
            now = self.control.execute("select now()").fetchone()[0]
            assert offenders(self.control, invariant, now=now).total == 0, invariant.name
