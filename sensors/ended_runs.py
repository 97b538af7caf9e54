"""What sensors know of the runs that they asked for: which are under way, which have ended, and since when.

Belongs here: what several sensors ask of Dagster's runs, and how their ticks tell times. Does not belong here: any
sensor.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES

UNDER_WAY = tuple(status for status in NOT_FINISHED_STATUSES if status is not DagsterRunStatus.NOT_STARTED)
"""Not those that were made and never queued: that is the matter of a moment, unless the database went away in it, and
then nothing ever starts or ends such a run. Asked for again under its run key, it is started by Dagster."""

FIRST_WAIT = timedelta(seconds=30)
"""Before the same is asked for again; doubled each time up to `LONGEST_WAIT`."""
LONGEST_WAIT = timedelta(minutes=15)
"""A provider's outage ends some time; nobody should have to wake a sensor."""
RUNS_APART = timedelta(minutes=1)
"""How far ahead a run's machine may be, or how long a tick takes, in which a run may end. A run that ended later than
that after now ended before the clock was set back."""


@dataclass(frozen=True)
class Attempts:
    """The ended runs of one slot, or of one file."""

    count: int
    last_ended_at: datetime
    last_run_id: str


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many ended runs of the same."""
    # 2 ** 10 is past the longest wait, and much larger powers overflow a timedelta
    doublings = min(attempts - 1, 10)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)


def not_before(ended: Attempts, now: datetime) -> datetime | None:
    """Return when the same may be asked for again after these runs; None if that may be now."""
    again = ended.last_ended_at + wait_after(ended.count)
    return again if ended.last_ended_at - RUNS_APART <= now < again else None


def shown_moment(moment: datetime, zone: tzinfo) -> str:
    """Return when something is, as a tick tells it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def run_key(name: str, ended: Attempts | None) -> str:
    """Return the key under which a slot or a file is asked for after these runs.

    By the last of them and not by how many they are: Dagster takes no key twice, and a person may delete runs, after
    which a number would come again. It stays the same until the run that was asked for has ended.
    """
    return f"{name}, after {ended.last_run_id if ended else 'none'}"


def ended_runs(instance: DagsterInstance, tag: str, value: str) -> Attempts | None:
    """Return how many runs with this tag have ended, and which was the last and when; None if none has."""
    ended = RunsFilter(tags={tag: value}, statuses=list(FINISHED_STATUSES))
    newest = instance.get_run_records(ended, limit=1)
    if not newest:
        return None
    return Attempts(instance.get_runs_count(ended), _ended_at(newest[0]), newest[0].dagster_run.run_id)


def last_ended_at(instance: DagsterInstance, job_name: str) -> datetime | None:
    """Return when the last run of a job ended; None if none has."""
    newest = instance.get_run_records(RunsFilter(job_name=job_name, statuses=list(FINISHED_STATUSES)), limit=1)
    return _ended_at(newest[0]) if newest else None


def _ended_at(record: RunRecord) -> datetime:
    if record.end_time:
        return datetime.fromtimestamp(record.end_time, UTC)
    # a run that never started has no end; when its record last changed is as good
    return record.update_timestamp.replace(tzinfo=UTC)
