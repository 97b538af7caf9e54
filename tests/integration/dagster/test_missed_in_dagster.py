"""Missed days as people meet them in Dagster: the check, the sensor's ticks, the job that plans them, a backfill.

On the small shop's database, without dbt, at the shop's own time.
"""

import logging
from collections.abc import Iterator

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetKey,
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DailyPartitionsDefinition,
    Definitions,
    ExecuteInProcessResult,
    Failure,
    build_sensor_context,
    define_asset_job,
    in_process_executor,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from assets import planned_days, schedule
from assets.schedule import step_schedule_asset
from ekiden.delivery.channels.base import Carrier
from ekiden.scenarios.definition import MAIL_CHANNELS
from orchestration.jobs.operating import OPERATOR_JOBS
from orchestration.jobs.planning import backfill_days
from orchestration.jobs.sending import send_now_job
from sensors.missed_days import CHECKING_JOB, missed_days_sensor
from tests.integration.ledger_fixtures import STEP, Shop

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Deployment:
    """The shop's schedule in Dagster."""

    def __init__(self, shop: Shop, instance: DagsterInstance) -> None:
        checking = define_asset_job(CHECKING_JOB, selection=AssetSelection.checks(planned_days.KEY))
        days = DailyPartitionsDefinition("2024-01-01", end_date="2024-12-31", timezone=shop.settings.time_zone)
        self.instance = instance
        self.definitions = Definitions(
            assets=[step_schedule_asset(days, [])],
            asset_checks=[planned_days.every_day_planned_check()],
            jobs=[checking, backfill_days, *OPERATOR_JOBS],
            sensors=[missed_days_sensor(shop.settings, [checking], planned_days.KEY)],
            resources={"settings": shop.settings, "clock": lambda: shop.now},
            executor=in_process_executor,
        )

    def backfill(self, **fields) -> ExecuteInProcessResult:
        config = QUIET | {"ops": {"plan_missed_days": {"config": fields}}}
        return self.definitions.resolve_job_def("backfill_days").execute_in_process(config, instance=self.instance)

    def plan_day(self, day: str, **fields) -> ExecuteInProcessResult:
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            QUIET | {"ops": {"step_schedule": {"config": fields}}},
            instance=self.instance,
            asset_selection=[schedule.KEY],
            partition_key=day,
        )

    def try_release(self, **fields) -> ExecuteInProcessResult:
        config = QUIET | {"ops": {"release_rows": {"config": {"actor": "Hanako", **fields}}}}
        return self.definitions.resolve_job_def("release_held_rows").execute_in_process(config, instance=self.instance)

    def check(self):
        job = self.definitions.resolve_job_def(CHECKING_JOB)
        (found,) = job.execute_in_process(QUIET, instance=self.instance).get_asset_check_evaluations()
        return found

    def tick(self):
        sensor = self.definitions.resolve_sensor_def("missed_days")
        context = build_sensor_context(
            self.instance, definitions=self.definitions, resources={"clock": self.definitions.resources["clock"]}
        )
        return sensor.evaluate_tick(context)


@pytest.fixture
def dagster(shop: Shop) -> Iterator[Deployment]:
    """A shop that was planned on 9 March 2024 and then not until the morning of the 14th."""
    shop.scenario()
    shop.plan()
    shop.at("2024-03-14 06:30")
    for day in (9, 10, 12):
        shop.buyer(f"C{day}", f"2024-03-{day:02}")
    with DagsterInstance.ephemeral() as instance:
        yield Deployment(shop, instance)


def metadata_of(result: ExecuteInProcessResult) -> dict:
    (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def days_of(result: ExecuteInProcessResult) -> list[str]:
    return [event.partition for event in result.get_asset_materialization_events()]


def test_a_scenario_with_an_earlier_version_that_cannot_be_asked_is_not_counted_as_left_out(
    shop: Shop, dagster: Deployment
):
    shop.plan()
    shop.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now';"
        "drop function eligibility.follow_up_answers"
    )
    for told in (dagster.plan_day("2024-03-14"), dagster.backfill()):
        (materialised, *_) = told.get_asset_materialization_events()
        counts = materialised.materialization.metadata
        assert (counts["scenarios_left_out"].value, counts["versions_unanswered"].value) == (0, 1)


