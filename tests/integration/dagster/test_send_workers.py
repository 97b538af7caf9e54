"""Many send workers on one queue: in one process, in processes of their own, in Celery workers of which one dies."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, JobExecutionResult, ReexecutionOptions, execute_job
from dagster._core.definitions.reconstruct import ReconstructableRepository

from ekiden.delivery.pauses import pause
from ekiden.settings import PROJECT_ROOT
from tests.integration.delivery.crowd import Judge, fill
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants
from tests.loopback import free_port

DEFINITIONS = Path(__file__).with_name("sending_definitions.py")
EXECUTORS = os.environ.get("EKIDEN_TEST_EXECUTORS", "in_process").split(",")
"""`in_process,multiprocess` for all: processes of their own take some seconds, and Celery's are tested anyway."""
BATCH, CROWD = 20, 200
PATIENCE = 180.0  # seconds for other processes; they take five on a quiet machine


@pytest.fixture
def crowd(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Rows that are due, and an environment in which other processes find them."""
    shop.scenario()
    fill(shop, CROWD)
    shop.plan()
    shop.at("2024-03-09 12:00")
    for name, value in {
        "EKIDEN_HOME": str(shop.settings.home),
        "EKIDEN_DATABASE_URL": shop.settings.database_url.get_secret_value(),
        "EKIDEN_CLAIM_BATCH_SIZE": str(BATCH),
        "EKIDEN_SEND_WORKERS": "2",
        "TEST_FOLDER": str(tmp_path),
        "TEST_NOW": shop.now.isoformat(),
    }.items():
        monkeypatch.setenv(name, value)
    return shop


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    quiet = {"telemetry": {"enabled": False}}
    with DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=quiet) as instance:
        yield instance


def run(
    instance: DagsterInstance, job: str, folder: Path, ops: dict[str, object] | None = None, **options: object
) -> JobExecutionResult:
    # a file of its own for each test: what a file defines is read once in a process
    definitions = shutil.copy(DEFINITIONS, folder / "definitions.py")
    repository = ReconstructableRepository.for_file(str(definitions), "defs", str(PROJECT_ROOT))
    run_config = {"ops": ops or {}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return execute_job(repository.get_reconstructable_job(job), instance, run_config=run_config, **options)


def taken(folder: Path) -> dict[str, int]:
    counts = Judge(folder / "taken").taken()
    return {"messages": len(counts), "at most": max(counts.values(), default=0)}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_workers_share_a_due_date_and_its_materialisation_tells_of_all_of_them(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", executor)
    with run(instance, "send_due_rows", tmp_path, tags={"dagster/partition": "2024-03-09"}) as result:
        assert result.success
    event = instance.get_latest_materialization_event(AssetKey("deliveries")).asset_materialization
    told = {name: value.value for name, value in event.metadata.items()}
    assert event.partition == "2024-03-09"
    assert (told["workers"], told["sent"], told["channel"]) == (2, CROWD, "judge")
    assert (told["rows_due"], told["latency_longest_seconds"]) == (CROWD, 0)
    assert "駅" in told["sample_message"] or "件" in told["sample_message"] or "お" in told["sample_message"]
    assert taken(tmp_path) == {"messages": CROWD, "at most": 1}
    assert broken_invariants(crowd.connection) == {}


@pytest.mark.parametrize(("job", "tags"), [("send_due_rows", {"dagster/partition": "2024-03-09"}), ("send_now", {})])
def test_a_run_that_met_broken_contents_tells_what_it_sent_and_fails(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, tags: dict
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "in_process")
    crowd.scenario("broken", steps=[STEP | {"content": "sample/nothing"}])
    crowd.eligible("C1", "2024-03-08", model="broken")
    crowd.plan()
    with run(instance, job, tmp_path, tags=tags) as result:
        (failed,) = [event for event in result.all_events if event.is_step_failure]
    # the workers did what they could: the step that tells of it fails
    assert not failed.step_key.rpartition(".")[2].startswith("send_worker")
    assert "sample/nothing" in failed.step_failure_data.error_display_string
    event = instance.get_latest_materialization_event(AssetKey("deliveries")).asset_materialization
    assert (event.partition, event.metadata["sent"].value, event.metadata["workers"].value) == ("2024-03-09", CROWD, 2)
    assert "sample/nothing" in event.metadata["broken_contents"].value
    assert [row.scenario_code for row in crowd.rows(state="ready")] == ["broken"]


@pytest.mark.parametrize(("job", "tags"), [("send_due_rows", {"dagster/partition": "2024-03-09"}), ("send_now", {})])
def test_a_run_while_all_is_paused_says_in_words_who_paused_it_and_why(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, tags: dict
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "in_process")
    pause(crowd.connection, None, reason="a wrong price", now=crowd.now, context=OPERATOR)
    with run(instance, job, tmp_path, tags=tags) as result:
        failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert len(failures) == 2
    for failure in failures:
        told = failure.user_failure_data.description
        assert told.startswith("paused: all sending, by ")
        assert told.endswith("a wrong price. To go on: ekiden resume --reason WHY")
    assert taken(tmp_path) == {"messages": 0, "at most": 0}


def test_a_due_date_that_is_none_is_refused_in_words(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "in_process")
    with run(instance, "send_now", tmp_path, ops={"send_due_now": {"config": {"due_date": "9 March"}}}) as result:
        failed = next(event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failed.user_failure_data.description == "due_date: '9 March' is not a day; write it like 2026-05-01"


def test_a_run_terminated_in_the_middle_of_a_batch_ends_when_that_is_recorded(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "in_process")
    monkeypatch.setenv("TEST_TERMINATES", "1")
    with run(instance, "send_now", tmp_path) as result:
        assert not result.success
    # nothing is left that a person would have to settle
    assert crowd.execute("select state, count(*) from outreach.schedule_rows group by 1 order by 1") == [
        ("ready", CROWD - BATCH),
        ("sent", BATCH),
    ]
    assert crowd.execute("select outcome, summary ->> 'error' from outreach.runs where kind = 'send'") == [
        ("failed", "the run was terminated")
    ]
    monkeypatch.delenv("TEST_TERMINATES")
    (tmp_path / "again").mkdir()
    with run(instance, "send_now", tmp_path / "again") as result:
        assert result.success
    assert taken(tmp_path) == {"messages": CROWD, "at most": 1}


def test_a_run_done_again_from_its_failure_tells_what_its_other_workers_had_sent(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EKIDEN_SEND_EXECUTOR", "in_process")
    monkeypatch.setenv("TEST_BREAKS", "1")
    with run(instance, "send_now", tmp_path) as failed:
        assert not failed.success
    (tmp_path / "again").mkdir()
    again = ReexecutionOptions.from_failure(failed.run_id, instance)
    with run(instance, "send_now", tmp_path / "again", reexecution_options=again) as result:
        assert result.success
        assert result.run_id != failed.run_id
    event = instance.get_latest_materialization_event(AssetKey("deliveries")).asset_materialization
    told = {name: value.value for name, value in event.metadata.items()}
    assert (told["workers"], told["sent"]) == (2, CROWD - BATCH)
    assert failed.run_id in told["messages_in_sql"]


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A broker of the test's own on a free port, which forgets everything with its end."""
    port = free_port()
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(folder)}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    server = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


