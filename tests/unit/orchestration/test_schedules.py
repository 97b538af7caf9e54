from datetime import UTC, datetime, time

from dagster import build_schedule_context

from ekiden.settings import Settings
from orchestration.schedules import build_schedules, cron


def test_planning_runs_at_the_batch_time() -> None:
    assert cron(time(6, 5)) == "5 6 * * *"


def test_the_planned_day_is_the_shops_not_utcs(tmp_path) -> None:
    plan_today, _ = build_schedules(Settings(home=tmp_path, time_zone="Asia/Tokyo"))
    six_in_tokyo = datetime(2026, 5, 5, 21, 0, tzinfo=UTC)
    with build_schedule_context(scheduled_execution_time=six_in_tokyo) as context:
        request = plan_today(context)
    assert request.partition_key == "2026-05-06"


def test_a_day_is_planned_by_the_schedule_once(tmp_path) -> None:
    plan_today, _ = build_schedules(Settings(home=tmp_path))
    moment = datetime(2026, 5, 5, 21, 0, tzinfo=UTC)
    with build_schedule_context(scheduled_execution_time=moment) as context:
        keys = {plan_today(context).run_key for _ in range(2)}
    assert len(keys) == 1
