"""The job that sends whatever is due, without a partition: for a person, and for the sensor where many dates are due.

Belongs here: its workers and what its run shows. Does not belong here: what a worker does (`assets.steps.sending`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dagster import (
    AssetMaterialization,
    ExecutorDefinition,
    GraphDefinition,
    In,
    JobDefinition,
    MetadataValue,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    ResourceParam,
    config_mapping,
    graph,
    op,
)

from assets import deliveries
from assets.deliveries import latency_of_reports, send_metadata, sent_by_due_date, worker_name
from assets.steps.acting import ledger
from assets.steps.refusals import refusing
from assets.steps.sending import fail_for_broken_contents, reports_of, runs_of, work
from ekiden.clock import Clock
from ekiden.delivery.channels.base import Carrier
from ekiden.settings import Settings
from orchestration.jobs.forms import SendNow
from orchestration.jobs.showing import show
from sensors.due_rows import CATCH_ALL_JOB, SENDING_TAGS


@op(description="Send what is ready and due now, together with the other workers, until nothing is.", out=Out(Nothing))
def send_worker_now(
    context: OpExecutionContext,
    config: SendNow,
    settings: ResourceParam[Settings],
    carriers: ResourceParam[Sequence[Carrier]],
    clock: ResourceParam[Clock],
) -> None:
    """Be one of the workers of the run."""
    with refusing():
        day = config.day()
    work(context, settings=settings, carriers=carriers, clock=clock, due_dates=[day], actor=config.actor)


@op(description="Say what the workers sent, and for which due dates.", ins={"sent": In(Nothing)}, out=Out(Nothing))
def gather_sent(context: OpExecutionContext, settings: ResourceParam[Settings]) -> Iterator[Output[None]]:
    """Record materialisations of `deliveries` for the due dates the messages belong to."""
    run_ids = runs_of(context)
    reports = reports_of(context, run_ids)
    with ledger(settings) as connection:
        metadata = send_metadata(reports, latency_of_reports(connection, reports), run_ids)
        sent_days = sent_by_due_date(connection, reports)
    for day, messages in sent_days:
        context.log_event(
            AssetMaterialization(
                deliveries.KEY,
                partition=day.isoformat(),
                metadata={**metadata, "sent_of_this_due_date": MetadataValue.int(messages)},
            )
        )
    show(context, metadata)
    yield Output(None)
    fail_for_broken_contents(reports)


def send_now_job(workers: int, executor: ExecutorDefinition) -> JobDefinition:
    """Return the job, with so many workers; its form is the same whatever their number."""
    return _send_now(workers).to_job(
        name=CATCH_ALL_JOB,
        description="Send what is ready and due, at once, without waiting for the sensor.",
        executor_def=executor,
        tags=SENDING_TAGS,
    )


def _send_now(workers: int) -> GraphDefinition:
    names = [worker_name(number) for number in range(1, workers + 1)]

    @config_mapping
    def for_every_worker(config: SendNow) -> dict[str, Any]:
        return {name: {"config": {"actor": config.actor, "due_date": config.due_date}} for name in names}

    @graph(
        name="send_due_now",
        description="Send everything that is ready and due now, until nothing is.",
        config=for_every_worker,
    )
    def send_due_now() -> Any:
        return gather_sent([send_worker_now.alias(name)() for name in names])

    @graph(name=CATCH_ALL_JOB)
    def send_now() -> None:
        send_due_now()

    return send_now