def test_missed_days_are_a_warning_on_the_schedule_that_says_what_to_do(dagster: Deployment):
    check = dagster.check()
    assert (check.check_name, check.passed, check.severity) == ("every_day_planned", False, AssetCheckSeverity.WARN)
    assert check.metadata["days_missed"].value == 4
    assert "| 2024-03-10 | 2024-03-13 | 4 | not planned |" in check.metadata["missed_days"].value
    assert "ekiden plan --missed" in check.metadata["what_to_do"].value


def test_a_backfill_given_no_days_plans_the_missed_ones_in_one_run_and_holds_them(dagster: Deployment, shop: Shop):
    result = dagster.backfill()
    assert days_of(result) == ["2024-03-10", "2024-03-11", "2024-03-12", "2024-03-13"]
    metadata = metadata_of(result)
    assert (metadata["rows_held"], metadata["rows_ready"], metadata["holds_expired"]) == (3, 0, 0)
    assert "| follow_up | 1 | held | past_due | 3 | 3 | 3 | 0 | 0 | 0 | 0 | 0 |" in metadata["meaning"]
    assert (metadata["people_still_eligible"], metadata["people_no_longer_eligible"]) == (3, 0)
    actors = "select actor from outreach.runs where kind = 'plan' order by started_at"
    assert shop.execute(actors) == [("schedule",), ("dagster user",)]
    assert dagster.check().passed
    again = dagster.backfill()
    assert again.success
    assert days_of(again) == []


def test_a_person_who_plans_or_sends_may_say_who_they_are(dagster: Deployment, shop: Shop):
    dagster.backfill(actor="Hanako")
    sending = send_now_job(2, in_process_executor).execute_in_process(
        QUIET | {"ops": {"send_due_now": {"config": {"actor": "Hanako"}}}},
        instance=dagster.instance,
        resources={
            "settings": shop.settings,
            "clock": lambda: shop.now,
            "carriers": (Carrier(shop.channel, MAIL_CHANNELS),),
        },
    )
    assert sending.success
    actors = "select distinct kind, actor from outreach.runs where actor <> 'schedule' order by kind"
    assert shop.execute(actors) == [("plan", "Hanako"), ("send", "Hanako")]


def test_a_dry_run_tells_what_it_would_mean_and_plans_nothing(dagster: Deployment, shop: Shop):
    result = dagster.backfill(dry_run=True)
    metadata = metadata_of(result)
    assert (metadata["rows_held"], metadata["people_still_eligible"]) == (3, 3)
    assert "ledger_run_id" not in metadata
    assert (days_of(result), shop.rows()) == ([], [])
    assert not dagster.check().passed


def test_a_day_to_come_is_no_partition_of_a_backfill(dagster: Deployment):
    result = dagster.backfill(first_day="2024-03-13", last_day="2024-03-20")
    assert days_of(result) == ["2024-03-13", "2024-03-14"]
    assert metadata_of(result)["planned_days"] == "2024-03-13 to 2024-03-14"


def test_days_to_come_are_not_told_as_planned(dagster: Deployment):
    result = dagster.backfill(first_day="2024-03-15", last_day="2024-03-17")
    assert (days_of(result), metadata_of(result)["planned_days"]) == ([], "none")
    logged = [(entry.level, entry.user_message) for entry in dagster.instance.all_logs(result.run_id)]
    assert (logging.WARNING, "days after today are left for their own planning") in logged


