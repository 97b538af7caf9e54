"""The jobs for lists, as the launchpad runs them, on the small shop."""

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, Failure

from orchestration.list_jobs import LIST_JOBS
from tests.integration.ledger_fixtures import STEP, Shop

ACTOR = "hanako@shop.example"


@pytest.fixture
def instance():
    with DagsterInstance.ephemeral() as instance:
        yield instance


def run(shop: Shop, instance: DagsterInstance, name: str, op: str, **fields: object) -> ExecuteInProcessResult:
    (job,) = [job for job in LIST_JOBS if job.name == name]
    return job.execute_in_process(
        instance=instance,
        run_config={
            "ops": {op: {"config": {"actor": ACTOR, **fields}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        resources={"settings": shop.settings, "clock": lambda: shop.now},
    )


def test_lists_are_exported_and_written_again(shop: Shop, instance: DagsterInstance) -> None:
    shop.scenario(steps=[STEP | {"channel": "dm"}])
    shop.buyer("C1")
    shop.plan()
    export = {"name": "export_lists", "op": "export_due_lists"}
    run(shop, instance, **export, scenario="follow_up", channel="outbound_call")
    assert instance.get_latest_materialization_event(AssetKey("exported_lists")) is None
    run(shop, instance, **export, scenario="follow_up", channel="dm", format="parquet")
    metadata = instance.get_latest_materialization_event(AssetKey("exported_lists")).asset_materialization.metadata
    assert metadata["exported"].value == 1
    assert metadata["file"].value.endswith(".parquet")
    assert shop.execute("select actor from outreach.runs where outcome = 'succeeded' and kind = 'export'") == (
        [(ACTOR,)] * 2
    )
    run(shop, instance, **export, again=metadata["ledger_run_id"].value, format="parquet")
    again = instance.get_latest_materialization_event(AssetKey("exported_lists")).asset_materialization.metadata
    assert again["same_as_before"].value is True
    assert shop.states() == {("C1", 1): "sent"}


def test_a_list_in_the_folder_is_imported_and_moved(shop: Shop, instance: DagsterInstance) -> None:
    shop.customer("C1")
    shop.settings.lists_folder.mkdir(parents=True)
    file = shop.settings.lists_folder / "spring.csv"
    file.write_text("customer_id\nC1\n")
    run(shop, instance, "import_list", "import_list_file", file="spring.csv")
    assert shop.execute("select list_code, customer_id, added_at from raw.list_members") == [("spring", "C1", shop.now)]
    assert not file.exists()
    file.write_text("customer_id\nC2\n")
    with pytest.raises(Failure, match="line 2, column customer_id: 'C2' is not in customers"):
        run(shop, instance, "import_list", "import_list_file", file="spring.csv")
    assert not file.exists()


def test_a_file_elsewhere_is_not_moved(shop: Shop, instance: DagsterInstance, tmp_path) -> None:
    (tmp_path / "spring.csv").write_text("customer_id\nC1\n")
    with pytest.raises(Failure, match="`ekiden list import` takes any file"):
        run(shop, instance, "import_list", "import_list_file", file=str(tmp_path / "spring.csv"))
