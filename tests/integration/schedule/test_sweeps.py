"""Planning looks only at the customers for whom something can be new, and finds whom a look at everybody would find."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ekiden.database.connection import connect
from ekiden.delivery.channels import ProviderStopped
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.schedule.planning.stops import end_found
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import snapshot

CUSTOMERS = [f"C{number}" for number in range(6)]
MODELS = ("first", "second", "third")
ACTIONS = ("release", "hold", "complete", "block", "retry", "reopen", "delete")
TWO_STEPS = [STEP, STEP]
SEEDS = int(os.environ.get("EKIDEN_TEST_SWEEP_SEEDS", "3"))
"""Histories tried; 25 were, once."""
EVENTS = 25


def looked_at(shop: Shop, **days: Any) -> dict[str, Any]:
    """Return, by scenario, whom the next plan would look at for entries: their ids, or why everybody."""
    with shop.connection.transaction(force_rollback=True):
        shop.plan(**days)
        rows = shop.execute("""
            select scenario_code, whole_because, array_remove(array_agg(customer_id order by customer_id), null)
            from pg_temp.sweeping inner join outreach.scenarios using (scenario_id)
            left join pg_temp.looked_at using (scenario_id)
            group by scenario_code, whole_because
        """)
        return {code: reason or customers for code, reason, customers in rows}


def outcome(shop: Shop, *, whole: bool, **days: Any) -> list[Any]:
    """Return what a plan would make of the ledger, from the last sweeps on or as if there had been none."""
    with shop.connection.transaction(force_rollback=True):
        if whole:
            shop.execute("delete from outreach.sweeps")
        shop.plan(**days)
        enrolments = """
            select scenario_code, customer_id, anchor_key, state, exit_reason, exited_at
            from outreach.enrolments inner join outreach.scenarios using (scenario_id)
            order by scenario_code, customer_id, anchor_key, state, exited_at
        """
        return [snapshot(shop.connection), shop.execute(enrolments)]


class Months:
    """A shop in which anything happens at any time; before each plan both ways of planning are compared."""

    def __init__(self, shop: Shop, random: Random) -> None:
        self.shop = shop
        self.random = random
        self.definitions = {model: self.definition() for model in MODELS}
        for model, definition in self.definitions.items():
            shop.scenario(model, **definition)
        for customer in CUSTOMERS:
            shop.customer(customer)
            self.anchor(customer)

    def definition(self) -> dict[str, object]:
        choice = self.random.choice
        return {
            "steps": [STEP | {"offset_days": self.random.randint(0, 3)} for _ in range(self.random.randint(1, 3))],
            "reentry": choice(["never", "after_exit", "per_anchor"]),
            "on_retrigger": choice(["ignore", "restart"]),
            "multi_delivery": choice([True, False]),
            "priority": choice([1, 2, None]),
            "enrol_at": choice(["anchor", "first_step_due"]),
            "past_date_policy": choice(["hold", "hold", "skip", "send_now"]),
            "backfill_as_of": choice(["now", "due_date"]),
            "reevaluate_on_update": choice([True, False]),
        } | choice([{}, {"look_back_days": 2}])

    def happen(self) -> str:
        event: Callable[[], object] = self.random.choice(
            [self.plan] * 4 + [self.send] * 3 + [self.operate] * 2 + [self.anchor] * 3
            + [self.change_spans, self.remove_anchor, self.stop, self.edit, self.provider, self.build_anew]
            + [self.know_until, self.know_more]
        )  # fmt: skip
        # mostly on, sometimes back
        self.shop.now += timedelta(hours=self.random.choice([0, 1, 5, 11, 24, 30, 50, -3]))
        event()
        return event.__name__

    def plan(self) -> None:
        today = self.shop.now.astimezone(self.shop.settings.zone).date()
        first = today - timedelta(days=self.random.choice([0, 0, 0, 1, 5, -1]))
        last = first + timedelta(days=self.random.choice([0, 0, 3]))
        selection = self.random.choice([None, None, None, [self.random.choice(MODELS)]])
        days = {"first": first.isoformat(), "last": last.isoformat(), "scenarios": selection}
        known = {code for (code,) in self.shop.execute("select scenario_code from outreach.scenarios")}
        if selection and not set(selection) <= known:
            days["scenarios"] = None
        assert outcome(self.shop, whole=False, **days) == outcome(self.shop, whole=True, **days)
        self.shop.plan(**days)

    def send(self) -> None:
        try:
            self.shop.send()
        except ProviderStopped:
            self.shop.channel.line_is_stopped = False

    def operate(self) -> None:
        customer = self.random.choice([*CUSTOMERS, None])
        self.shop.operate(self.random.choice(ACTIONS), reason="because", customer=customer)

    def anchor(self, customer: str | None = None) -> None:
        self.shop.eligible(
            customer or self.random.choice(CUSTOMERS),
            self.day(),
            key=f"O{self.random.random()}",
            model=self.random.choice(MODELS),
            kind=self.random.choice(["ordered", "ordered", "entered"]),
            entry=self.spans(inverted=True),
            stop=self.spans(inverted=False),
        )

    def change_spans(self) -> None:
        self.update("update {} set entry_during = %s::tstzmultirange where customer_id = %s", self.spans(inverted=True))

    def stop(self) -> None:
        self.update("update {} set stop_during = %s::tstzmultirange where customer_id = %s", self.spans(inverted=False))

    def remove_anchor(self) -> None:
        self.update("delete from {} where %s || customer_id = %s", "")

    def edit(self) -> None:
        model = self.random.choice(MODELS)
        definition = self.definitions[model]
        steps = [
            step | {"state": self.random.choice(["enabled"] * 3 + ["force_stopped"])}
            for step in definition["steps"]  # type: ignore[attr-defined]
        ]
        switched = {"steps": steps, "status": self.random.choice(["enabled", "enabled", "disabled"])}
        if self.random.random() < 0.3:
            self.definitions[model] = self.definition()
            switched = {}
        self.shop.scenario(model, **self.definitions[model] | switched)

    def provider(self) -> None:
        channel = self.shop.channel
        channel.answers = {
            f"{customer.lower()}@shop.example": self.random.choice(list(Outcome)) for customer in CUSTOMERS[::2]
        }
        answer = self.random.choice([*Outcome, None])
        channel.found = answer and {
            row.message_id: Delivery(row.message_id, answer) for row in self.shop.rows(state="sending")
        }

    def know_until(self) -> None:
        """Have what begins after some instant, which may be near or past, not be known of a table."""
        known = self.shop.now + timedelta(hours=self.random.choice([-960, -5, 0, 5, 40]))
        table = f"'eligibility.{self.random.choice(MODELS)}'::regclass"
        self.shop.execute(f"update changed.followed_tables set turns_before = %s where table_oid = {table}", known)  # noqa: S608
        self.shop.execute(f"delete from changed.turning_points where table_oid = {table} and turns_at >= %s", known)  # noqa: S608

    def know_more(self) -> None:
        """As a build does that changes nothing."""
        self.shop.execute("select changed.follow_eligibility(%s)", f"eligibility.{self.random.choice(MODELS)}")

    def build_anew(self) -> None:
        """Put another table in the place of one, with the same rows."""
        table = sql.Identifier("eligibility", self.random.choice(MODELS))
        draft = sql.Identifier("draft")
        with self.shop.connection.transaction():
            self.shop.connection.execute(sql.SQL("create table {} as select * from {}").format(draft, table))
            self.shop.connection.execute(sql.SQL("drop table {}").format(table))
            self.shop.connection.execute(sql.SQL("alter table draft set schema eligibility"))
            name = sql.SQL(table.as_string(self.shop.connection).split(".")[1])
            self.shop.connection.execute(sql.SQL("alter table eligibility.draft rename to {}").format(name))
            self.shop.execute("select changed.follow_eligibility(%s)", table.as_string(self.shop.connection))

    def update(self, statement: str, value: str) -> None:
        """Change a customer's rows in the table, and most often in the live facts as well."""
        model, customer = self.random.choice(MODELS), self.random.choice(CUSTOMERS)
        for table in [model, f"{model}_live"][: self.random.choice([1, 2, 2])]:
            query = sql.SQL(statement).format(sql.Identifier("eligibility", table))  # type: ignore[arg-type]
            self.shop.connection.execute(query, (value, customer))

    def day(self) -> date:
        today = self.shop.now.astimezone(self.shop.settings.zone).date()
        return today + timedelta(days=self.random.choice([-9, -3, -2, -1, -1, 0, 0, 1, 2]))

    def spans(self, *, inverted: bool) -> str:
        """Return some spans around now that begin and end on whole hours, mostly none; or everything but them."""
        hours = sorted(self.random.sample(range(-60, 90), self.random.choice([0, 0, 1, 2, 3, 4])))
        instants: list[datetime | None] = [self.shop.now + timedelta(hours=hour) for hour in hours]
        instants += [None] * (len(instants) % 2)
        pairs = zip(instants[::2], instants[1::2], strict=True)
        text = "{" + ",".join(f"[{begin},{end or ''})" for begin, end in pairs) + "}"
        if not inverted:
            return text
        ((rest,),) = self.shop.execute("select ('{(,)}'::tstzmultirange - %s::tstzmultirange)::text", text)
        return str(rest)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_sweep_of_what_is_new_is_the_sweep_of_everybody(shop: Shop, seed: int):
    # every other history is of a shop in which a block counts everywhere
    shop.settings = shop.settings.model_copy(update={"blocked_from": ("scenario", "every_scenario")[seed % 2]})
    months = Months(shop, Random(seed))
    happened: list[str] = []
    for _ in range(EVENTS):
        try:
            happened.append(months.happen())
        except AssertionError:
            pytest.fail(f"they differ after {happened}")


