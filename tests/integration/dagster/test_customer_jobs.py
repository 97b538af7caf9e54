"""The job that shows one customer, as the launchpad runs it, on the small shop."""

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult, Failure

from orchestration.customer_jobs import show_timeline
from tests.integration.ledger_fixtures import Shop


def run(shop: Shop, instance: DagsterInstance, **fields: object) -> ExecuteInProcessResult:
    return show_timeline.execute_in_process(
        instance=instance,
        run_config={
            "ops": {"read_timeline": {"config": fields}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        resources={"settings": shop.settings},
    )


def test_a_customers_timeline_is_the_runs_metadata(shop: Shop) -> None:
    shop.scenario()
    shop.buyer("駅|田", email="hanako@shop.example")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    with DagsterInstance.ephemeral() as instance:
        result = run(shop, instance, customer="駅|田", first_day="2024-03-09", oldest_first=True)
        (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
        metadata = output.step_output_data.metadata
        lines = metadata["timeline"].value.splitlines()
        assert metadata["entries_in_all"].value == len(lines) - 2 == 4
        assert metadata["in_shop"].value is True
        assert lines[2].startswith("| 2024-03-09 06:00:00 | follow_up | entered by ordered: order O-駅")
        assert "ha…@shop.example" in lines[4]
        with pytest.raises(Failure, match="no customer 'nobody'"):
            run(shop, instance, customer="nobody")
