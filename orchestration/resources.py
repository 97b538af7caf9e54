"""What the assets and jobs are given: settings, clock, channel, warehouse.

Each is made in the process that runs a step, when a step asks for it; loading the definitions opens nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dagster import InitResourceContext, ResourceDefinition

from ekiden.delivery.channels import channel_for
from ekiden.delivery.channels.base import Channel
from ekiden.settings import Settings
from orchestration.warehouse import DbtWarehouse


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return the resources by the name under which steps ask for them."""
    return {
        "settings": ResourceDefinition.hardcoded_resource(settings, "The deployment's settings."),
        "clock": ResourceDefinition.hardcoded_resource(utc_now, "Says what time it is."),
        "channel": ResourceDefinition(
            _channel_maker(settings), required_resource_keys={"clock"}, description="Carries the messages."
        ),
        "warehouse": ResourceDefinition.hardcoded_resource(DbtWarehouse(settings), "Builds the dbt models."),
    }


def _channel_maker(settings: Settings) -> Callable[[InitResourceContext], Channel]:
    def make(context: InitResourceContext) -> Channel:
        return channel_for(settings, clock=context.resources.clock)

    return make
