"""What the assets and jobs are given: settings, clock, carriers, warehouse.

Each is made in the process that runs a step, when a step asks for it; loading the definitions opens nothing.
Does not belong here: what any of them does.
"""

from collections.abc import Callable
from typing import Any

from dagster import InitResourceContext, ResourceDefinition

from ekiden.clock import utc_now
from ekiden.delivery.channels import Carrier, carriers_for
from ekiden.settings import Settings
from orchestration.warehouse import DbtWarehouse


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return the resources by the name under which steps ask for them."""
    return {
        "settings": ResourceDefinition.hardcoded_resource(settings, "The deployment's settings."),
        "clock": ResourceDefinition.hardcoded_resource(utc_now, "Says what time it is."),
        "carriers": ResourceDefinition(
            _carriers_maker(settings), required_resource_keys={"clock"}, description="Carry the messages."
        ),
        "warehouse": ResourceDefinition.hardcoded_resource(DbtWarehouse(settings), "Builds the dbt models."),
    }


def _carriers_maker(settings: Settings) -> Callable[[InitResourceContext], tuple[Carrier, ...]]:
    def make(context: InitResourceContext) -> tuple[Carrier, ...]:
        return carriers_for(settings, clock=context.resources.clock)

    return make