def test_a_scenario_that_there_is_not_is_refused_in_words_whoever_plans(dagster: Deployment):
    with pytest.raises(Failure, match="no scenario 'クロス'"):
        dagster.plan_day("2024-03-14", scenarios=["クロス"])
    with pytest.raises(Failure, match="no scenario 'クロス'"):
        dagster.backfill(scenarios=["クロス"])


def test_a_plan_tells_which_contents_cannot_be_sent(dagster: Deployment, shop: Shop):
    assert "cannot_be_sent" not in metadata_of(dagster.backfill())
    shop.scenario(steps=[STEP | {"content": "sample/nothing"}])
    shop.buyer("C13", "2024-03-13")
    (planned,) = dagster.plan_day("2024-03-14").asset_materializations_for_node("step_schedule")
    # it is planned all the same, and waits
    assert (planned.metadata["rows_created"].value, planned.metadata["contents_broken"].value) == (1, 1)
    assert "sample/nothing" in planned.metadata["cannot_be_sent"].value
    backfilled = metadata_of(dagster.backfill(first_day="2024-03-14", last_day="2024-03-14"))
    assert "sample/nothing" in backfilled["cannot_be_sent"]


def test_the_sensor_lets_the_check_run_until_it_shows_what_is_so_and_every_tick_names_the_days(dagster: Deployment):
    assert [request.job_name for request in dagster.tick().run_requests] == [CHECKING_JOB]
    # nothing came of that run
    assert [request.job_name for request in dagster.tick().run_requests] == [CHECKING_JOB]
    dagster.check()
    again = dagster.tick()
    assert again.run_requests == []
    assert again.skip_message.startswith("missed: 2024-03-10 to 2024-03-13")


def test_a_run_of_the_check_that_failed_is_asked_for_again_and_one_that_runs_is_not(dagster: Deployment, shop: Shop):
    dagster.check()
    job = dagster.definitions.resolve_job_def(CHECKING_JOB)
    run = dagster.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    assert dagster.tick().run_requests == []
    dagster.instance.report_run_failed(run)
    assert [request.job_name for request in dagster.tick().run_requests] == [CHECKING_JOB]


def test_a_backfill_of_several_partitions_in_the_ui_is_one_run(dagster: Deployment, shop: Shop):
    asset = dagster.definitions.resolve_asset_graph().get(AssetKey("step_schedule"))
    assert asset.backfill_policy.max_partitions_per_run is None
    # as the UI asks for it: a range of partitions in the tags of one run
    result = dagster.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        QUIET,
        instance=dagster.instance,
        asset_selection=[AssetKey("step_schedule")],
        tags={ASSET_PARTITION_RANGE_START_TAG: "2024-03-10", ASSET_PARTITION_RANGE_END_TAG: "2024-03-13"},
    )
    assert sorted(days_of(result)) == ["2024-03-10", "2024-03-11", "2024-03-12", "2024-03-13"]
    assert shop.execute(
        "select partition_from::text, partition_to::text from outreach.runs order by started_at desc limit 1"
    ) == [("2024-03-10", "2024-03-13")]
    assert {row.state for row in shop.rows()} == {"held"}
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]


def test_a_dry_run_of_a_release_says_who_waits_how_long_and_whether_they_should_still_be_written_to(
    dagster: Deployment, shop: Shop
):
    shop.plan("2024-03-10", "2024-03-13")
    shop.stop("C9", since=shop.now)
    shop.at("2024-03-16 06:00")
    metadata = metadata_of(dagster.try_release())
    assert "| follow_up | 1 | held | past_due | 3 | 3 | 2 | 0 | 1 | 0 | 0 | 2 |" in metadata["held"]
    first = "| follow_up | C9 | 1 | 2024-03-10 | 2 | past_due | past_due | no | stop_holds |"
    assert first in metadata["first_held_rows"]
    assert (metadata["people_still_eligible"], metadata["people_no_longer_eligible"]) == (2, 1)
    # of the first row alone
    assert metadata_of(dagster.try_release(first=1))["people_still_eligible"] == 0
