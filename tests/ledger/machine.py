"""Whatever the staff, the schedules, the carriers and the power supply of a shop may do to its ledger, in any order.

Each rule goes through a public door; a fuse may burn at any statement behind it. After each one the judge looks at the
whole ledger, and here it is asked what that door may have changed. Does not belong here: the world outside (`world`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from ekiden.delivery.channels.base import ProviderStopped
from ekiden.delivery.lists.export import export_due
from ekiden.delivery.pauses import open_pauses, pause, resume
from ekiden.delivery.unknown.rows import Settled, UnknownFilter
from ekiden.delivery.unknown.settle import settle
from ekiden.schedule.errors import UnknownScenario
from ekiden.schedule.planning.plan import plan
from tests.integration.ledger_fixtures import OPERATOR, PLANNER, reconcile_alone
from tests.ledger.carrier import ANSWERS, ENDS, Carrier
from tests.ledger.doors import DOORS, REFUSALS, filters, fuses, models, reasons
from tests.ledger.ground import Ground
from tests.ledger.interruptions import Fuse, Interrupted
from tests.ledger.judge import Judge, Ledger
from tests.ledger.world import World


class LedgerMachine(World):
    """The doors of the ledger, and what is asked after each."""

    def __init__(self) -> None:
        super().__init__()
        self.judge = Judge(self.ground.control, self.shop.settings.time_zone)
        self.judge.last_transition = self._last_transition()
        self.carrier = Carrier(self.ground.control, self.ground.end_session)
        self.door = ""
        self.ledger = self.judge.read()

    # --- doors

    @rule(
        first=st.integers(-6, 1),
        days=st.integers(0, 6),
        selected=st.none() | st.lists(models, min_size=1, max_size=2, unique=True),
        dry=st.sampled_from([False, False, False, True]),
        fuse=fuses,
    )
    def days_are_planned(self, first: int, days: int, selected: list[str] | None, dry: bool, fuse: Fuse | None) -> None:
        first_day = self.today + timedelta(days=first)
        with self.through("plan", fuse):
            self._plan(first_day, first_day + timedelta(days=days), selected, dry)
        if not dry and (fuse is None or not fuse.has_burnt):
            self._planning_again_changes_nothing(first_day, first_day + timedelta(days=days), selected)

    @rule(fuse=fuses)
    def today_is_planned(self, fuse: Fuse | None) -> None:
        with self.through("plan", fuse):
            self._plan(self.today, self.today, None, False)

    @rule(
        answers=st.lists(st.sampled_from([*ANSWERS, *["accepted"] * 6, *ENDS]), min_size=1, max_size=6),
        can_be_asked=st.sampled_from([True, True, False]),
        batch=st.sampled_from([1, 2, 500]),
        wait=st.sampled_from([0, 0, 12]),
        fuse=fuses,
    )
    def what_is_due_is_sent(
        self, answers: list[str], can_be_asked: bool, batch: int, wait: int, fuse: Fuse | None
    ) -> None:
        self.shop.now += timedelta(hours=wait)
        self.carrier.answers, self.carrier.can_be_asked = answers, can_be_asked
        with self.through("send", fuse):
            settings = self.shop.settings.model_copy(update={"claim_batch_size": batch})
            self.shop.send(channel=self.carrier, settings=settings)

    @rule(can_be_asked=st.booleans(), fuse=fuses)
    def what_is_under_way_is_looked_after(self, can_be_asked: bool, fuse: Fuse | None) -> None:
        self.carrier.can_be_asked = can_be_asked
        with self.through("reconcile", fuse):
            self._reconcile()

    @rule(settled=st.sampled_from(Settled), retry=st.booleans(), wait=st.sampled_from([0, 1]), fuse=fuses)
    def a_person_settles_what_is_unknown(self, settled: Settled, retry: bool, wait: int, fuse: Fuse | None) -> None:
        """By the carrier's own record: what a person guesses wrong is nothing that the ledger could know."""
        self.shop.now += timedelta(hours=wait)
        meant = tuple(
            str(row.schedule_row_id)
            for row in self.ledger.rows.values()
            if row.state == "sending" and bool(self.carrier.taken[row.message_id]) == (settled is Settled.SENT)
        )
        if not meant:
            return
        with self.through("settle", fuse):
            settle(
                self.shop.connection,
                settled,
                UnknownFilter(rows=meant),
                now=self.shop.now,
                settings=self.shop.settings,
                context=OPERATOR,
                reason="the carrier's record",
                retry_them=retry and settled is Settled.NOT_SENT,
            )

    @rule(scenario=st.none() | models, fuse=fuses)
    def lists_are_exported(self, scenario: str | None, fuse: Fuse | None) -> None:
        with self.through("export", fuse):
            export_due(
                self.shop.connection,
                now=self.shop.now,
                settings=self.shop.settings,
                context=OPERATOR,
                scenario=scenario,
            )

    @rule(
        action=st.sampled_from(["release", "release", "hold", "complete", "block", "retry", "reopen", "delete"]),
        row_filter=filters,
        reason=reasons,
        fuse=fuses,
    )
    def a_person_acts(self, action: str, row_filter: dict[str, Any], reason: str | None, fuse: Fuse | None) -> None:
        meant = {row.schedule_row_id for row in self.shop.rows(**row_filter)}
        with self.through(action, fuse):
            self.shop.operate(action, reason=reason, **row_filter)
        touched = {each.subject_id for each in self._new_transitions("schedule_row")}
        assert touched <= meant, "rows that the filter does not admit were touched"

    @rule(scenario=st.none() | models, pausing=st.sampled_from([True, False, False]))
    def sending_is_paused_or_resumed(self, scenario: str | None, pausing: bool) -> None:
        with self.through("", None):
            (pause if pausing else resume)(
                self.shop.connection, scenario, reason="because", now=self.shop.now, context=OPERATOR
            )

    # --- what is asked after each

    @invariant()
    def the_ledger_is_sound(self) -> None:
        before, self.ledger = self.ledger, self.judge.read()
        self.judge.judge(self.ledger, self.carrier)
        for transition in self.ledger.new_transitions:
            assert transition.transition in DOORS[self.door], (self.door, transition)
            assert transition.transitioned_at == self.shop.now, transition
        self._only_what_changed_state_changed(before)
        self._nothing_went_that_may_not()
        causes = {found.cause.value for found in open_pauses(self.ground.control)}
        assert causes <= {"operator", "provider"}, causes
        self.door = ""

    def _only_what_changed_state_changed(self, before: Ledger) -> None:
        touched = {each.subject_id for each in self.ledger.new_transitions if each.subject == "schedule_row"}
        for number, row in before.rows.items():
            # invariant 5, and more: whoever it was, and whatever else it did
            assert number in touched or self.ledger.rows[number] == row, (self.door, row, self.ledger.rows[number])

    def _nothing_went_that_may_not(self) -> None:
        stopped = {
            (scenario, step)
            for scenario, step in self.ground.control.execute(
                "select scenario_id, step_no from outreach.scenario_steps where state = 'force_stopped'"
            )
        }
        silent = {
            scenario
            for (scenario,) in self.ground.control.execute(
                "select scenario_id from outreach.scenarios where not may_send"
                " union select scenario_id from outreach.paused_scenarios"
            )
        }
        for transition in self.ledger.new_transitions:
            if transition.subject == "schedule_row" and transition.transition in ("T6", "T11"):
                row = self.ledger.rows[transition.subject_id]
                assert row.scenario_id not in silent, transition
                assert (row.scenario_id, row.step_no) not in stopped, transition

    def teardown(self) -> None:
        """Let everything calm down: with a carrier that can be asked, nothing stays under way."""
        self.ground.mend()
        self.carrier.answers, self.carrier.can_be_asked = ["accepted"], True
        self._reconcile()
        self.door = "reconcile"
        self.the_ledger_is_sound()
        assert "sending" not in {row.state for row in self.ledger.rows.values()}

    # --- helpers

    @contextmanager
    def through(self, door: str, fuse: Fuse | None) -> Iterator[None]:
        """Go through a door; what it refuses, and what the fuse does, is expected."""
        self.door = door
        self.ground.arm(fuse)
        try:
            yield
        except (*REFUSALS, ProviderStopped, Interrupted) as error:
            note(f"    {type(error).__name__}: {error}")
        except psycopg.OperationalError as error:
            if not self.shop.connection.closed:
                raise
            note(f"    the session ended: {error}")
        finally:
            self.ground.mend()

    def _plan(self, first: date, last: date, selected: list[str] | None, dry: bool) -> Any:
        return plan(
            self.shop.connection,
            first,
            last,
            now=self.shop.now,
            settings=self.shop.settings,
            context=PLANNER,
            scenarios=selected,
            dry_run=dry,
        )

    def _planning_again_changes_nothing(self, first: date, last: date, selected: list[str] | None) -> None:
        connection = self.shop.connection
        for forgets in (False, True):
            with connection.transaction(force_rollback=True):
                if forgets:
                    # whatever planning remembers of its last look
                    connection.execute("delete from outreach.sweeps")
                try:
                    again = self._plan(first, last, selected, True)
                except UnknownScenario:
                    return
            changed = (again.enrolled, again.cancelled, again.expired, again.superseded, len(again.created))
            assert changed == (0, 0, 0, 0, 0), ("whole" if forgets else "again", again)

    def _reconcile(self) -> None:
        reconcile_alone(
            self.shop.connection,
            channel=self.carrier,
            settings=self.shop.settings,
            now=self.shop.now,
            context=OPERATOR,
        )

    def _new_transitions(self, subject: str) -> list[Any]:
        return [each for each in self.judge.read().new_transitions if each.subject == subject]

    def _last_transition(self) -> int:
        return self.ground.control.execute(
            "select coalesce(max(transition_id), 0) from outreach.transitions"
        ).fetchone()[0]


def machine_on(ground: Ground) -> Callable[[], LedgerMachine]:
    """Return what makes machines on this ground."""
    return type("LedgerMachine", (LedgerMachine,), {"ground": ground})
