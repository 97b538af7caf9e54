"""The job that takes in what providers have told. Belongs here: what it shows; not what an event leads to."""

from dagster import JobDefinition, MetadataValue, OpExecutionContext, ResourceParam, job, op

from assets.steps.acting import ledger, run_context
from ekiden.clock import Clock
from ekiden.delivery.events.drain import drain
from ekiden.settings import Settings
from orchestration.jobs.showing import show
from sensors.delivery_events import DRAINING_JOB


@op(name="drain_events", description="Take in received events, settle what they tell of.", tags={"kind": "ledger"})
def drain_events(
    context: OpExecutionContext,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Drain everything that has come in."""
    with ledger(settings) as connection:
        done = drain(connection, settings=settings, clock=clock, context=run_context(context))
    if done.pauses:
        context.log.warning("the provider changed the account's status: all sending is paused (`ekiden status`)")
    show(context, {name: MetadataValue.int(count) for name, count in vars(done).items()})


@job(name=DRAINING_JOB, description="Take in the events that providers told of messages. The sensor starts it.")
def drain_delivery_events() -> None:
    """Drain."""
    drain_events()


DELIVERY_EVENT_JOBS: tuple[JobDefinition, ...] = (drain_delivery_events,)
