"""When a list that lies in the folder is taken: once it stands still, and again where a run left it lying."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dagster import DagsterInstance, build_sensor_context

from ekiden.raw.folder import FileState
from ekiden.settings import Settings
from orchestration.jobs.lists import LIST_JOBS
from sensors.ended_runs import Attempts
from sensors.list_files import STILL_FOR, Look, decide, file_tag, list_files_sensor, recall, remember

NOW = datetime(2026, 5, 6, 3, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
STATE = FileState(100, 1_700_000_000_000_000_000)
SECOND = timedelta(seconds=1)


def look(found, looks=None, *, under_way=(), attempts=None, now=NOW):
    return decide(found, looks or {}, under_way=under_way, attempts=attempts or {}, now=now, zone=TOKYO)


def context(instance, cursor=None):
    return build_sensor_context(instance, cursor=cursor, resources={"clock": lambda: NOW})


def test_an_empty_folder_asks_for_nothing() -> None:
    decision = look({})
    assert (decision.requests, decision.looks, decision.reasons) == ((), {}, ())


def test_a_file_is_taken_once_it_has_stood_still() -> None:
    first = look({"a.csv": STATE})
    assert first.requests == ()
    assert look({"a.csv": STATE}, first.looks, now=NOW + STILL_FOR - SECOND).requests == ()
    (request,) = look({"a.csv": STATE}, first.looks, now=NOW + STILL_FOR).requests
    assert request.name == "a.csv"


def test_a_file_that_grows_or_is_touched_waits_from_then_on() -> None:
    first = look({"a.csv": STATE, "b.csv": STATE})
    changed = {"a.csv": FileState(101, STATE.modified_ns), "b.csv": FileState(100, STATE.modified_ns + 1)}
    second = look(changed, first.looks, now=NOW + STILL_FOR)
    assert second.requests == ()
    assert len(look(changed, second.looks, now=NOW + 2 * STILL_FOR).requests) == 2


def test_a_clock_that_was_set_back_keeps_no_file_waiting_for_long() -> None:
    first = look({"a.csv": STATE})
    earlier = NOW - timedelta(days=1)
    second = look({"a.csv": STATE}, first.looks, now=earlier)
    assert len(look({"a.csv": STATE}, second.looks, now=earlier + STILL_FOR).requests) == 1


def test_a_file_that_went_and_came_back_waits_again() -> None:
    first = look({"a.csv": STATE})
    gone = look({}, first.looks, now=NOW + SECOND)
    assert look({"a.csv": STATE}, gone.looks, now=NOW + STILL_FOR).requests == ()


def test_a_file_that_a_run_is_on_is_not_asked_for_again() -> None:
    looks = {"a.csv": Look(STATE, NOW)}
    decision = look({"a.csv": STATE}, looks, under_way={file_tag("a.csv", STATE)}, now=NOW + STILL_FOR)
    assert decision.requests == ()
    assert "a run is on it" in decision.reasons[0]


def test_a_file_that_a_run_left_lying_is_asked_for_later_under_another_key() -> None:
    looks = {"a.csv": Look(STATE, NOW)}
    (first,) = look({"a.csv": STATE}, looks, now=NOW + STILL_FOR).requests
    ended = {file_tag("a.csv", STATE): Attempts(1, NOW + STILL_FOR, "the first run")}
    waits = look({"a.csv": STATE}, looks, attempts=ended, now=NOW + STILL_FOR + SECOND)
    assert waits.requests == ()
    assert waits.reasons == ("a.csv: run 1 left it lying; again at 2026-05-06 12:01:30 JST",)
    (request,) = look({"a.csv": STATE}, looks, attempts=ended, now=NOW + STILL_FOR + timedelta(seconds=30)).requests
    assert request.run_key != first.run_key


def test_a_run_that_ended_before_the_clock_was_set_back_keeps_no_file_waiting() -> None:
    looks = {"a.csv": Look(STATE, NOW)}
    ended = {file_tag("a.csv", STATE): Attempts(1, NOW + timedelta(days=3), "the first run")}
    assert len(look({"a.csv": STATE}, looks, attempts=ended, now=NOW + STILL_FOR).requests) == 1


def test_looks_survive_the_cursor() -> None:
    looks = {"春.csv": Look(STATE, NOW)}
    assert recall(remember(looks)) == looks
    assert recall(None) == {}


def test_the_sensor_asks_for_an_import_of_a_still_file(tmp_path) -> None:
    settings = Settings(home=tmp_path, lists=tmp_path / "laid here")
    sensor = list_files_sensor(settings, LIST_JOBS)
    with DagsterInstance.ephemeral() as instance:
        empty = sensor.evaluate_tick(context(instance))
        assert "no list in" in (empty.skip_message or "")
        settings.lists_folder.mkdir()
        (settings.lists_folder / "spring.csv").write_text("customer_id\nC1\n")
        status = (settings.lists_folder / "spring.csv").stat()
        since = NOW - STILL_FOR
        cursor = remember({"spring.csv": Look(FileState(status.st_size, status.st_mtime_ns), since)})
        first = sensor.evaluate_tick(context(instance))
        assert first.run_requests == []
        # by the clock that it is given, whatever the machine's says
        assert recall(first.cursor)["spring.csv"].since == NOW
        tick = sensor.evaluate_tick(context(instance, cursor=cursor))
    (request,) = tick.run_requests
    assert request.job_name == "import_list"
    assert request.run_config["ops"]["import_list_file"]["config"]["file"] == "spring.csv"


def test_a_file_whose_name_is_no_text_keeps_no_other_from_being_imported(tmp_path) -> None:
    # as an archive that was packed on Windows brings it
    (tmp_path / os.fsdecode("指定.csv".encode("cp932"))).write_text("customer_id\nC1\n")
    (tmp_path / "春.csv").write_text("customer_id\nC1\n")
    sensor = list_files_sensor(Settings(home=tmp_path, lists=tmp_path), LIST_JOBS)
    with DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(context(instance))
        assert "not written in UTF-8" in (first.skip_message or "")
        since = NOW - STILL_FOR
        looks = {name: replace(seen, since=since) for name, seen in recall(first.cursor).items()}
        tick = sensor.evaluate_tick(context(instance, cursor=remember(looks)))
    assert [request.run_config["ops"]["import_list_file"]["config"]["file"] for request in tick.run_requests] == [
        "春.csv"
    ]
