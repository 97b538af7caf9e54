"""The jobs for lists, as the launchpad runs them, on the small shop."""

from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, Failure

from assets.steps.acting import PARENT_TAG
from ekiden.delivery.pauses import pause, resume
from ekiden.raw.list_folder import files_in
from orchestration.jobs.lists import LIST_JOBS
from sensors.list_files import FILE_TAG, file_tag
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

ACTOR = "hanako@shop.example"


@pytest.fixture
def instance():
    with DagsterInstance.ephemeral() as instance:
        yield instance


def run(
    shop: Shop, instance: DagsterInstance, name: str, op: str, tags: dict[str, str] | None = None, **fields: object
) -> ExecuteInProcessResult:
    (job,) = [job for job in LIST_JOBS if job.name == name]
    return job.execute_in_process(
        instance=instance,
        tags=tags,
        run_config={
            "ops": {op: {"config": {"actor": ACTOR, **fields}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        resources={"settings": shop.settings, "clock": lambda: shop.now},
    )


def shown_by(result: ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


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
    run(shop, instance, **export, again=metadata["ledger_run_id"].value)
    again = instance.get_latest_materialization_event(AssetKey("exported_lists")).asset_materialization.metadata
    assert again["same_as_before"].value is True
    assert again["file"].value.endswith(".parquet")
    assert shop.states() == {("C1", 1): "sent"}


def test_an_export_shows_what_is_paused_and_which_earlier_file_it_finished(
    shop: Shop, instance: DagsterInstance
) -> None:
    shop.scenario(steps=[STEP | {"channel": "dm"}])
    shop.buyer("C1")
    shop.plan()
    pause(shop.connection, "follow_up", reason="a wrong price", now=shop.now, context=OPERATOR)
    shown = shown_by(run(shop, instance, "export_lists", "export_due_lists"))
    assert (shown["exported"], shown["rows_paused"]) == (0, 1)
    assert "a wrong price (ekiden resume follow_up --reason WHY)" in shown["paused"]
    resume(shop.connection, "follow_up", reason="corrected", now=shop.now, context=OPERATOR)
    file = Path(shown_by(run(shop, instance, "export_lists", "export_due_lists"))["file"])
    file.rename(file.with_name(f"{file.name}.unfinished"))
    shown = shown_by(run(shop, instance, "export_lists", "export_due_lists"))
    assert shown["finished_now"] == file.name
    assert "paused" not in shown


def test_an_export_while_all_is_paused_is_refused_with_who_paused_it(shop: Shop, instance: DagsterInstance) -> None:
    pause(shop.connection, None, reason="a wrong price", now=shop.now, context=OPERATOR)
    with pytest.raises(Failure, match=r"paused: all sending, by .*: a wrong price\. To go on: ekiden resume"):
        run(shop, instance, "export_lists", "export_due_lists")


def test_a_file_that_is_not_there_is_told_in_words(shop: Shop, instance: DagsterInstance) -> None:
    with pytest.raises(Failure, match=r"spring\.csv is not there; it may have been taken already: look into done/"):
        run(shop, instance, "import_list", "import_list_file", file="spring.csv")


@pytest.mark.parametrize(
    ("job", "op", "fields", "message"),
    [
        ("export_lists", "export_due_lists", {"format": "xlsx"}, "format: 'xlsx' is not known; allowed: csv, parquet"),
        ("export_lists", "export_due_lists", {"again": "the last"}, "again: 'the last' is no run of the ledger"),
        (
            "import_list",
            "import_list_file",
            {"file": "a.csv", "encoding": "latin"},
            "encoding: 'latin' .* utf-8, cp932",
        ),
    ],
)
def test_a_word_that_a_field_does_not_know_is_refused_with_those_it_does(
    shop: Shop, instance: DagsterInstance, job: str, op: str, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(Failure, match=message):
        run(shop, instance, job, op, **fields)


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


def test_a_file_that_was_changed_after_the_sensor_asked_for_it_is_left_to_the_sensor(
    shop: Shop, instance: DagsterInstance
) -> None:
    shop.customer("C1")
    shop.settings.lists_folder.mkdir(parents=True)
    file = shop.settings.lists_folder / "the spring.csv"
    file.write_text("customer_id\nC1\n")
    asked_for = {FILE_TAG: file_tag(file.name, files_in(file.parent)[file.name]), "dagster/sensor_name": "list_files"}
    # half of another one, which takes a while to come
    file.write_text("customer_id\n")
    with pytest.raises(Failure, match="was changed after it was asked for: it stays where it is"):
        run(shop, instance, "import_list", "import_list_file", asked_for, file=file.name)
    assert file.exists()
    file.write_text("customer_id\nC1\n")
    # a person who does the run again means the file as it is
    run(shop, instance, "import_list", "import_list_file", asked_for | {PARENT_TAG: "first"}, file=file.name)
    assert shop.execute("select list_code, customer_id from raw.list_members") == [("the spring", "C1")]


def test_a_file_elsewhere_is_not_moved(shop: Shop, instance: DagsterInstance, tmp_path) -> None:
    (tmp_path / "spring.csv").write_text("customer_id\nC1\n")
    with pytest.raises(Failure, match="`ekiden list import` takes any file"):
        run(shop, instance, "import_list", "import_list_file", file=str(tmp_path / "spring.csv"))
