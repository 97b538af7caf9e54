"""The stage a script plays on: a real database with the project's SQL, and the shop's facts of the moment.

Belongs here: what a script needs of PostgreSQL besides Ekiden's own functions. Does not belong here:
what happens (`play`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, sql

from ekiden.database.connection import connect
from ekiden.delivery.consent.opt_outs import NewOptOut, opt_out
from ekiden.scenarios.definition import OPTIONS
from ekiden.scenarios.registry import synchronise
from ekiden.settings import Settings
from tests.acceptance.cast import SegmentModel, Version
from tests.acceptance.expectations import ActualEnrolment, ActualRow
from tests.acceptance.facts import SEGMENT_MEMBERS, SUPPRESSION_LIST, Facts
from tests.acceptance.project import CompiledProject
from tests.acceptance.reading import ScriptFault
from tests.acceptance.script import NO_TIME

# what migrations fill; everything else in the ledger belongs to a script
FILLED_BY_MIGRATIONS = (
    "schedule_row_states",
    "enrolment_states",
    "listed_transitions",
    "decision_rules",
    "schema_version",
)


@dataclass
class Stage:
    """A database with the project's views in place; one script at a time."""

    settings: Settings
    project: CompiledProject
    connection: Connection[Any]
    shown: Facts = field(default_factory=dict)
    current: dict[str, Version] = field(default_factory=dict)
    """The version each scenario stands at, by model name."""

    def set_up(self) -> None:
        """Create the project's views and tables, empty."""
        with self.connection.transaction():
            self._run(f"create table raw.{SEGMENT_MEMBERS} (segment text, customer_id text, valid tstzmultirange)")
            self._run(self.project.create_registry)
            for relation in self.project.relations:
                self._run(f"create schema if not exists {relation.schema}")
                self._run(f"{_creation(relation.is_view)} {_quoted(relation)} as {relation.query}")

    def bring(self, segments: Iterable[SegmentModel]) -> None:
        """Create the views of a script's own segments: nobody else's script suffers from them."""
        models = {segment.model_name for segment in segments}
        for model in models:
            if fault := self.project.faults.get(model):
                raise ScriptFault(f"a segment's model does not compile: {fault}")
        with self.connection.transaction():
            for name, relation in self.project.segments.items():
                if name in models:
                    self._run(f"create schema if not exists {relation.schema}")
                    self._run(f"{_creation(relation.is_view)} {_quoted(relation)} as {relation.query}")

    def clear(self) -> None:
        """Forget the script that played before."""
        with self.connection.transaction():
            tables = self.connection.execute(
                """
                select format('%%I.%%I', schemaname, tablename) from pg_tables
                where schemaname in ('raw', 'outreach') and tablename <> all(%s)
                """,
                [list(FILLED_BY_MIGRATIONS)],
            ).fetchall()
            listed = ", ".join(name for (name,) in tables)
            self._run(f"truncate {listed}, eligibility.scenario_registry restart identity")
        self.shown = {}
        self.current = {}

    def show(self, facts: Facts) -> None:
        """Make the shop's tables say these facts and nothing else."""
        if facts == self.shown:
            return
        with self.connection.transaction():
            for table, rows in facts.items():
                name = sql.Identifier("outreach", table) if table == SUPPRESSION_LIST else sql.Identifier("raw", table)
                self.connection.execute(sql.SQL("delete from {}").format(name))
                self._insert(name, rows)
        self.shown = facts

    def opt_out(self, asked: Sequence[NewOptOut], *, now: datetime) -> None:
        """Record what customers ask, as a page of unsubscribing does; what is recorded already stays as it is."""
        if asked:
            with self.connection.transaction():
                opt_out(self.connection, asked, source="page", now=now, recorded_by=None)

    def register(self, versions: Iterable[Version], *, now: datetime) -> None:
        """Make these versions their scenarios' current ones, as a build of their models does."""
        with self.connection.transaction():
            for version in versions:
                if fault := self.project.faults.get(version.build_name):
                    raise ScriptFault(f"the scenario's model does not compile: {fault}")
                self._run(self.project.builds[version.build_name].registration)
                self.current[version.model_name] = version
            broken = synchronise(self.connection, now=now, options=OPTIONS)
        if broken:
            raise ScriptFault("; ".join(map(str, broken)))

    def build(self) -> None:
        """Build the marts and the scenarios' tables, as the morning's build does."""
        with self.connection.transaction():
            for relation in self.project.relations:
                if not relation.is_view:
                    self._run(f"truncate {_quoted(relation)}")
                    self._run(f"insert into {_quoted(relation)} {relation.query}")
            for version in self.current.values():
                build = self.project.builds[version.build_name]
                self._run(f'drop table if exists eligibility."{version.model_name}"')
                self._run(f'create table eligibility."{version.model_name}" as {build.query}')

    def rows(self) -> list[ActualRow]:
        """Return every schedule row that is not deleted."""
        found = self._read(
            "select scenario_code, customer_id, step_no, due_date, state, send_at, sent_at, reason"
            " from outreach.operator_rows"
        )
        return [
            ActualRow(code, customer, step, due, state, _time(state, send_at, sent_at), reason)
            for code, customer, step, due, state, send_at, sent_at, reason in found
        ]

    def enrolments(self) -> list[ActualEnrolment]:
        """Return every enrolment."""
        found = self._read(
            "select scenarios.scenario_code, enrolments.customer_id, enrolments.state, enrolments.exit_reason"
            " from outreach.enrolments inner join outreach.scenarios using (scenario_id)"
        )
        return [ActualEnrolment(*row) for row in found]

    def step_states(self) -> Mapping[str, tuple[str, ...]]:
        """Return the state of each scenario's steps, by its code."""
        found = self._read(
            "select scenarios.scenario_code, array_agg(steps.state order by steps.step_no)"
            " from outreach.scenario_steps as steps inner join outreach.scenarios using (scenario_id)"
            " group by scenarios.scenario_code"
        )
        return {code: tuple(states) for code, states in found}

    def another_connection(self) -> Connection[Any]:
        """Return a connection like the stage's own, for a process that dies."""
        return open_connection(self.settings)

    def is_connected(self, backend_pid: int) -> bool:
        """Return whether the server still holds another connection."""
        return bool(self._read(f"select 1 from pg_stat_activity where pid = {backend_pid}"))  # noqa: S608 - a number

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        with self.connection.transaction():
            return self.connection.execute(query.encode()).fetchall()

    def _run(self, statements: str) -> None:
        # as bytes: the text comes from dbt's compiler and holds no values of ours
        self.connection.execute(statements.encode())

    def _insert(self, name: sql.Identifier, rows: list[Mapping[str, Any]]) -> None:
        if not rows:
            return
        columns = list(rows[0])
        statement = sql.SQL("insert into {} ({}) values ({})").format(
            name,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Placeholder, columns)),
        )
        self.connection.cursor().executemany(statement, rows)


def open_connection(settings: Settings) -> Connection[Any]:
    """Return a connection on which small queries stay small."""
    connection: psycopg.Connection[Any] = connect(settings, autocommit=True)
    # without statistics every table looks large enough for just-in-time compilation, half a second a query
    connection.execute("set jit = off")
    return connection


def _creation(is_view: bool) -> str:
    return "create or replace view" if is_view else "create table"


def _quoted(relation: Any) -> str:
    return f'"{relation.schema}"."{relation.name}"'


def _time(state: str, send_at: datetime | None, sent_at: datetime | None) -> Any:
    """Return the time a script tells of a row: when it is due to go, when it went, or none."""
    times = {"ready": send_at, "sent": sent_at}
    return times.get(state, NO_TIME)
