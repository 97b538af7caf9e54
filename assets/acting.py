"""On whose behalf a Dagster run changes the ledger.

Belongs here: the run's tags read as an actor, and a connection for one step. Does not belong here: the ledger.
"""

from collections.abc import Mapping

from dagster import AssetExecutionContext, OpExecutionContext

from ekiden.schedule.runs import RunContext
from ekiden.warehouse.revision import git_revision

STARTERS = {
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    "dagster/backfill": "backfill",
}
"""The tags by which Dagster says who started a run; none of them: a person, in the UI or a terminal."""


ACTOR_TAG = "ekiden/actor"
"""The tag by which whoever starts a run may say who they are."""


def run_context(context: AssetExecutionContext | OpExecutionContext, *, actor: str | None = None) -> RunContext:
    """Return who acts in this run: `actor` where a person said so, None where what started the run acts.

    Raises `ValueError` for an actor that is blank: a field that asks for a name was left empty.
    """
    if actor is not None and not actor.strip():
        raise ValueError("actor: say who you are; it is kept with what you do")
    return RunContext(
        actor=starter(context.run.tags) if actor is None else actor,
        dagster_run_id=context.run_id,
        git_revision=git_revision(),
    )


def starter(tags: Mapping[str, str]) -> str:
    """Return who or what started a run with these tags, like "schedule plan_day"."""
    if ACTOR_TAG in tags:
        return tags[ACTOR_TAG]
    for tag, kind in STARTERS.items():
        if tag in tags:
            return f"{kind} {tags[tag]}"
    return "dagster user"
