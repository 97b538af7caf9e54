"""What a tick asks Dagster for: the job, its partition, and the tag by which the sensor knows the run again."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from dagster import (
    DagsterInstance,
    DailyPartitionsDefinition,
    Definitions,
    JobDefinition,
    SensorDefinition,
    build_sensor_context,
    job,
    op,
)
from dagster._core.definitions.sensor_definition import SensorExecutionData

from ekiden.delivery.events.providers import Provider
from ekiden.webhook.requests import keep_request
from orchestration.jobs.delivery_events import drain_delivery_events
from sensors.delivery_events import GRACE, delivery_events_sensor
from sensors.due_rows import LOOK_AHEAD, SLOT_TAG, due_rows_sensor
from tests.integration.ledger_fixtures import Shop

MOMENT = timedelta(seconds=1)
DAYS = DailyPartitionsDefinition("2024-01-01", timezone="Asia/Tokyo", end_offset=1)


@op
def nothing() -> None: ...


@job(name="send_due_rows", partitions_def=DAYS)
def sending() -> None:
    nothing()


@job(name="send_now")
def sending_everything() -> None:
    nothing()


def tick(shop: Shop, sensor: SensorDefinition, jobs: Sequence[JobDefinition]) -> SensorExecutionData:
    resources = {"clock": lambda: shop.now, "settings": shop.settings}
    definitions = Definitions(jobs=jobs, sensors=[sensor], resources=resources)
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(
            instance, definitions=definitions, resources={"clock": definitions.resources["clock"]}
        )
        return definitions.resolve_sensor_def(sensor.name).evaluate_tick(context)


@pytest.fixture
def due(shop: Shop) -> Shop:
    """C1 is ready for noon of 9 March 2024."""
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    shop.plan()
    shop.at("2024-03-09 12:00")
    return shop


def ask_for_due_rows(shop: Shop):
    jobs = [sending, sending_everything]
    return tick(shop, due_rows_sensor(shop.settings, DAYS, jobs), jobs)


def test_a_row_is_asked_for_a_little_before_its_time_by_its_due_date(due: Shop):
    noon = due.now
    due.now = noon - LOOK_AHEAD - MOMENT
    assert ask_for_due_rows(due).run_requests == []
    due.now = noon - LOOK_AHEAD
    (request,) = ask_for_due_rows(due).run_requests
    assert (request.job_name, request.partition_key) == ("send_due_rows", "2024-03-09")
    assert request.run_key.startswith(request.tags[SLOT_TAG])


def test_requests_that_the_server_left_are_drained_once_it_has_had_its_minute(shop: Shop):
    jobs = [drain_delivery_events]
    sensor = delivery_events_sensor(shop.settings, jobs)
    assert tick(shop, sensor, jobs).run_requests == []
    keep_request(shop.connection, b"[]", signed_at=shop.now, received_at=shop.now, provider=Provider.SENDGRID)
    assert tick(shop, sensor, jobs).run_requests == []
    shop.now += GRACE
    (request,) = tick(shop, sensor, jobs).run_requests
    assert request.job_name == "drain_delivery_events"
