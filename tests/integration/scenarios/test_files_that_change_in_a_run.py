"""Scenarios' files that come and go while a run of Dagster's is under way: it knows the assets it began with."""

from datetime import datetime

import psycopg
from dagster import DagsterInstance, Definitions, ExecuteInProcessResult

from orchestration.composition import build_defs
from tests.integration.scenarios.conftest import Site
from tests.integration.scenarios.test_broken_definitions import BY_HAND, FAILS


def test_a_run_plans_whoever_is_there_when_it_builds(
    site: Site, buyer: datetime, connection: psycopg.Connection
) -> None:
    for name in ("stays", "goes", "moves"):
        site.scenario(name)
    began = build_defs(settings=site.settings)
    remove(site, "goes")
    remove(site, "moves")
    site.scenario("moved")
    planned = plan_today(site, began)
    assert planned.success
    assert planned.asset_materializations_for_node("step_schedule")
    assert gone(planned) == {"goes", "moves"}
    assert planned_scenarios(connection) == {"stays", "moved"}

    # as well where the build fails for somebody
    site.scenario("fails", query=f"{BY_HAND} where {FAILS}")
    began = build_defs(settings=site.settings)
    remove(site, "moved")
    site.scenario("comes")
    planned = plan_today(site, began)
    assert planned.success
    assert planned.asset_materializations_for_node("step_schedule")
    assert gone(planned) == {"moved"}
    assert planned_scenarios(connection) == {"stays", "moved", "comes"}


def remove(site: Site, name: str) -> None:
    for file in site.eligibility.glob(f"{name}.*"):
        file.unlink()


def plan_today(site: Site, began: Definitions) -> ExecuteInProcessResult:
    with DagsterInstance.ephemeral() as instance:
        return began.resolve_job_def("plan_day").execute_in_process(
            instance=instance,
            op_selection=["build_warehouse", "step_schedule"],
            partition_key=site.settings.local_date(datetime.now(site.settings.zone)).isoformat(),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def gone(result: ExecuteInProcessResult) -> set[str]:
    built = result.asset_materializations_for_node("build_warehouse")
    return {each.asset_key.path[-1] for each in built if "gone" in each.metadata}


def planned_scenarios(connection: psycopg.Connection) -> set[str]:
    rows = connection.execute("select scenario_code from outreach.operator_rows").fetchall()
    connection.rollback()
    return {row[0] for row in rows}