def test_with_nothing_new_nobody_is_looked_at(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    assert looked_at(shop) == {"follow_up": "it was not swept before, or not the last time"}
    shop.plan()
    assert looked_at(shop) == {"follow_up": []}


def test_whose_rows_a_build_changed_and_who_came_within_reach_are_looked_at(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.buyer("C2", "2024-03-09")
    shop.buyer("C3", "2024-03-30")
    shop.plan()
    shop.buyer("C4")
    assert looked_at(shop) == {"follow_up": ["C4"]}
    shop.at("2024-03-10 06:00")
    assert looked_at(shop) == {"follow_up": ["C2", "C4"]}


def test_whoever_a_span_lets_in_later_is_looked_at_then(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.customer("C2")
    shop.eligible("C1", "2024-03-01", entry="{[2024-03-01, 2024-03-02), [2024-03-12 09:00+09,)}")
    shop.eligible("C2", "2024-03-01", stop="{[2024-03-01, 2024-03-12 09:00+09)}")
    shop.plan()
    shop.at("2024-03-12 08:59")
    assert looked_at(shop) == {"follow_up": []}
    shop.at("2024-03-12 09:00")
    assert looked_at(shop) == {"follow_up": ["C1", "C2"]}
    assert shop.plan().enrolled == 2


def test_whoever_a_span_lets_in_right_after_the_instant_of_a_sweep_is_looked_at_by_the_next(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-01", entry="{(2024-03-12 09:00+09,)}")
    shop.at("2024-03-12 09:00")
    assert shop.plan().enrolled == 0
    shop.at("2024-03-12 09:01")
    assert looked_at(shop) == {"follow_up": ["C1"]}
    assert shop.plan().enrolled == 1


def test_what_begins_years_from_now_is_found_when_it_begins(shop: Shop):
    year = datetime.now(UTC).year + 3
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", f"{year}-03-10", entry=f"{{[{year}-03-12 09:00+09,)}}")
    shop.plan()
    assert shop.execute("select count(*) from changed.turning_points") == [(0,)]
    shop.at(f"{year}-03-12 08:59")
    assert looked_at(shop) == {"follow_up": "what begins by now is not known"}
    assert shop.plan().enrolled == 0
    shop.at(f"{year}-03-12 09:00")
    assert shop.plan().enrolled == 1
    # by then so much is passed and forgotten that of what is known nothing is left
    shop.buyer("C2", f"{year}-03-10")
    assert shop.plan().enrolled == 1


@pytest.mark.parametrize(("known_for", "noted"), [(timedelta(days=364), 1), (timedelta(days=367), 0)])
def test_a_build_notes_more_of_what_begins_once_less_than_a_year_of_it_is_known(
    shop: Shop, known_for: timedelta, noted: int
):
    shop.scenario()
    shop.customer("C1")
    now = datetime.now(UTC)
    begins, known = now + timedelta(days=500), now + known_for
    shop.eligible("C1", "2024-03-10", entry=f"{{[{begins.isoformat()},)}}")
    shop.execute("delete from changed.turning_points")
    followed = "table_oid = 'eligibility.follow_up'::regclass"
    shop.execute(f"update changed.followed_tables set turns_before = %s where {followed}", known)  # noqa: S608
    shop.execute("select changed.follow_eligibility('eligibility.follow_up')")
    assert shop.execute("select customer_id, turns_at from changed.turning_points") == [("C1", begins)] * noted
    known_now = shop.execute(f"select turns_before from changed.followed_tables where {followed}")[0][0]  # noqa: S608
    assert (known_now > known) is bool(noted)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda shop: shop.scenario(reentry="per_anchor"), "it was edited"),
        (lambda shop: shop.at("2024-03-08 06:00"), "the clock was set back"),
        (lambda shop: shop.execute("truncate eligibility.follow_up"), "too much changed"),
        (
            lambda shop: shop.scenario(steps=[STEP, STEP | {"state": "force_stopped"}]),
            "a step was switched",
        ),
        (
            lambda shop: (
                shop.scenario(steps=TWO_STEPS, status="disabled"),
                shop.plan(),
                shop.scenario(steps=TWO_STEPS),
            ),
            "it was not swept before, or not the last time",
        ),
        (
            lambda shop: shop.execute(
                "alter table eligibility.follow_up rename to former;"
                "create table eligibility.follow_up (like eligibility.former)"
            ),
            "nothing notes what changes in its table",
        ),
        (lambda shop: shop.execute("update outreach.sweeps set system_identifier = 0"), "its table was made anew"),
        # of a dump of a server that came further
        (
            lambda shop: shop.execute("update outreach.sweeps set contains_before = '1000000000'"),
            "its table was made anew",
        ),
        (
            lambda shop: shop.execute(
                "update changed.followed_tables set turns_from = turns_from + interval '20 years'"
            ),
            "what began before then is not known",
        ),
    ],
)
def test_what_is_not_known_makes_a_sweep_look_at_everybody(shop: Shop, change: Callable[[Shop], Any], reason: str):
    shop.scenario(steps=TWO_STEPS)
    shop.buyer("C1")
    shop.plan()
    change(shop)
    assert looked_at(shop) == {"follow_up": reason}


def test_days_gone_by_that_are_judged_at_another_time_are_judged_anew_of_everybody(shop: Shop):
    shop.scenario(backfill_as_of="due_date")
    shop.scenario("of_now")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-05", entry="{[2024-03-06 09:00+09,2024-03-06 11:00+09)}")
    assert shop.plan().enrolled == 0
    shop.settings = shop.settings.model_copy(update={"batch_time": time(10)})
    assert looked_at(shop) == {"follow_up": "days gone by are judged at another time", "of_now": []}
    assert shop.plan().enrolled == 1
    assert looked_at(shop) == {"follow_up": [], "of_now": []}


def test_a_sweep_that_did_not_keep_its_time_judged_days_gone_by_at_another_one(shop: Shop):
    shop.scenario(backfill_as_of="due_date")
    shop.buyer("C1")
    shop.plan()
    shop.execute("update outreach.sweeps set batch_time = null")
    assert looked_at(shop) == {"follow_up": "days gone by are judged at another time"}


def test_changes_that_every_sweep_has_taken_in_are_forgotten(shop: Shop):
    shop.scenario(reentry="after_exit")
    for number in range(5):
        shop.buyer(f"C{number}")
    shop.plan()
    shop.operate("release")
    shop.operate("complete")
    shop.plan()
    shop.plan()
    notes = (
        "select (select count(*) from changed.eligibility_changes), (select count(*) from outreach.enrolment_changes)"
    )
    assert shop.execute(notes) == [(0, 0)]
    # of a dump of a server that came further
    shop.execute(
        "insert into changed.eligibility_changes (table_oid, transaction_id)"
        " select table_oid, '1000000000' from changed.followed_tables;"
        "insert into outreach.enrolment_changes (scenario_id, transaction_id)"
        " select scenario_id, '1000000000' from outreach.scenarios"
    )
    shop.plan()
    assert shop.execute(notes) == [(0, 0)]


def test_who_was_turned_away_is_looked_at_until_let_in(shop: Shop):
    shop.scenario("better", multi_delivery=False, priority=1)
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.customer("C1")
    for model in ("better", "worse"):
        shop.eligible("C1", "2024-03-08", model=model)
    assert shop.plan().enrolled == 1
    assert shop.plan().enrolled == 0
    shop.operate("complete", scenario="better")
    assert looked_at(shop) == {"better": [], "worse": ["C1"]}
    assert shop.plan().enrolled == 1


def test_a_stop_that_came_true_while_a_row_was_on_its_way_is_found_later(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.channel.answers = {"c1@shop.example": Outcome.refused}
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.row().state == "failed"
    shop.stop("C1", since=shop.now)
    shop.plan()
    shop.plan()
    shop.operate("retry")
    shop.plan()
    assert shop.row().state == "cancelled"


def test_a_stop_that_a_sender_came_before_in_the_midst_of_a_plan_is_found_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.channel.answers = {"c1@shop.example": Outcome.refused}
    shop.at("2024-03-09 12:00")
    # the sender asks by the facts of now, and they do not have the stop of the table
    shop.execute("update eligibility.follow_up set stop_during = '{(,)}'")

    def after_a_sender(connection: psycopg.Connection[Any], now: datetime) -> int:
        with connect(shop.settings, autocommit=True) as other:
            replace(shop, connection=other).send()
        return end_found(connection, now)

    with monkeypatch.context() as patch:
        patch.setattr("ekiden.schedule.planning.stops.end_found", after_a_sender)
        assert shop.plan().cancelled == 0
    assert shop.row().state == "failed"
    shop.operate("retry")
    assert shop.plan().cancelled == 1


def test_a_sweep_of_some_scenarios_forgets_nobody_whom_another_is_to_look_at_again(shop: Shop):
    shop.scenario()
    shop.scenario("other")
    shop.buyer("C1")
    shop.plan()
    shop.channel.answers = {"c1@shop.example": Outcome.refused}
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.stop("C1", since=shop.now)
    for minute, scenarios in ((1, None), (2, None), (3, ["other"])):
        shop.at(f"2024-03-09 12:0{minute}")
        shop.plan(scenarios=scenarios)
    shop.operate("retry")
    assert shop.plan().cancelled == 1


def test_who_entered_under_an_older_version_is_asked_for_by_live_facts_every_time(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=[STEP | {"send_time": "15:00"}])
    shop.plan()
    shop.stop("C1", since=shop.now, live_only=True)
    shop.plan()
    assert shop.row().state == "cancelled"


def test_who_entered_before_the_first_step_was_due_gets_its_row_then(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-09")
    assert shop.plan().created == ()
    assert shop.execute("select count(*) from outreach.first_rows_awaited") == [(1,)]
    shop.at("2024-03-12 06:00")
    assert shop.plan().ready == 1
    assert shop.execute("select count(*) from outreach.first_rows_awaited") == [(0,)]
