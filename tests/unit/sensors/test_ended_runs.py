"""Under which key a run is asked for again: Dagster takes none twice, and people delete runs."""

from itertools import combinations

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from sensors.ended_runs import ended_runs, run_key

TAG, SLOT, RUN_KEY = "ekiden/slot", "2026-05-06 since noon until noon", "dagster/run_key"


def next_key(instance: DagsterInstance) -> str:
    return run_key(SLOT, ended_runs(instance, TAG, SLOT))


def asked_for(instance: DagsterInstance, status: DagsterRunStatus) -> DagsterRun:
    return create_run_for_test(
        instance, job_name="send_due_rows", tags={TAG: SLOT, RUN_KEY: next_key(instance)}, status=status
    )


@pytest.mark.parametrize("deleted", [chosen for count in range(4) for chosen in combinations(range(3), count)])
def test_whichever_runs_a_person_deletes_the_next_is_asked_for_under_a_key_that_none_has(deleted) -> None:
    with DagsterInstance.ephemeral() as instance:
        runs = [asked_for(instance, DagsterRunStatus.FAILURE) for _ in range(3)]
        for number in deleted:
            instance.delete_run(runs[number].run_id)
        assert next_key(instance) not in {run.tags[RUN_KEY] for run in instance.get_runs()}


def test_a_run_that_was_made_and_never_queued_is_asked_for_under_its_own_key() -> None:
    with DagsterInstance.ephemeral() as instance:
        asked_for(instance, DagsterRunStatus.FAILURE)
        stuck = asked_for(instance, DagsterRunStatus.NOT_STARTED)
        assert next_key(instance) == stuck.tags[RUN_KEY]
