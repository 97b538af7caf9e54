"""Playing a script: each operation by the function that a schedule, a sensor or an operator would call.

Belongs here: which of Ekiden's public functions an operation means. Does not belong here: any rule of
scheduling or sending; where this file would need one, the real code lacks it.
"""

import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from psycopg import Connection

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.lists.export import export_due
from ekiden.delivery.sending.send import send_due
from ekiden.scenarios.definition import SENT_CHANNELS
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.acceptance.cast import Cast
from tests.acceptance.channel import RecordingChannel, SenderDied
from tests.acceptance.expectations import compare_enrolments, compare_rows, compare_values
from tests.acceptance.facts import visible
from tests.acceptance.reading import ScriptFault, local
from tests.acceptance.script import (
    Delete,
    Disable,
    Dispatch,
    DmExport,
    EditScenario,
    Enable,
    ForceStop,
    OnRows,
    Operation,
    Reconcile,
    Release,
    Run,
    Script,
    Set,
)
from tests.acceptance.spans import opt_outs
from tests.acceptance.stage import Stage
from tests.integration.ledger_fixtures import reconcile_alone

OPERATOR = RunContext(actor="operator@acceptance.invalid")
REOPENED = "operator"  # in whatever words: a reopened row needs a reason
# what an operator may make of a row by one action alone; what is not here, nobody can make of it
SET_TO = {"deleted": "delete", "completed": "complete", "blocked": "block"}
SCHEDULE = RunContext(actor="schedule")
SENSOR = RunContext(actor="sensor")
PATIENCE = 60.0  # seconds for the server to notice that a client is gone; it takes milliseconds


class Difference(Exception):
    """Something is not as the script expects."""


def play(script: Script, cast: Cast, stage: Stage) -> None:
    """Play a script from an empty ledger on; raise `Difference` at the first unexpected thing."""
    channel = RecordingChannel()
    stage.clear()
    for place, operation in enumerate(script.timeline):
        where = f"operation {place + 1} of {len(script.timeline)}, {operation.do} at {local(operation.at)}"
        if place and operation.at < script.timeline[place - 1].at:
            raise ScriptFault(f"{where}: the timeline goes back in time")
        try:
            if place == 0:
                stage.bring(cast.segments)
                stage.register(cast.at_start, now=operation.at)
            stage.show(visible(script, operation.at))
            stage.opt_out(opt_outs(script, operation.at), now=operation.at)
            if version := cast.by_operation.get(place):
                stage.register([version], now=operation.at)
            _perform(operation, stage, channel)
            difference = _difference(operation, stage, channel)
        except Exception as error:
            error.add_note(f"in {where}")
            raise
        if difference:
            raise Difference(f"{where}\n  {difference}")


def _perform(operation: Operation, stage: Stage, channel: RecordingChannel) -> None:
    connection, settings = stage.connection, stage.settings
    at = operation.at
    match operation:
        case Run():
            stage.build()
            first_day = operation.date or settings.local_date(at)
            plan(connection, first_day, operation.to or first_day, now=at, settings=settings, context=SCHEDULE)
        case Dispatch(crash_after_claim=True):
            _dispatch_and_die(stage, channel, settings, at)
        case Dispatch():
            channel.says = Outcome(operation.provider_says)
            _dispatch(connection, channel, settings, at)
            channel.says = Outcome.accepted
        case Reconcile():
            channel.answer = Outcome(operation.provider_says)
            reconcile_alone(connection, channel=channel, settings=settings, now=at, context=OPERATOR)
            channel.answer = None
        case DmExport():
            export_due(connection, now=at, settings=settings, context=OPERATOR, scenario=operation.scenario)
        case Enable() | Disable() | EditScenario() | ForceStop():
            pass  # the version it makes is registered already
        case OnRows():
            row_filter = RowFilter(scenario=operation.scenario, customer=operation.customer, step_no=operation.step)
            name = _action_of(operation, stage)
            # what nobody can do, and what is not there to do it to, is refused: it changes nothing
            if name is not None:
                is_given = name != "reopen" or "reason" in operation.model_fields_set
                reason = operation.reason if is_given else REOPENED
                with suppress(ReasonMissing):
                    operate(
                        connection,
                        ACTIONS[name],
                        row_filter,
                        now=at,
                        settings=settings,
                        context=OPERATOR,
                        reason=reason,
                    )
        case _:
            raise TypeError(f"nobody can do {operation!r}")


def _action_of(operation: OnRows, stage: Stage) -> str | None:
    """Return the name of what an operator does; None where no operator can."""
    match operation:
        case Set(status="ready") if _is_any(operation, stage, "failed"):
            return "retry"
        case Release() | Set(status="ready"):
            return "release"
        case Delete():
            return "delete"
        case Set(status="held"):
            # a row that is blocked is reopened, one that is ready is held back
            return "reopen" if _is_any(operation, stage, "blocked") else "hold"
        case Set(status=status):
            return SET_TO.get(status)
        case _:
            raise TypeError(f"no operator can do {operation!r}")


def _is_any(operation: OnRows, stage: Stage, status: str) -> bool:
    """Return whether one of the rows that are meant has this status."""
    return any(
        (row.scenario, row.status) == (operation.scenario, status)
        and operation.customer in (None, row.customer)
        and operation.step in (None, row.step)
        for row in stage.rows()
    )


def _dispatch(connection: Connection[Any], channel: RecordingChannel, settings: Settings, at: datetime) -> None:
    """Send what is due by any channel there is: the script's carries them all."""
    send_due(
        connection, channel=channel, settings=settings, clock=lambda: at, context=SENSOR, step_channels=SENT_CHANNELS
    )


def _dispatch_and_die(stage: Stage, channel: RecordingChannel, settings: Settings, at: datetime) -> None:
    """Dispatch in a process of its own that dies as soon as the provider has the messages."""
    connection = stage.another_connection()
    process = connection.info.backend_pid
    channel.dies_after_taking = True
    try:
        _dispatch(connection, channel, settings, at)
    except SenderDied:
        pass
    else:
        raise ScriptFault("'crash_after_claim' has nothing to crash: nothing was claimed")
    finally:
        channel.dies_after_taking = False
        connection.close()
    waited_until = time.monotonic() + PATIENCE
    while stage.is_connected(process):
        if time.monotonic() > waited_until:
            raise TimeoutError(f"the server still holds the connection of process {process}")
        time.sleep(0.01)


def _difference(operation: Operation, stage: Stage, channel: RecordingChannel) -> str | None:
    if operation.rows is not None and (found := compare_rows(operation.rows, stage.rows())):
        return found
    if operation.enrolments is not None and (found := compare_enrolments(operation.enrolments, stage.enrolments())):
        return found
    if operation.step_states is not None:
        actual = stage.step_states()
        for code, states in operation.step_states.items():
            if found := compare_values(f"step states of {code}", states, actual.get(code)):
                return found
    if operation.recipients is not None:
        handed = sorted(message.to_address for message in channel.calls)
        if found := compare_values("recipients", sorted(operation.recipients), handed):
            return found
    if operation.provider_calls is not None:
        return compare_values("provider calls", operation.provider_calls, len(channel.calls))
    return None
