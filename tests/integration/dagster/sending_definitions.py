"""Definitions of the sending alone, for processes that tests start: settings from the environment, a judge as provider.

Belongs here: what such a process loads instead of a whole deployment, whose dbt project takes seconds to read.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from dagster import DailyPartitionsDefinition, Definitions, define_asset_job

from assets.deliveries import deliveries_asset
from ekiden.delivery.channels.base import Carrier, Channel, Delivery, OutgoingMessage
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings
from orchestration.executors import sending_executor
from orchestration.jobs.sending import send_now_job
from tests.integration.delivery.crowd import Judge

LONGER_THAN_ANY_TEST = 600.0  # seconds


@dataclass(frozen=True)
class HangsOnce:
    """A provider that takes half of the first batch of all, and then says nothing any more to whoever posted it."""

    judge: Judge
    hanging: Path
    name: str = "judge"

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        try:
            # whoever makes the file is the one
            descriptor = os.open(self.hanging, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return self.judge.deliver(messages)
        self.judge.deliver(messages[: len(messages) // 2])
        os.write(descriptor, f"{os.getpid()}\n".encode())
        time.sleep(LONGER_THAN_ANY_TEST)
        raise AssertionError("nobody has killed it")

    def find(self, message_ids: Sequence[UUID]) -> None:
        return None


@dataclass(frozen=True)
class TerminatesTheRun:
    """A provider at whose first batch somebody terminates the run."""

    judge: Judge
    name: str = "judge"

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        half = len(messages) // 2
        taken = self.judge.deliver(messages[:half])
        os.kill(os.getpid(), signal.SIGINT)
        return [*taken, *self.judge.deliver(messages[half:])]

    def find(self, message_ids: Sequence[UUID]) -> None:
        return None


@dataclass(frozen=True)
class BreaksOnce:
    """A provider whose first batch of all meets an error of ours."""

    judge: Judge
    broken: Path
    name: str = "judge"

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        if self.broken.exists():
            return self.judge.deliver(messages)
        self.broken.touch()
        raise ZeroDivisionError

    def find(self, message_ids: Sequence[UUID]) -> None:
        return None


def _channel(judge: Judge, folder: Path) -> Channel:
    if "TEST_HANGS" in os.environ:
        return HangsOnce(judge, folder / "hanging")
    if "TEST_TERMINATES" in os.environ:
        return TerminatesTheRun(judge)
    return BreaksOnce(judge, folder / "broken") if "TEST_BREAKS" in os.environ else judge


def _definitions() -> Definitions:
    settings = Settings()
    folder = Path(os.environ["TEST_FOLDER"])
    now = datetime.fromisoformat(os.environ["TEST_NOW"])
    executor = sending_executor(settings)
    judge = Judge(folder / "taken")
    channel = _channel(judge, folder)
    days = DailyPartitionsDefinition(start_date="2024-03-01", timezone=settings.time_zone)
    return Definitions(
        assets=[deliveries_asset(days, settings.send_workers)],
        jobs=[
            send_now_job(settings.send_workers, executor),
            define_asset_job("send_due_rows", selection="deliveries", partitions_def=days, executor_def=executor),
        ],
        resources={"settings": settings, "clock": lambda: now, "carriers": (Carrier(channel, MAIL_CHANNELS),)},
    )


defs = _definitions()
