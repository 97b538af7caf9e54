"""`make demo`: a real shop's year of orders, planned, backfilled, released and sent, through the jobs the UI offers.

Belongs here: the order of the demo's steps and what it prints. Does not belong here: anything a deployment would need;
each step is a call of what a deployment calls.
"""

import sys
import warnings
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dagster import BetaWarning, DagsterInstance, Definitions
from rich.console import Console
from rich.markup import escape

from assets.steps.acting import ACTOR_TAG
from ekiden.cli.expected import told
from ekiden.database.connection import connect
from ekiden.database.migrations import migrate
from ekiden.delivery.channels import channel_for
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings
from ekiden.warehouse.parsing import parse
from orchestration.composition import build_defs
from orchestration.demo.ledger import OPERATOR, part_to_release, waiting
from orchestration.demo.progress import DbtProgress, JobFailed, timed
from orchestration.demo.report import print_messages, print_outcome, print_rows
from orchestration.demo.shop import load_shop, prepare_settings, present_settings, refuse_another_shop
from orchestration.executors import sending_executor
from orchestration.instance import end_lost_runs, open_instance, sole_server
from orchestration.jobs.names import (
    BACKFILL_JOB,
    BACKFILL_OP,
    HISTORY_JOB,
    PLANNING_JOB,
    RELEASING_JOB,
    RELEASING_OP,
)
from sensors.due_rows import CATCH_ALL_JOB

MISSED_DAYS = 7

LOG_WIDTH = 160
"""Columns where the output is no terminal."""


@dataclass(frozen=True)
class Demo:
    """One run of the demo on one home."""

    console: Console
    settings: Settings
    instance: DagsterInstance

    @property
    def today(self) -> date:
        return datetime.now(self.settings.zone).date()

    def run(self) -> None:
        """Run every step; each may be run again."""
        definitions = self.definitions()
        with self.step(f"plan today, {self.today}: look at the tables, build the warehouse (dbt), plan"):
            self.job(definitions, PLANNING_JOB, partition_key=self.today.isoformat())
        self.backfill(definitions)
        self.release(definitions)
        self.send(definitions)
        with self.step("refresh the history and check the ledger's invariants"):
            self.job(definitions, HISTORY_JOB)

    def backfill(self, definitions: Definitions) -> None:
        first, last = self.today - timedelta(days=MISSED_DAYS), self.today - timedelta(days=1)
        with self.step(f"backfill the missed week {first} to {last}: what was due then is held, nothing is sent"):
            config = {"first_day": first.isoformat(), "last_day": last.isoformat()}
            self.job(definitions, BACKFILL_JOB, op=BACKFILL_OP, config=config)

    def release(self, definitions: Definitions) -> None:
        with connect(self.settings, autocommit=True) as connection:
            part = part_to_release(connection)
        if part is None:
            self.console.print(f"  nothing to release: the {OPERATOR} has released already, or nothing is held")
            return
        what = f"{part.rows} held rows of {part.scenario} due {part.due_date}"
        with self.step(f"release {what}, as a person would"):
            day = part.due_date.isoformat()
            config = {
                "actor": OPERATOR,
                "scenario": part.scenario,
                "due_from": day,
                "due_to": day,
                "limit": part.rows,
                "dry_run": False,
            }
            self.job(definitions, RELEASING_JOB, op=RELEASING_OP, config=config)

    def send(self, definitions: Definitions) -> None:
        with self.step(f"send what is due, into the {self.carrier().channel.name}"):
            self.job(definitions, CATCH_ALL_JOB)
        with connect(self.settings, autocommit=True) as connection:
            for wait in waiting(connection):
                local = wait.send_at.astimezone(self.settings.zone)
                self.console.print(
                    f"    {wait.scenario}: waiting for their time, {local:%Y-%m-%d %H:%M}: {wait.rows}; "
                    "`make up` sends them then"
                )

    def definitions(self) -> Definitions:
        """Return the definitions the UI shows, but with the demo's own way of sending."""
        return build_defs(settings=self.settings, resource_overrides={"carriers": (self.carrier(),)})

    def carrier(self) -> Carrier:
        """Return the outbox, whatever the settings say: the shop's customers are made up, none may reach a provider.

        Only a mail server that is asked for by name, with EKIDEN_CHANNEL=smtp, gets them: to try one out, as all
        addresses end in `.invalid`.
        """
        by_smtp = self.settings.channel == "smtp"
        channel = channel_for(self.settings) if by_smtp else OutboxChannel(self.settings.outbox)
        return Carrier(channel, MAIL_CHANNELS)

    def job(
        self,
        definitions: Definitions,
        name: str,
        *,
        partition_key: str | None = None,
        op: str | None = None,
        config: dict[str, object] | None = None,
    ) -> None:
        """Run a job to its end, recorded like any other; raises `JobFailed`."""
        with redirect_stdout(DbtProgress(self.console, self.settings.home / "logs" / "demo.log")):
            result = definitions.resolve_job_def(name).execute_in_process(
                instance=self.instance,
                partition_key=partition_key,
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    **({"ops": {op: {"config": config}}} if op else {}),
                },
                tags={ACTOR_TAG: "demo"},
                raise_on_error=False,
            )
        if not result.success:
            raise JobFailed(name, result)

    def step(self, title: str) -> AbstractContextManager[None]:
        """Show that something is going on, and how long it took."""
        return timed(self.console, title)


def main() -> int:
    """Run the demo; return the exit code."""
    # dbt's output is redirected while a job runs; the demo's own is not
    console = Console(file=sys.__stdout__, highlight=False)
    if not console.is_terminal:
        # a log has no edge at which lines would have to end
        console.width = LOG_WIDTH
    warnings.simplefilter("ignore", BetaWarning)
    try:
        console.rule("Ekiden demo")
        present = present_settings()
        # before anything is started: the shop would be loaded for nothing
        sending_executor(present)
        with timed(console, "start the database and bring its schema up to date"):
            refuse_another_shop(present)
            settings = prepare_settings()
            migrate(settings)
        load_shop(settings, console)
        with timed(console, "read the dbt project and open Dagster's storage"):
            parse(settings)
            instance = open_instance(settings)
        with instance, sole_server(settings) as is_sole:
            if is_sole:
                end_lost_runs(instance)
            Demo(console, settings, instance).run()
        with connect(settings, autocommit=True) as connection:
            print_rows(console, connection)
            print_messages(console, connection, settings)
            print_outcome(console, connection, settings)
    except Exception as error:
        complaints = told(error)
        if not complaints:
            raise
        for complaint in complaints:
            console.print(f"[red]the demo stopped:[/] {escape(str(complaint))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
