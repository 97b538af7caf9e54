import json
import subprocess
import sys
from threading import Timer

import pytest
import yaml
from dagster import AssetKey

from assets.warehouse import warehouse_assets
from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse.dbt import manifest_path
from orchestration.composition import build_defs
from sensors.due_rows import CATCH_ALL_JOB, SENDING_JOB, SENDING_TAGS

SCHEMAS = ("raw", "staging", "marts", "segments", "eligibility", "history")


@pytest.fixture(scope="module")
def definitions(parsed_home):
    return build_defs(settings=Settings(home=parsed_home))


def test_the_workspace_loads_in_a_fresh_interpreter_from_another_folder(parsed_home, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EKIDEN_HOME", str(parsed_home))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(PROJECT_ROOT / "workspace.yaml")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    # loading must not start the embedded server
    assert not (parsed_home / "postgres").exists()


def test_a_manifest_that_another_process_is_writing_is_waited_for(parsed_home) -> None:
    manifest = manifest_path(Settings(home=parsed_home))
    whole = manifest.read_text(encoding="utf-8")
    manifest.write_text(whole[: len(whole) // 2], encoding="utf-8")
    writer = Timer(0.5, lambda: manifest.write_text(whole, encoding="utf-8"))
    writer.start()
    try:
        assert build_defs(settings=Settings(home=parsed_home)).assets
    finally:
        writer.join()


def test_the_assets_are_those_of_the_schemas(definitions) -> None:
    keys = {key.to_user_string() for key in definitions.resolve_all_asset_keys()}
    assert {key for key in keys if "/" not in key} == {"step_schedule", "deliveries", "exported_lists"}
    assert {key.split("/")[0] for key in keys if "/" in key} == {*SCHEMAS, "outreach"}
    assert {"raw/orders", "staging/stg_orders", "marts/orders", "segments/lapsed_90_days"} <= keys
    assert {"eligibility/cross_sell", "eligibility/first_purchase_follow_up", "eligibility/reactivation"} <= keys


def test_every_asset_says_what_it_is_and_whose(definitions) -> None:
    specs = definitions.resolve_all_asset_specs()
    silent = [spec.key for spec in specs if not (spec.description and spec.owners and spec.kinds)]
    assert silent == []


def test_what_changes_daily_should_be_fresh(definitions) -> None:
    fresh = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs() if spec.freshness_policy}
    assert fresh == {"raw/customers", "raw/orders", "raw/order_lines"}


def test_the_schedule_depends_on_every_scenario_and_the_history_on_the_deliveries(definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = {key.to_user_string() for key in graph.get(next_key(definitions, "step_schedule")).parent_keys}
    scenarios = (PROJECT_ROOT / "dbt_project" / "models" / "eligibility").glob("*.sql")
    assert parents == {f"eligibility/{scenario.stem}" for scenario in scenarios}
    history = graph.get(next_key(definitions, "history/message_history"))
    assert "deliveries" in {key.to_user_string() for key in history.parent_keys}


def test_a_segment_that_reads_what_looks_back_at_the_ledger_makes_no_circle(parsed_home) -> None:
    manifest = json.loads(manifest_path(Settings(home=parsed_home)).read_text(encoding="utf-8"))
    segment = manifest["nodes"]["model.ekiden.lapsed_90_days"]
    segment["depends_on"]["nodes"] += ["model.ekiden.message_history", "source.ekiden.outreach.schedule_rows"]
    # a folder of the shop's own, whose name Dagster takes for no group
    segment["fqn"][1] = "お得意-segments"
    build_warehouse, _ = warehouse_assets(manifest)
    key = AssetKey(["segments", "lapsed_90_days"])
    assert build_warehouse.asset_deps[key] == {AssetKey(["staging", "stg_orders"])}
    assert build_warehouse.specs_by_key[key].group_name == "____segments"


def test_dbt_tests_are_checks_and_so_are_the_ledgers_invariants(definitions) -> None:
    checks = {(key.asset_key.to_user_string(), key.name) for key in definitions.resolve_asset_graph().asset_check_keys}
    assert ("raw/orders", "is_loaded") in checks
    assert ("deliveries", "sent_is_final") in checks
    assert any(asset.startswith("marts/") for asset, _ in checks)


def test_everything_that_runs_by_itself_is_switched_on(definitions) -> None:
    schedules = [definitions.resolve_schedule_def(name) for name in ("plan_today", "refresh_history_nightly")]
    names = ("delivery_events", "due_rows", "list_files", "missed_days")
    sensors = [definitions.resolve_sensor_def(name) for name in names]
    assert {thing.default_status.value for thing in (*schedules, *sensors)} == {"RUNNING"}


@pytest.mark.parametrize("name", [SENDING_JOB, CATCH_ALL_JOB])
def test_a_sending_run_whose_machine_went_down_ends_whoever_started_it(definitions, name) -> None:
    # the sensor waits for it until then; of the tags, a run that a person starts in the UI gets no others
    assert definitions.resolve_job_def(name).tags["dagster/max_runtime"] == "7200"


def test_an_emergency_stop_is_first_in_the_queue_and_sends_come_before_the_rest(definitions) -> None:
    names = ["pause_sending", SENDING_JOB, CATCH_ALL_JOB, "import_list", "plan_day"]
    tags = [definitions.resolve_job_def(name).tags for name in names]
    assert [int(found.get("dagster/priority", "0")) for found in tags] == [100, 10, 10, 0, 0]


def test_sends_leave_places_to_a_pause() -> None:
    runs = yaml.safe_load((PROJECT_ROOT / "orchestration" / "dagster.yaml").read_text())["concurrency"]["runs"]
    (of_sends,) = runs["tag_concurrency_limits"]
    assert (of_sends["key"], of_sends["value"]) in SENDING_TAGS.items()
    assert of_sends["limit"] < runs["max_concurrent_runs"]


def test_planning_a_day_does_not_send(definitions) -> None:
    steps = set(definitions.resolve_job_def("plan_day").graph.node_dict)
    assert "step_schedule" in steps
    assert "deliveries" not in steps


def test_every_night_the_whole_ledger_is_checked_and_with_no_run_that_sends(definitions) -> None:
    checks = {"check_schedule", "check_deliveries"}
    assert checks <= set(definitions.resolve_job_def("refresh_history").graph.node_dict)
    # a finding that nobody can mend must not keep the history from being built
    history = definitions.resolve_job_def("refresh_history").graph.dependencies
    assert [node.name for node, upstream in history.items() if upstream] == []
    assert checks.isdisjoint(definitions.resolve_job_def("send_due_rows").graph.node_dict)


def next_key(definitions, name: str):
    return next(key for key in definitions.resolve_all_asset_keys() if key.to_user_string() == name)
