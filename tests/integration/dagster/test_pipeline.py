"""The pipeline from raw tables to files in the outbox, by the jobs the UI offers. The tests of a module share one
deployment and run in order: each day of it follows the day before."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from dagster import AssetKey, DagsterEvent, DagsterEventType, DagsterRunStatus, Failure
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring import run_monitoring
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from assets.steps.pools import DBT_POOL
from ekiden.database.connection import DAGSTER_SUFFIX, connect
from ekiden.schedule.invariants import INVARIANTS, offenders
from orchestration.instance import end_lost_runs, open_instance, sole_server
from orchestration.up import POOL_RECYCLE
from sensors.due_rows import dates_under_way
from tests.integration.commands import at_the_terminal, commands
from tests.integration.dagster.conftest import CUSTOMERS


def test_planning_past_days_creates_held_rows_only(deployment) -> None:
    result = deployment.run("plan_day", partition=deployment.day(3))
    assert result.success
    assert set(deployment.states()) == {"held"}


def test_what_was_seen_of_the_raw_tables_is_recorded_once_for_the_same_data(deployment) -> None:
    orders = AssetKey(["raw", "orders"])
    event = deployment.instance.get_latest_materialization_event(orders)
    assert event.asset_materialization.metadata["dagster/row_count"].value == CUSTOMERS
    deployment.run("plan_day", partition=deployment.day(3), only=["look_at_raw_tables"])
    assert deployment.instance.get_latest_materialization_event(orders).timestamp == event.timestamp


def test_a_planned_day_tells_what_it_created(deployment) -> None:
    record = deployment.instance.fetch_materializations(AssetKey("step_schedule"), limit=1, ascending=True).records[0]
    metadata = record.asset_materialization.metadata
    assert metadata["rows_held"].value == sum(deployment.states().values())
    assert "| reactivation | 1 | held |" in metadata["created"].value


def test_a_missed_week_backfilled_is_held_and_materialises_every_day(deployment) -> None:
    fields = {"first_day": deployment.day(7), "last_day": deployment.day(1)}
    result = deployment.run("backfill_days", plan_missed_days=fields)
    days = {event.partition for event in result.get_asset_materialization_events()}
    assert days == {deployment.day(n) for n in range(1, 8)}
    assert deployment.states() == {"held": CUSTOMERS}


def test_a_day_that_is_none_is_refused_in_words(deployment) -> None:
    with pytest.raises(Failure, match="first_day: '2026/11/08' is not a day"):
        deployment.run("backfill_days", plan_missed_days={"first_day": "2026/11/08", "last_day": "2026-11-09"})


def test_planning_again_changes_no_row(deployment) -> None:
    before = transitions(deployment)
    deployment.run("backfill_days", plan_missed_days={"first_day": deployment.day(7), "last_day": deployment.day(1)})
    assert transitions(deployment) == before


def test_a_held_row_is_not_sent(deployment) -> None:
    deployment.run("send_now", send_due_now={})
    assert deployment.states() == {"held": CUSTOMERS}


def test_a_dry_run_shows_rows_and_releases_none(deployment) -> None:
    result = deployment.run("release_held_rows", release_rows={"actor": "Hanako"})
    assert deployment.states() == {"held": CUSTOMERS}
    (output,) = [e for e in result.all_events if e.event_type == DagsterEventType.STEP_OUTPUT]
    assert output.step_output_data.metadata["rows_matching"].value == CUSTOMERS


def test_a_release_that_matches_more_than_its_limit_releases_none(deployment) -> None:
    with pytest.raises(Exception, match=f"{CUSTOMERS} rows match, more than the limit of 2"):
        deployment.run("release_held_rows", release_rows={"actor": "Hanako", "all": True, "dry_run": False, "limit": 2})
    assert deployment.states() == {"held": CUSTOMERS}


def test_released_rows_are_sent_for_their_due_date_and_nothing_twice(deployment) -> None:
    day = deployment.day(2)
    fields = {"actor": "Hanako", "due_from": day, "due_to": day, "dry_run": False}
    deployment.run("release_held_rows", release_rows=fields)
    # the step's time may still be ahead today: what then is due is the deployment's clock's business
    late = deployment.with_clock_ahead(timedelta(days=1))
    result = late.run("send_due_rows", partition=day)
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert (event.partition, metadata["sent"].value) == (day, 1)
    assert "伝" in metadata["sample_message"].value
    assert "@shop.example" not in metadata["sample_message"].value.replace("…@shop.example", "")
    late.run("send_due_rows", partition=day)
    assert deployment.states() == {"held": CUSTOMERS - 1, "sent": 1}
    assert len(list((deployment.settings.outbox / "new").iterdir())) == 1


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.name)
def test_the_ledger_keeps_its_invariants(deployment, invariant) -> None:
    with connect(deployment.settings, autocommit=True) as connection:
        assert offenders(connection, invariant, now=datetime.now(UTC)).total == 0


def test_a_broken_invariant_is_noticed(deployment) -> None:
    with connect(deployment.settings) as connection:
        # as nobody can by the ledger's own means: its triggers would refuse it
        connection.execute("set local session_replication_role = replica")
        connection.execute("delete from outreach.messages")
        connection.execute("update outreach.transitions set transition = 'T4' where transition = 'T3'")
        now = datetime.now(UTC)
        found = {each.name for each in INVARIANTS if offenders(connection, each, now=now).total}
        connection.rollback()
    assert found == {"one_message_per_sent_row", "past_rows_sent_only_after_release"}


def transitions(deployment) -> int:
    with connect(deployment.settings, autocommit=True) as connection:
        return connection.execute("select count(*) from outreach.transitions").fetchone()[0]


def test_a_run_whose_process_vanished_does_not_keep_the_sensor_waiting(deployment) -> None:
    job = deployment.definitions.resolve_job_def("send_now")
    vanished = deployment.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    assert None in dates_under_way(deployment.instance)
    assert end_lost_runs(deployment.instance) == 1
    assert deployment.instance.get_run_by_id(vanished.run_id).status is DagsterRunStatus.FAILURE
    assert None not in dates_under_way(deployment.instance)


def test_a_plan_whose_process_vanished_keeps_the_next_waiting_for_some_hours_at_most(deployment, monkeypatch) -> None:
    instance = deployment.instance
    # its code server is gone as well: nobody can be told to end it
    gone = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/nowhere/code-server"})}
    vanished = instance.create_run_for_job(deployment.definitions.resolve_job_def("plan_day"), tags=gone)
    started = DagsterEvent(DagsterEventType.PIPELINE_START.value, job_name="plan_day")
    instance.report_dagster_event(started, run_id=vanished.run_id)

    def status_when_looked_at_after(hours: int) -> DagsterRunStatus:
        monkeypatch.setattr(run_monitoring, "get_current_timestamp", lambda: time.time() + hours * 3600)
        look = SimpleNamespace(instance=instance, create_request_context=lambda: None)
        assert [error for error in execute_run_monitoring_iteration(look, logging.getLogger()) if error] == []
        return instance.get_run_by_id(vanished.run_id).status

    assert status_when_looked_at_after(hours=5) is DagsterRunStatus.STARTED
    assert status_when_looked_at_after(hours=7) is DagsterRunStatus.FAILURE


def test_daemons_that_a_person_starts_know_the_pool_before_they_take_the_first_run(
    deployment, monkeypatch, capsys
) -> None:
    storage = deployment.instance.event_log_storage
    storage.delete_concurrency_limit(DBT_POOL)
    assert DBT_POOL not in storage.get_concurrency_keys()
    at_the_terminal(monkeypatch, deployment.settings)
    ended = commands(monkeypatch, capsys)("env")
    assert all(line.startswith("export ") for line in ended.out.splitlines())
    assert DBT_POOL in storage.get_concurrency_keys()


def test_a_run_that_was_made_and_never_queued_does_not_keep_the_sensor_waiting(deployment) -> None:
    # the database went away between the two; Dagster neither starts nor ends such a run
    stranded = deployment.instance.create_run_for_job(deployment.definitions.resolve_job_def("send_now"))
    assert stranded.status is DagsterRunStatus.NOT_STARTED
    assert None not in dates_under_way(deployment.instance)


def test_days_that_wait_for_a_build_leave_room_for_sends(deployment) -> None:
    instance, resolve = deployment.instance, deployment.definitions.resolve_job_def
    location = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("ekiden"), "ekiden")
    made = [
        instance.create_run_for_job(
            resolve(name), status=DagsterRunStatus.QUEUED, remote_job_origin=RemoteJobOrigin(location, name)
        )
        for name in ["plan_day"] * 8 + ["send_due_rows"]
    ]
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    try:
        taken = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
        assert sorted(run.job_name for run in taken) == ["plan_day", "send_due_rows"]
        for run in taken:
            event = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
            instance.report_dagster_event(event, run_id=run.run_id)
        assert daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None) == []
    finally:
        for run in made:
            instance.delete_run(run.run_id)


def test_after_the_database_was_away_the_webserver_asks_it_by_a_new_connection(deployment) -> None:
    with open_instance(deployment.settings) as instance:
        # as the webserver does by its options
        instance.optimize_for_webserver(statement_timeout=5_000, pool_recycle=POOL_RECYCLE, max_overflow=20)
        before = len(instance.get_runs())
        with connect(deployment.settings, autocommit=True) as connection:
            ended = connection.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() || %s and backend_type = 'client backend'",
                (DAGSTER_SUFFIX,),
            ).fetchone()
        assert ended[0] > 0
        time.sleep(POOL_RECYCLE + 0.1)
        assert len(instance.get_runs()) == before


def test_only_one_process_at_a_time_serves_a_deployment(deployment) -> None:
    with sole_server(deployment.settings) as first, sole_server(deployment.settings) as second:
        assert (first, second) == (True, False)
    with sole_server(deployment.settings) as again:
        assert again
