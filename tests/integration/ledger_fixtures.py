"""A small shop with a ledger, for tests of planning and sending without dbt.

Belongs here: the database such tests share, and the words they say what happens in. An eligibility table has the
contract's columns and is filled by hand; its live twin answers the re-check before a send, so that a test can let the
two disagree.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.database.migrations import VERSION_TABLE
from ekiden.delivery.channels.base import Channel, Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.sending.record import Recorded
from ekiden.delivery.sending.send import SendReport, send_due
from ekiden.delivery.unknown.reconcile import reconcile
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import OperatorReport, operate
from ekiden.schedule.planning.plan import PlanReport, plan
from ekiden.schedule.rows import RowFilter, ScheduleRow, search
from ekiden.schedule.run_summaries import ReconcileSummary
from ekiden.schedule.runs import RunContext, finish_run, start_run
from ekiden.settings import Settings
from tests.conftest import database_in, drop_database

CONTENT = "sample/step_1"
STEP = {"offset_days": 1, "send_time": "12:00", "content": CONTENT}
PLANNER = RunContext("schedule", dagster_run_id="plan-run", git_revision="abc123")
SENDER = RunContext("sensor", dagster_run_id="send-run", git_revision="abc123")
OPERATOR = RunContext("hanako@shop.example")

# what migrations fill, and what every test may keep
KEPT_TABLES = (
    *("schedule_row_states", "enrolment_states", "listed_transitions", "decision_rules", "signed_links"),
    VERSION_TABLE,
)

SMALL = 1024 * 1024
"""Bytes of all tables together, up to which rows are deleted: what deleting leaves behind stays below as well."""

STAGING = """
create schema eligibility;
create schema staging;
create table eligibility.scenario_registry (
    model_name text primary key,
    relation_name text not null,
    definition jsonb not null,
    live_function text,
    build_id text not null,
    git_revision text,
    built_at timestamptz not null
);
do $$
declare name text;
begin
    for name in select tablename from pg_tables where schemaname = 'raw' loop
        execute format('create view staging.stg_%1$s as select * from raw.%1$s', name);
    end loop;
end;
$$;
drop view staging.stg_customers;
create view staging.stg_customers as select *, access_url as site from raw.customers;
drop view staging.stg_orders;
create view staging.stg_orders as
select
    *,
    access_url as site,
    case when status = 'cancelled' then 'empty' else tstzrange(ordered_at, cancelled_at) end as counts_during
