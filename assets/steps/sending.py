"""Send workers as ops: each sends what is due, and whoever comes after them reads what they did.

Belongs here: a worker's step, and what it tells the step that gathers. Does not belong here: claims, checks and
providers (`ekiden.delivery`), where the steps run (`orchestration.executors`), and what a run tells
(`assets.deliveries`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from dagster import (
    AssetExecutionContext,
    DagsterEventType,
    Failure,
    JsonMetadataValue,
    MetadataValue,
    OpExecutionContext,
)
from pydantic import BaseModel

from assets.shown.sample import IDS_SHOWN, SampleKeeper
from assets.steps.acting import ledger, run_context, starting_tag
from assets.steps.refusals import refusing
from assets.steps.termination import WholeBatches
from ekiden.clock import Clock
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.send import SendCounts
from ekiden.delivery.sending.worker import IMPATIENT, CarrierReport, Patience, send_all_due
from ekiden.errors import SaysEnough
from ekiden.settings import Settings

REPORT = "worker_report"
"""The output's metadata by which a worker tells what it did: workers may be on other machines, and Dagster's storage is
what all of them share."""

SENSOR_TAG = "dagster/sensor_name"

WAITING = Patience(ahead=timedelta(minutes=2), longest=timedelta(minutes=15))
"""What the sensor starts waits for the next minutes' rows: a run costs seconds to start, and step times are minutes.
For a quarter of an hour, so that a day with something due in every minute has runs that one can read."""


class LedgerRun(BaseModel):
    """One ledger run of a worker."""

    due_date: date | None
    run_id: UUID
    channel: str
    counts: SendCounts
    found_sent: int
    pauses: list[str]


class WorkerReport(BaseModel):
    """What one worker did."""

    ledger_runs: list[LedgerRun]
    message_ids: list[UUID]
    sample: str | None
    broken_contents: str | None = None
    """Why rows were left ready whose contents cannot be sent; everything else was sent."""


def work(
    context: AssetExecutionContext | OpExecutionContext,
    *,
    settings: Settings,
    carriers: Sequence[Carrier],
    clock: Clock,
    due_dates: Sequence[date | None],
    actor: str | None = None,
) -> None:
    """Be one send worker; its report is the metadata of the step's only output.

    `actor` is the person who said so, None where nobody did.
    """
    batches = WholeBatches()
    keepers = [SampleKeeper(carrier.channel, batches.posting) for carrier in carriers]
    kept = [replace(carrier, channel=keeper) for keeper, carrier in zip(keepers, carriers, strict=True)]
    done: list[CarrierReport] = []
    broken_contents = None
    with ledger(settings) as connection, batches.kept_whole(), refusing(SaysEnough):
        try:
            send_all_due(
                connection,
                carriers=kept,
                settings=settings,
                clock=clock,
                context=run_context(context, actor=actor or None),
                due_dates=due_dates,
                # a person who starts a run, or does it again, waits for its end
                patience=WAITING if starting_tag(context.run.tags) == SENSOR_TAG else IMPATIENT,
                progress=lambda _carrier, _counts: batches.recorded(),
                tell=done.append,
                sleep=batches.sleep,
            )
        except ContentsBroken as broken:
            # a step that fails keeps the one that gathers from telling what was sent: that one fails, when it has told
            broken_contents = str(broken)
            context.log.error(broken_contents)
    sent = [keeper for keeper in keepers if keeper.message_ids]
    report = WorkerReport(
        ledger_runs=[_ledger_run(each) for each in done],
        message_ids=[message_id for keeper in sent for message_id in keeper.message_ids][:IDS_SHOWN],
        sample=sent[0].sample() if sent else None,
        broken_contents=broken_contents,
    )
    context.add_output_metadata({REPORT: MetadataValue.json(report.model_dump(mode="json"))})
    told = {name: count for name, count in vars(total([report])).items() if count}
    context.log.info(", ".join(f"{name}: {count:,}" for name, count in told.items()) or "nothing was due")


def _ledger_run(done: CarrierReport) -> LedgerRun:
    report = done.report
    return LedgerRun(
        due_date=done.due_date,
        run_id=report.run_id,
        channel=done.carrier.channel.name,
        counts=report.counts,
        found_sent=report.reconciled.sent,
        pauses=[str(pause) for pause in report.pauses],
    )


def reports_of(context: AssetExecutionContext | OpExecutionContext, run_ids: Sequence[str]) -> list[WorkerReport]:
    """Return what the workers of these runs, `runs_of` one, told; each worker once."""
    told: dict[str | None, WorkerReport] = {}
    for run_id in run_ids:
        for entry in context.instance.all_logs(run_id, of_type=DagsterEventType.STEP_OUTPUT):
            event = entry.get_dagster_event()
            metadata = event.step_output_data.metadata.get(REPORT)
            if isinstance(metadata, JsonMetadataValue):
                # a step that was done again, because its machine seemed lost, replaces what it told
                told[event.step_key] = WorkerReport.model_validate(metadata.value)
    return list(told.values())


def runs_of(context: AssetExecutionContext | OpExecutionContext) -> list[str]:
    """Return the ids of this run and, before it, of those that it takes up: re-executed from its failure, a run does
    only the steps that were left, and nobody has told yet what the others did.
    """
    run, ids = context.run, [context.run_id]
    while run.step_keys_to_execute and run.parent_run_id:
        parent = context.instance.get_run_by_id(run.parent_run_id)
        if parent is None:
            # somebody deleted it
            break
        run = parent
        ids.insert(0, run.run_id)
    return ids


def broken_contents(reports: Sequence[WorkerReport]) -> list[str]:
    """Return which contents the workers met that cannot be sent, and why; what several of them met once."""
    return sorted({report.broken_contents for report in reports if report.broken_contents})


def fail_for_broken_contents(reports: Sequence[WorkerReport]) -> None:
    """Raise `Failure` where workers met contents that cannot be sent; for when all that was sent is told."""
    if found := broken_contents(reports):
        raise Failure("\n".join(found), allow_retries=False)


def total(reports: Sequence[WorkerReport]) -> SendCounts:
    """Return the counts of all ledger runs together."""
    return sum((run.counts for report in reports for run in report.ledger_runs), SendCounts())