@contextmanager
def celery_worker(log: Path) -> Iterator[None]:
    """A machine with two send workers, by the command of docs/workers.md."""
    command = [sys.executable, "-m", "celery", "-A", "orchestration.celery_app", "worker", "--concurrency", "2"]
    with log.open("wb") as output:
        # a group of its own, so that the workers end with it
        worker = subprocess.Popen(
            [*command, "--loglevel", "WARNING"], cwd=PROJECT_ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def kill_who_hangs(hanging: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (hanging.exists() and hanging.read_text().endswith("\n")):
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
    os.kill(int(hanging.read_text()), signal.SIGKILL)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed (apt-get install)")
def test_a_celery_worker_killed_in_the_middle_of_a_batch_loses_nothing_and_repeats_nothing(
    crowd: Shop, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_server(tmp_path) as broker:
        for name, value in {
            "EKIDEN_SEND_EXECUTOR": "celery",
            "EKIDEN_CELERY_BROKER": broker,
            "TEST_HANGS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        killer = threading.Thread(target=kill_who_hangs, args=(tmp_path / "hanging",))
        killer.start()
        # Dagster would wait for ever for a worker that does not come up
        limit = threading.Timer(2 * PATIENCE, os.kill, (os.getpid(), signal.SIGINT))
        limit.start()
        with celery_worker(tmp_path / "celery.log"), run(instance, "send_now", tmp_path) as result:
            limit.cancel()
            # another worker has done the task again
            assert result.success, (tmp_path / "celery.log").read_text()
        killer.join()

    # the provider had half of the killed worker's batch, and nobody knows which half
    assert taken(tmp_path) == {"messages": CROWD - BATCH // 2, "at most": 1}
    standing = crowd.execute(
        "select rows.state, attempts.outcome, count(*) from outreach.schedule_rows as rows"
        " inner join outreach.attempts using (schedule_row_id) group by 1, 2 order by 1"
    )
    assert standing == [("sending", "unknown", BATCH), ("sent", "accepted", CROWD - BATCH)]
    assert broken_invariants(crowd.connection) == {}