from raw.orders;
drop view staging.stg_customer_history;
create view staging.stg_customer_history as
select customer_id, field, value, tstzrange(
    case when lag(changed_at) over by_time is not null then changed_at end, lead(changed_at) over by_time
) as valid
from raw.customer_history
window by_time as (partition by customer_id, field order by changed_at);
"""

ELIGIBILITY = """
create table {table} (
    customer_id text, anchor_kind text, anchor_key text, anchor_at timestamptz, anchor_date date,
    entry_during tstzmultirange, stop_during tstzmultirange
);
create table {live_table} (like {table});
create index on {live_table} (customer_id);
create function {function}(given_customers text[]) returns setof {live_table}
language sql stable as $$ select * from {live_table} where customer_id = any(given_customers) $$;
"""


class RecordingChannel:
    """Takes every message and remembers it; answers as a test says."""

    name = "recording"

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []
        self.answers: dict[str, Outcome] = {}
        """By address; whoever is not named is accepted."""
        self.found: dict[UUID, Delivery] | None = None
        self.line_is_stopped = False
        self.busy_until: datetime | None = None
        self.before_answering = lambda: None

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        if self.line_is_stopped:
            raise ProviderStopped("401", left_alone(messages, "401"))
        if self.busy_until:
            raise ProviderBusy("429", self.busy_until, left_alone(messages, "429"))
        self.messages += messages
        self.before_answering()
        return [self._delivery(message) for message in messages]

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery] | None:
        return self.found

    def _delivery(self, message: OutgoingMessage) -> Delivery:
        outcome = self.answers.get(message.to_address, Outcome.accepted)
        provider_id = f"provider-{message.message_id}" if outcome is Outcome.accepted else None
        return Delivery(message.message_id, outcome, provider_id, detail="" if provider_id else f"it said {outcome}")


@dataclass
class Shop:
    """A shop, its ledger and a clock that a test turns."""

    settings: Settings
    connection: psycopg.Connection[Any]
    now: datetime = datetime(2024, 3, 8, 21, 0, tzinfo=UTC)  # Saturday the 9th, 06:00 in Tokyo
    channel: RecordingChannel = field(default_factory=RecordingChannel)
    by_hand: set[str] = field(default_factory=set)
    """The models built last without a live function, as one whose SQL was written by hand."""

    def at(self, local: str) -> datetime:
        """Turn the clock to a local time like "2024-03-09 06:00" and return it."""
        self.now = self.local(local)
        return self.now

    def local(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=self.settings.zone)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    # --- the shop's side

    def scenario(self, code: str = "follow_up", *, model: str | None = None, live: bool = True, **changes: Any) -> None:
        """Build a scenario's model: an eligibility table, its live function, and its row in the registry."""
        model = model or code
        definition = {
            "code": code, "name": code, "status": "enabled", "anchor": "ordered", "steps": [STEP],
        } | changes  # fmt: skip
        names = {
            "table": sql.Identifier("eligibility", model),
            "live_table": sql.Identifier("eligibility", f"{model}_live"),
            "function": sql.Identifier("eligibility", f"{model}_answers"),
        }
        relation, function = (names[name].as_string(self.connection) for name in ("table", "function"))
        if self.execute("select to_regclass(%s) is null", relation)[0][0]:
            self.connection.execute(sql.SQL(ELIGIBILITY).format(**names))
            # as a build does
            self.execute("select changed.follow_eligibility(%s)", relation)
        self.connection.execute(
            """
            insert into eligibility.scenario_registry values (%s, %s, %s, %s, 'build-1', 'abc123', now())
            on conflict (model_name) do update
            set definition = excluded.definition, live_function = excluded.live_function
            """,
            (model, relation, json.dumps(definition), function if live else None),
        )
        (self.by_hand.discard if live else self.by_hand.add)(model)

    def customer(self, customer_id: str, **changes: Any) -> None:
        columns = {
            "customer_id": customer_id,
            "registered_at": datetime(2023, 1, 1, tzinfo=UTC),
            "email": f"{customer_id.lower()}@shop.example",
            "family_name": "駅田",
            "given_name": "伝子",
        } | changes
        query = sql.SQL("insert into raw.customers ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(map(sql.Placeholder, columns))
        )
        self.connection.execute(query, columns)

    def change_customer(self, customer_id: str, **changes: Any) -> None:
        for column, value in changes.items():
            query = sql.SQL("update raw.customers set {} = %s where customer_id = %s")
            self.connection.execute(query.format(sql.Identifier(column)), (value, customer_id))

    def eligible(
        self,
        customer_id: str,
        anchored: str | date,
        *,
        model: str = "follow_up",
        key: str = "",
        entry: str = "",
        stop: str = "{}",
        kind: str = "ordered",
    ) -> None:
        """Let a customer be eligible by an anchor on a local day; `entry` and `stop` are multiranges of instants.

        Without `entry` they may always come in; in a table written by hand from the anchor on, as the contract asks.
        """
        day = date.fromisoformat(anchored) if isinstance(anchored, str) else anchored
        at = datetime.combine(day, datetime.min.time(), self.settings.zone) + timedelta(hours=10)
        always = f"{{[{at.isoformat()},)}}" if model in self.by_hand else "{(,)}"
        row = (customer_id, kind, key or f"O-{customer_id}-{day}", at, day, entry or always, stop)
        for table in (model, f"{model}_live"):
            name = sql.Identifier("eligibility", table)
            self.connection.execute(sql.SQL("insert into {} values (%s, %s, %s, %s, %s, %s, %s)").format(name), row)

    def stop(self, customer_id: str, *, since: datetime, model: str = "follow_up", live_only: bool = False) -> None:
        """Let the stop condition hold since an instant; `live_only`: the morning's table does not know yet."""
        for table in [f"{model}_live", *([] if live_only else [model])]:
            query = sql.SQL("update {} set stop_during = tstzmultirange(tstzrange(%s, null)) where customer_id = %s")
            self.connection.execute(query.format(sql.Identifier("eligibility", table)), (since, customer_id))

    def buyer(self, customer_id: str, anchored: str = "2024-03-08", **changes: Any) -> None:
        """A customer who is eligible by an order."""
        self.customer(customer_id, **changes)
        self.eligible(customer_id, anchored)

    # --- Ekiden's side

    def plan(
        self, first: str = "", last: str = "", scenarios: Sequence[str] | None = None, *, dry_run: bool = False
    ) -> PlanReport:
        """Plan today, or the given days."""
        today = self.now.astimezone(self.settings.zone).date()
        first_day = date.fromisoformat(first) if first else today
        return plan(
            self.connection,
            first_day,
            date.fromisoformat(last) if last else first_day,
            now=self.now,
            settings=self.settings,
            context=PLANNER,
            scenarios=scenarios,
            dry_run=dry_run,
        )

    def send(self, **changes: Any) -> SendReport:
        options = {
            "channel": self.channel, "step_channels": MAIL_CHANNELS, "settings": self.settings,
            "clock": lambda: self.now, "context": SENDER,
        } | changes  # fmt: skip
        return send_due(self.connection, **options)

    def operate(self, action: str, *, reason: str | None = None, **row_filter: Any) -> OperatorReport:
        return operate(
            self.connection,
            ACTIONS[action],
            rows_meant(**row_filter),
            now=self.now,
            settings=self.settings,
            context=OPERATOR,
            reason=reason,
        )

    def rows(self, **row_filter: Any) -> list[ScheduleRow]:
        return search(self.connection, rows_meant(**row_filter), limit=100_000)

    def row(self, **row_filter: Any) -> ScheduleRow:
        (row,) = self.rows(**row_filter)
        return row

    def told(self, customer: str, kind: str, happened_at: datetime | None = None) -> None:
        """Let the provider have told of the message of a customer's first step; it happened now unless said."""
        self.execute(
            "insert into outreach.delivery_events"
            " (event_key, provider, message_id, kind, happened_at, is_machine, provider_event_ids, received_at)"
            " values (sha256(%s::bytea), 'sendgrid', %s, %s, %s, false, '{}', %s)",
            f"{customer} {kind}".encode(),
            self.row(customer=customer, step_no=1).message_id,
            kind,
            happened_at or self.now,
            self.now,
        )

    def states(self, **row_filter: Any) -> dict[tuple[str, int], str]:
        """Return the state of each row by customer and step."""
        return {(row.customer_id, row.step_no): row.state for row in self.rows(**row_filter)}

    def enrolments(self) -> dict[str, tuple[str, str | None]]:
        """Return (state, exit reason) of each customer's latest enrolment."""
        return {
            customer: (state, reason)
            for customer, state, reason in self.execute(
                "select customer_id, state, exit_reason from outreach.enrolments order by enrolment_id"
            )
        }

    def transitions(self, customer_id: str) -> list[str]:
        """Return the transitions of a customer's rows, in order."""
        found = self.execute(
            """
            select transitions.transition from outreach.transitions
            inner join outreach.schedule_rows as rows on transitions.subject_id = rows.schedule_row_id
            where transitions.subject = 'schedule_row' and rows.customer_id = %s
            order by transitions.transition_id
            """,
            customer_id,
        )
        return [name for (name,) in found]


