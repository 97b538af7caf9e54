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
        "settings": ResourceDefinition(_settings_giver(settings), description="The deployment's settings."),
        "clock": ResourceDefinition.hardcoded_resource(utc_now, "Says what time it is."),
        "carriers": ResourceDefinition(
            _carriers_maker(settings), required_resource_keys={"clock"}, description="Carry the messages."
        ),
        "warehouse": ResourceDefinition.hardcoded_resource(DbtWarehouse(settings), "Builds the dbt models."),
    }


def _settings_giver(settings: Settings) -> Callable[[InitResourceContext], Settings]:
    def give(context: InitResourceContext) -> Settings:
        # every step asks for the settings, so no step begins
        if context.run is not None and _reads_environment(context.run.run_config.get("ops")):
            raise ValueError(
                "a field of the form is {env: …}, which reads a variable of this deployment, perhaps a secret, into "
                "what everybody sees; write the text itself"
            )
        return settings

    return give


def _reads_environment(config: object) -> bool:
    """Return whether Dagster would fill in a text of this configuration from the environment (`StringSource`)."""
    match config:
        case dict():
            return set(config) == {"env"} or any(map(_reads_environment, config.values()))
        case list() | tuple():
            return any(map(_reads_environment, config))
        case _:
            return False


def _carriers_maker(settings: Settings) -> Callable[[InitResourceContext], tuple[Carrier, ...]]:
    def make(context: InitResourceContext) -> tuple[Carrier, ...]:
        return carriers_for(settings, clock=context.resources.clock)

    return make
