"""Where send workers run: in the run's own process, in processes of its machine, or in Celery workers of any machine.

Belongs here: the executors of the sending jobs. Does not belong here: what a worker does (`assets.steps.sending`), and
the executor of everything else (`composition`).
"""

from typing import Any

from dagster import ExecutorDefinition, in_process_executor, multiprocess_executor

from ekiden.errors import SaysEnough
from ekiden.settings import Settings

CELERY_SETTINGS: dict[str, Any] = {
    # a worker that was killed has not answered for its task: another does it again, which begins with what was lost
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    # one task at a time for each process; more would wait there while others have nothing to do
    "worker_prefetch_multiplier": 1,
    # a machine that vanished is known to Redis by this, seconds; a second worker on a task does no harm, only waste
    "broker_transport_options": {"visibility_timeout": 1200},
    "result_expires": 86_400,
    "broker_connection_retry_on_startup": True,
}
"""Celery's own settings, the same for those who ask and those who work."""


class NoBroker(SaysEnough, ValueError):
    """Celery is asked for, and nothing says where its broker is."""


class NoCelery(SaysEnough, ModuleNotFoundError):
    """Celery is asked for, and not installed."""


def sending_executor(settings: Settings) -> ExecutorDefinition:
    """Return the executor of the sending jobs; raises `NoBroker` and `NoCelery`, which say what to do."""
    chosen = settings.send_executor or ("in_process" if settings.send_workers == 1 else "multiprocess")
    if chosen == "in_process":
        # a process costs 1.6 seconds, and one worker has nobody to wait for
        return in_process_executor
    if chosen == "multiprocess":
        return multiprocess_executor.configured(
            {
                "max_concurrent": settings.send_workers,
                # what every step imports is imported once, before they are forked
                "start_method": {"forkserver": {"preload_modules": ["orchestration.composition"]}},
            }
        )
    return _celery(settings)


def _celery(settings: Settings) -> ExecutorDefinition:
    try:
        from dagster_celery import celery_executor  # noqa: PLC0415 - an extra, and only those who use it have it
    except ModuleNotFoundError as error:
        raise NoCelery(
            "EKIDEN_SEND_EXECUTOR is celery, which is not installed: pip install -e '.[celery]' in the project's folder"
        ) from error
    return celery_executor.configured({**celery_place(settings), "config_source": CELERY_SETTINGS})


def celery_place(settings: Settings) -> dict[str, str]:
    """Return where Celery's tasks and results go; raises `NoBroker`."""
    if settings.celery_broker is None:
        raise NoBroker("EKIDEN_SEND_EXECUTOR is celery: set EKIDEN_CELERY_BROKER, like redis://broker.example:6379/0")
    broker = settings.celery_broker.get_secret_value()
    # Redis keeps results as well; an AMQP broker hands them back to whoever asked
    return {"broker": broker, "backend": broker if broker.startswith(("redis", "unix+")) else "rpc://"}