def rows_meant(*, state: str | None = None, **row_filter: Any) -> RowFilter:
    """Return a filter; `state` is for the many tests that mean a single one."""
    return RowFilter(**row_filter | ({"states": (state,)} if state else {}))


def reconcile_alone(
    connection: psycopg.Connection[Any], *, channel: Channel, settings: Settings, now: datetime, context: RunContext
) -> Recorded:
    """Do what a send run begins with, in a run that does nothing else."""
    with connection.transaction():
        run_id = start_run(connection, "reconcile", "dispatcher", context, now=now)
    recorded = reconcile(connection, run_id, channel=channel, settings=settings, now=now, context=context)
    with connection.transaction():
        finish_run(connection, run_id, now=now, summary=ReconcileSummary(**vars(recorded), by="a test"))
    return recorded


def by_force(shop: Shop, statement: str, *values: object) -> None:
    """Change the ledger as nobody can by its own means: its triggers would refuse it."""
    with shop.connection.transaction():
        shop.execute("set local session_replication_role = replica")
        shop.execute(statement, *values)


def make_shop_database(server_url: str, template_database: str, name: str) -> str:
    """Create a migrated database with the schemas dbt would make; return its URL."""
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(
            sql.SQL("create database {} template {}").format(*map(sql.Identifier, (name, template_database)))
        )
    url = database_in(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(STAGING)
    return url


@pytest.fixture(scope="session")
def shop_url(server_url: str, template_database: str) -> Iterator[str]:
    """The database that all tests of the shop share, one after the other."""
    name = f"{template_database}_shop"
    yield make_shop_database(server_url, template_database, name)
    drop_database(server_url, name)


@pytest.fixture
def shop(shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """An empty shop in Tokyo."""
    for variable in os.environ:
        if variable.startswith("EKIDEN_"):
            monkeypatch.delenv(variable)
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(shop_url), time_zone="Asia/Tokyo")
    with connect(settings, autocommit=True) as connection:
        # without statistics every table looks large enough for just-in-time compilation, half a second a query
        connection.execute("set jit = off")
        _empty(connection)
        yield Shop(settings, connection)


def _empty(connection: psycopg.Connection[Any]) -> None:
    names = connection.execute(
        "select format('%%I.%%I', schemaname, tablename) from pg_tables where tablename <> all(%s)"
        " and (schemaname in ('raw', 'outreach') or schemaname = 'eligibility' and tablename = 'scenario_registry')",
        [list(KEPT_TABLES)],
    ).fetchall()
    # looking which tables hold something is many times faster than truncating all of them
    looks = " union all ".join(
        f"select '{name}' where exists (select from {name})"  # noqa: S608
        for (name,) in names
    )
    filled = [name for (name,) in connection.execute(looks.encode()).fetchall()]
    sizes = connection.execute(
        "select coalesce(sum(pg_relation_size(name)), 0) from unnest(%s::text[]) as name", [filled]
    )
    if sizes.fetchone()[0] > SMALL:  # type: ignore[index]
        # with whatever refers to them: those are empty, or filled as well
        connection.execute(f"truncate {', '.join(filled)} restart identity cascade".encode())
    elif filled:
        # new files for each table and its indexes, as truncating makes them, cost more than a few rows
        with connection.transaction():
            # as nobody can by the ledger's own means: its triggers would refuse it
            connection.execute("set local session_replication_role = replica")
            for name in filled:
                connection.execute(f"delete from {name}".encode())  # noqa: S608
            connection.execute(
                "select setval(objid, 1, false) from pg_depend inner join pg_sequence on seqrelid = objid"
                " where refobjid = any(%s::text[]::regclass[]::oid[])",
                [filled],
            )
    built = connection.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname = 'eligibility' and tablename <> 'scenario_registry'"
    ).fetchall()
    if built:
        connection.execute(f"drop table {', '.join(name for (name,) in built)} cascade".encode())
