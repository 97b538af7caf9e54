"""Asks for an import when a finished list lies in the folder of lists.

A file is finished when it has stood still for a while: whoever writes it in pieces gives it its name at the end, or
writes on before that while is over. A file whose run ended and left it lying is asked for again, later each time and
under another run key, as due rows are.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from ekiden.clock import Clock
from ekiden.raw.folder import FileState
from ekiden.raw.list_folder import files_in
from ekiden.settings import Settings
from sensors.asked_jobs import Job, jobs_named
from sensors.ended_runs import UNDER_WAY, Attempts, ended_runs, not_before, run_key, shown_moment

IMPORTING_JOB = "import_list"
IMPORTING_OP = "import_list_file"
FILE_TAG = "ekiden/list_file"

INTERVAL = timedelta(seconds=15)
"""Between two looks: a look is one listing of a folder."""
STILL_FOR = timedelta(minutes=1)
"""How long a file's size and time of change must stand still: an upload that halts for longer has usually failed."""


BAD_NAME = "its name is not written in UTF-8, so no run can be asked for it; give it another"
"""An archive made on another system may bring such a file; Dagster's storage and the ledger take text alone."""


@dataclass(frozen=True)
class Look:
    """How a file stood at the last look, and since when it has stood so."""

    state: FileState
    since: datetime


@dataclass(frozen=True)
class Request:
    """One import to ask for."""

    name: str
    state: FileState
    run_key: str


@dataclass(frozen=True)
class Decision:
    """What to ask for, what to remember until the next look, and why nothing is asked for the other files."""

    requests: tuple[Request, ...]
    looks: Mapping[str, Look]
    reasons: tuple[str, ...]


def decide(
    found: Mapping[str, FileState],
    looks: Mapping[str, Look],
    *,
    under_way: Collection[str],
    attempts: Mapping[str, Attempts],
    now: datetime,
    zone: tzinfo,
) -> Decision:
    """Return the imports to ask for at `now`; `looks` are the last look's, `under_way` and `attempts` by file tag.

    Reasons tell times in `zone`.
    """
    remembered = {name: _look(state, looks.get(name), now) for name, state in found.items()}
    requests, reasons = [], []
    for name, look in remembered.items():
        tag = file_tag(name, look.state)
        ended = attempts.get(tag)
        if now - look.since < STILL_FOR:
            reasons.append(f"{name}: still for {(now - look.since).seconds} of {STILL_FOR.seconds} seconds")
        elif tag in under_way:
            reasons.append(f"{name}: a run is on it")
        elif ended and (again := not_before(ended, now)):
            reasons.append(f"{name}: run {ended.count} left it lying; again at {shown_moment(again, zone)}")
        else:
            requests.append(Request(name, look.state, run_key(tag, ended)))
    return Decision(tuple(requests), remembered, tuple(reasons))


def file_tag(name: str, state: FileState) -> str:
    """Return by what a file is known as long as nobody changes it."""
    return f"{name} {state.size} {state.modified_ns}"


def state_asked_for(tags: Mapping[str, str]) -> FileState | None:
    """Return how the file stood that a run with these tags was asked for; None where the sensor did not ask."""
    if FILE_TAG not in tags:
        return None
    _, size, modified_ns = tags[FILE_TAG].rsplit(" ", 2)
    return FileState(int(size), int(modified_ns))


def remember(looks: Mapping[str, Look]) -> str:
    """Return looks as a sensor's cursor."""
    return json.dumps(
        {name: [look.state.size, look.state.modified_ns, look.since.isoformat()] for name, look in looks.items()}
    )


def recall(cursor: str | None) -> dict[str, Look]:
    """Return the looks of a cursor; none of an empty one."""
    return {
        name: Look(FileState(size, modified_ns), datetime.fromisoformat(since))
        for name, (size, modified_ns, since) in json.loads(cursor or "{}").items()
    }


def list_files_sensor(settings: Settings, jobs: Sequence[Job]) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for."""
    folder = settings.lists_folder

    @sensor(
        name="list_files",
        jobs=jobs_named([IMPORTING_JOB], jobs),
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Imports NAME.csv in the folder of lists as the list NAME, once it has stood still for a minute.",
    )
    def list_files(context: SensorEvaluationContext, clock: ResourceParam[Clock]) -> SensorResult:
        lying = files_in(folder)
        found = {name: state for name, state in lying.items() if is_text(name)}
        others = [f"{shown(name)}: {BAD_NAME}" for name in lying.keys() - found.keys()]
        tags = [file_tag(name, state) for name, state in found.items()]
        decision = decide(
            found,
            recall(context.cursor),
            under_way=_files_under_way(context.instance) if found else (),
            attempts={tag: ended for tag in tags if (ended := ended_runs(context.instance, FILE_TAG, tag))},
            now=clock(),
            zone=settings.zone,
        )
        nothing = f"no list in {folder}; lay NAME.csv there to import it as the list NAME"
        return SensorResult(
            run_requests=[_run_request(request) for request in decision.requests],
            skip_reason=None if decision.requests else SkipReason("; ".join([*decision.reasons, *others]) or nothing),
            cursor=remember(decision.looks),
        )

    return list_files


def is_text(name: str) -> bool:
    """Return whether a file's name is text, and not bytes that Python could not read as any."""
    return shown(name) == name


def shown(name: str) -> str:
    """Return a file's name as it can be shown and stored."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _look(state: FileState, before: Look | None, now: datetime) -> Look:
    # a look that is still to come was made before the clock was set back
    is_still = before is not None and before.state == state and before.since <= now
    return before if before and is_still else Look(state, now)


def _files_under_way(instance: DagsterInstance) -> set[str]:
    runs = instance.get_runs(RunsFilter(job_name=IMPORTING_JOB, statuses=list(UNDER_WAY)))
    return {run.tags[FILE_TAG] for run in runs if FILE_TAG in run.tags}


def _run_request(request: Request) -> RunRequest:
    config = {"file": request.name, "actor": "sensor list_files"}
    return RunRequest(
        run_key=request.run_key,
        job_name=IMPORTING_JOB,
        run_config={"ops": {IMPORTING_OP: {"config": config}}},
        tags={FILE_TAG: file_tag(request.name, request.state)},
    )
