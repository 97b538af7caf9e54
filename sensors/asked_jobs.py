"""The jobs that a sensor may ask for, of all that there are.

Belongs here: finding them by name. Does not belong here: their names, which each sensor has, and the jobs
(`orchestration`).
"""

from collections.abc import Iterable

# what Dagster's `sensor` takes; it has no public name
from dagster._core.definitions.target import ExecutableDefinition

Job = ExecutableDefinition


def jobs_named(names: Iterable[str], jobs: Iterable[Job]) -> list[Job]:
    """Return those of the jobs that have one of these names."""
    wanted = set(names)
    return [job for job in jobs if job.name in wanted]
