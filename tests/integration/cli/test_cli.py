"""The command line as a person or a script meets it: exit codes, formats, refusals, and what is not shown."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from ekiden.cli import decisions, pipeline
from ekiden.delivery.channels.base import Outcome
from ekiden.settings import PROJECT_ROOT
from ekiden.warehouse.dbt import dbt_executable
from tests.integration.ledger_fixtures import STEP, Shop


def test_planning_says_what_it_did(shop: Shop, ekiden):
    shop.scenario()
    shop.buyer("C1")
    ended = ekiden("plan", "--format", "json")
    assert ended.code == 0
    assert json.loads(ended.out) == [{"scenario_code": "follow_up", "step_no": 1, "state": "ready", "rows": 1}]
    assert "1 entered, 1 row ready, 0 held, 0 cancelled" in ended.err
    assert shop.execute("select actor from outreach.runs") == [("hanako",)]


def test_a_scenario_with_an_earlier_version_that_cannot_be_asked_is_not_told_to_be_left_out(planned: Shop, ekiden):
    planned.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now';"
        "drop function eligibility.follow_up_answers"
    )
    planned.buyer("C3")
    ended = ekiden("plan")
    assert ended.code == 1
    assert "1 entered, 1 row ready" in ended.err
    assert "not stopped: version 1 (git abc123) of follow_up cannot be asked" in ended.err
    assert "left out" not in ended.err


def test_planning_a_range_of_missed_days_holds_them(shop: Shop, ekiden):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    assert ekiden("plan", "--from", "2024-03-02", "--to", "2024-03-08").code == 0
    assert shop.row().state == "held"


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--date", "2024-03-01", "--from", "2024-03-01"),
        ("plan", "--from", "2024-03-01"),
        ("plan", "--from", "2024-03-02", "--to", "2024-03-01"),
        ("plan", "--date", "yesterday"),
        ("plan", "--date", "2024-02-30"),
        ("plan", "--actor", " "),
        ("rows", "--state", "asleep"),
        ("rows", "--limit", "-1"),
        # more than the database can count to
        ("rows", "--limit", "9" * 20),
        ("decisions", "--limit", "9" * 19, "--customer", "C1"),
        ("timeline", "C1", "--limit", "9" * 20),
        ("audience", "follow_up", "--limit", "9" * 20),
        ("release", "--first", "9" * 20, "--dry-run"),
        ("opt-out", "withdraw", "9" * 20, "--reason", "x"),
        ("unknown", "list", "--older-than", "1e300"),
        # no day lies between them: nothing found would look like an answer
        ("rows", "--due-from", "2024-03-10", "--due-to", "2024-03-01"),
        ("held", "--due-from", "2024-03-10", "--due-to", "2024-03-01"),
        ("release", "--due-from", "2024-03-10", "--due-to", "2024-03-01"),
        # a script's variable that was never set
        ("why", "follow_up", "C1", "--on", ""),
        ("webhook", "status", "--format", "csv"),
        # the last would win in silence
        ("rows", "--customer", "C1", "--customer", "C2"),
        ("opt-out", "add", "--customer", "C1", "--customer", "C2", "--reason", "x"),
        ("rows", "--format", "xml"),
        ("show", "no-id"),
        ("release",),
        ("release", "--limit", "0", "--all"),
        ("fly",),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(planned: Shop, ekiden, arguments):
    ended = ekiden(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "--scenario", "nobody"), "no scenario 'nobody'; known: follow_up"),
        (("unknown", "list", "--scenario", "nobody"), "no scenario 'nobody'; known: follow_up"),
        (("unknown", "settle", "sent", "--scenario", "nobody", "--reason", "x"), "no scenario 'nobody'"),
        # a name in Shift_JIS, say
        (("rows", "--customer", "\udc93"), r"'\udc93' is no UTF-8 text"),
        (("show", str(uuid4())), "was sent; find ids with `ekiden rows --state sent`"),
        (("complete", "--all", "--limit", "1"), "2 rows match, more than the limit of 1"),
        (("reopen", "--customer", "C1"), "only with a reason"),
    ],
)
def test_a_refusal_ends_with_1_and_its_reason(planned: Shop, ekiden, arguments, message):
    ended = ekiden(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert set(planned.states().values()) == {"ready", "held"}


def test_a_broken_definition_is_reported_and_ends_with_1_though_the_others_are_planned(shop: Shop, ekiden):
    shop.scenario("broken", steps=[STEP] * 11)
    shop.scenario()
    shop.buyer("C1")
    ended = ekiden("plan")
    assert ended.code == 1
    assert "left out: broken: steps: 11 steps; a scenario has at most 10" in ended.err
    assert len(shop.rows()) == 1


def test_what_a_build_makes_and_is_not_there_is_named_with_what_to_do(planned: Shop, ekiden):
    # the other tests of this process need it
    planned.execute("alter view staging.stg_orders rename to dropped")
    try:
        endings = [ekiden(*command) for command in (("plan",), ("timeline", "C1"))]
    finally:
        planned.execute("alter view staging.dropped rename to stg_orders")
    for ended in endings:
        assert ended.code == 1
        assert 'error: relation "staging.stg_orders" does not exist: no build has made it, or' in ended.err
        assert ended.err.rstrip().endswith("run `ekiden build`")


def test_a_view_of_the_shops_own_schema_that_is_missing_is_named_with_what_to_do(planned: Shop, ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_RAW_SCHEMA", "shop_for_ekiden")
    planned.execute("create schema shop_for_ekiden")
    try:
        ended = ekiden("opt-out", "add", "--customer", "C1")
    finally:
        planned.execute("drop schema shop_for_ekiden")
    assert ended.code == 1
    assert 'error: relation "shop_for_ekiden.customers" does not exist: the schema of EKIDEN_RAW_SCHEMA' in ended.err
    # their word counts all the same
    assert planned.execute("select count(*) from outreach.opt_outs where customer_id = 'C1'") == [(1,)]


def test_an_interrupted_build_ends_with_a_word_after_dbts_own(shop: Shop, ekiden, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    project = SimpleNamespace(report=SimpleNamespace(findings=()), broken=(), refused_by_dbt={})
    monkeypatch.setattr(pipeline, "readable_project", lambda *_: project)
    monkeypatch.setattr(pipeline, "dbt_build", interrupted)
    ended = ekiden("build")
    assert ended.code == 130
    *_, last = ended.err.splitlines()
    assert last == "interrupted: what was not built stands as it was before; the next build catches up"


def test_a_packed_table_is_named_by_a_load(shop: Shop, ekiden, tmp_path):
    folder = shutil.copytree(PROJECT_ROOT / "docs" / "sample_shop", tmp_path / "files")
    (folder / "subscriptions.csv").rename(folder / "subscriptions.csv.gz")
    ended = ekiden("load", str(folder))
    assert ended.code == 0
    assert "left alone: subscriptions.csv.gz is packed; unpack it to have it loaded" in ended.err


def test_files_are_not_loaded_where_the_models_read_a_schema_of_the_shops_own(shop: Shop, ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_RAW_SCHEMA", "shop_for_ekiden")
    ended = ekiden("load", str(PROJECT_ROOT / "docs" / "sample_shop"))
    assert (ended.code, ended.out) == (1, "")
    assert "the shop's tables are in the schema shop_for_ekiden (EKIDEN_RAW_SCHEMA)" in ended.err
    assert shop.execute("select count(*) from raw.products where product_id not in ('A', 'B')") == [(0,)]


def test_dbts_own_commands_find_the_project_from_any_folder(shop: Shop, ekiden, monkeypatch, tmp_path):
    # Dagster's own database is none of dbt's business
    monkeypatch.setattr("orchestration.instance.prepare", lambda _: {})
    monkeypatch.setattr("orchestration.instance.open_instance", lambda _: SimpleNamespace(dispose=lambda: None))
    exported = [line.removeprefix("export ").partition("=") for line in ekiden("env").out.splitlines()]
    environment = {name: "".join(shlex.split(value)) for name, _, value in exported}
    target = {"DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs")}
    freshness = subprocess.run(
        [dbt_executable(), "source", "freshness"],
        cwd=tmp_path,
        env={**os.environ, **environment, **target},
        capture_output=True,
        text=True,
        check=False,
    )
    assert freshness.returncode == 0, freshness.stdout


def test_a_setting_that_cannot_be_is_named(ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_TIME_ZONE", "Asia/Edo")
    ended = ekiden("rows")
    assert ended.code == 1
    assert "EKIDEN_TIME_ZONE" in ended.err
    assert "Asia/Edo" in ended.err


def test_a_database_that_cannot_be_reached_is_named_without_the_password(ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_DATABASE_URL", "postgresql://somebody:secret@127.0.0.1:1/nowhere")
    ended = ekiden("rows")
    assert ended.code == 1
    assert "127.0.0.1" in ended.err
    assert "secret" not in ended.err


def test_rows_come_as_json_and_csv_that_read_back(planned: Shop, ekiden):
    as_json = json.loads(ekiden("rows", "--format", "json").out)
    as_csv = list(csv.DictReader(io.StringIO(ekiden("rows", "--format", "csv").out)))
    assert [row["customer_id"] for row in as_json] == [row["customer_id"] for row in as_csv] == ["C2", "C1"]
    assert as_json[1]["send_at"] == as_csv[1]["send_at"] == "2024-03-09T12:00:00+09:00"
    assert (as_json[0]["send_at"], as_csv[0]["send_at"]) == (None, "")
    assert as_json[1]["state_ja"] == "実施可能"
    assert list(as_json[0]) == list(as_csv[0])


def test_no_rows_read_back_as_no_rows(shop: Shop, ekiden):
    assert json.loads(ekiden("rows", "--format", "json").out) == []
    empty = ekiden("rows", "--format", "csv").out
    assert list(csv.DictReader(io.StringIO(empty))) == []
    assert ekiden("rows").code == 0
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    assert ekiden("rows", "--format", "csv").out.startswith(empty.strip())
    assert json.loads(ekiden("plan", "--missed", "--format", "json").out) == []


def test_what_csv_has_no_columns_for_reads_back_as_json(planned: Shop, ekiden):
    (entry, *_) = csv.DictReader(io.StringIO(ekiden("timeline", "C1", "--format", "csv").out))
    (told, *_) = json.loads(ekiden("timeline", "C1", "--format", "json").out)
    assert json.loads(entry["details"]) == told["details"]


def test_a_check_comes_as_csv_and_json_of_the_same(planned: Shop, ekiden):
    as_json = json.loads(ekiden("check", "--format", "json").out)
    as_csv = list(csv.DictReader(io.StringIO(ekiden("check", "--format", "csv").out)))
    assert [list(map(str, each.values())) for each in as_json] == [list(each.values()) for each in as_csv]
    assert {each["holds"] for each in as_json} == {True}


def test_rows_can_be_narrowed_counted_and_cut_short(planned: Shop, ekiden):
    held = json.loads(ekiden("rows", "--state", "held", "--reason", "past_due", "--format", "json").out)
    assert [row["customer_id"] for row in held] == ["C2"]
    counted = json.loads(ekiden("rows", "--summary", "--format", "json").out)
    assert {row["state"]: row["rows"] for row in counted} == {"held": 1, "ready": 1}
    assert "1 of 2 rows; --limit shows more" in ekiden("rows", "--limit", "1").err
    assert ekiden("rows", "--limit", "2").err == ""


def test_a_ledger_of_years_is_not_counted_to_show_a_screen_of_it(planned: Shop, ekiden, monkeypatch):
    monkeypatch.setattr("ekiden.cli.rows.COUNTED_ROWS", 1)
    assert "1 of at least 2 rows; --limit shows more" in ekiden("rows", "--limit", "1").err


def test_a_table_that_would_be_too_long_has_its_first_rows_and_says_what_has_all(planned: Shop, ekiden, monkeypatch):
    monkeypatch.setattr("ekiden.cli.rows.TABLE_ROWS", 1)
    ended = ekiden("rows", "--limit", "5")
    assert "1 of 2 rows; a table shows no more, --format csv --limit does, --summary counts them all" in ended.err
    assert (ended.out.count("C1"), ended.out.count("C2")) == (0, 1)
    for form in ("csv", "json"):
        ended = ekiden("rows", "--limit", "5", "--format", form)
        assert (ended.out.count("follow_up"), ended.err) == (2, "")


def test_what_looks_like_markup_is_shown_as_it_is(shop: Shop, ekiden):
    shop.scenario()
    shop.buyer("[/bold]C[red]")
    shop.plan()
    ended = ekiden("rows")
    assert ended.code == 0
    assert "[/bold]C[red]" in ended.out
    refused = ekiden("plan", "--scenario", "[/red]")
    assert (refused.code, "no scenario '[/red]'" in refused.err) == (1, True)


def test_a_dry_run_of_a_release_changes_nothing(planned: Shop, ekiden):
    before = planned.execute("select count(*) from outreach.transitions")
    ended = ekiden("release", "--customer", "C2", "--dry-run")
    assert ended.code == 0
    assert "release would look at 1 row; nothing was changed" in ended.err
    assert planned.row(customer="C2").state == "held"
    assert planned.execute("select count(*) from outreach.transitions") == before


def test_a_release_says_how_many_rows_it_changed_and_who_did_it_is_kept(planned: Shop, ekiden):
    ended = ekiden("release", "--due-from", "2024-03-02", "--due-to", "2024-03-02", "--actor", "taro", "--yes")
    assert (ended.code, ended.out.strip()) == (0, "1 of 1 matching rows changed by release")
    assert planned.row(customer="C2").released_by == "taro"


def test_the_whole_way_from_the_plan_to_the_lineage_of_a_message(planned: Shop, ekiden):
    planned.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at)"
        " values ('O-C1-2024-03-08', 'C1', '2024-03-08 10:00+09');"
        "insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('O-C1-2024-03-08', 1, 'A', 1.50)"
    )
    assert ekiden("send").out.strip() == "nothing is due"
    planned.at("2024-03-09 12:00")
    assert ekiden("send").out.strip() == "1 claimed, 1 sent"
    (row,) = json.loads(ekiden("rows", "--state", "sent", "--format", "json").out)
    shown = ekiden("show", row["message_id"])
    assert shown.code == 0
    for part in ("follow_up version 1", "O-C1-2024-03-08", "…@shop.example", "through outbox"):
        assert part in shown.out
    as_json = json.loads(ekiden("show", row["message_id"], "--format", "json").out)
    assert as_json["message_id"] == row["message_id"]
    assert [change["transition"] for change in as_json["transitions"]] == ["T1", "T6", "T7"]
    (as_csv,) = csv.DictReader(io.StringIO(ekiden("show", row["message_id"], "--format", "csv").out))
    assert as_csv["content_hash"] == as_json["content_hash"]
    assert as_csv["planned_send_at"] == as_json["planned_send_at"] == "2024-03-09T12:00:00+09:00"
    assert [line["quantity"] for line in as_json["anchor_lines"]] == ["1.50"]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_addresses_are_masked_unless_asked_for(planned: Shop, ekiden, form: str):
    planned.change_customer("C1", email="hanako.ekida@shop.example")
    planned.at("2024-03-09 12:00")
    ekiden("send")
    message = str(planned.row(state="sent").message_id)
    masked = ekiden("show", message, "--format", form).out
    assert "ha…@shop.example" in masked
    assert "hanako.ekida" not in masked
    assert "hanako.ekida@shop.example" in ekiden("show", message, "--format", form, "--unmask").out
    assert "shop.example" not in ekiden("rows", "--format", form).out


def test_an_export_says_where_its_file_is(shop: Shop, ekiden):
    shop.scenario(steps=[STEP | {"channel": "dm"}])
    shop.buyer("C1", address="東京都千代田区1-1")
    shop.plan()
    ended = ekiden("export")
    assert ended.code == 0
    (file,) = (shop.settings.home / "exports").iterdir()
    assert str(file) in ended.out
    assert ekiden("export").out.strip() == "nothing is due"


def test_a_failed_row_is_retried_by_a_command(planned: Shop, ekiden):
    planned.channel.answers = {"c1@shop.example": Outcome.not_sent}
    planned.settings = planned.settings.model_copy(update={"max_attempts": 1})
    planned.at("2024-03-09 12:00")
    planned.send()
    assert planned.row(customer="C1").state == "failed"
    assert ekiden("retry", "--customer", "C1", "--yes").out.strip() == "1 of 1 matching rows changed by retry"
    planned.now += timedelta(minutes=1)
    assert ekiden("send").out.strip() == "1 claimed, 1 sent"


def test_the_anchor_of_a_segment_is_told_in_the_shops_time(shop: Shop, ekiden):
    shop.scenario(anchor={"entered": "regulars"})
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", kind="entered", key="2024-03-08T01:00:00.000000Z")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert "entered: 2024-03-08 10:00" in ekiden("timeline", "C1").out
    assert "anchor: entered 2024-03-08 10:00" in ekiden("show", str(shop.row().message_id)).out
    audience = ekiden("audience", "follow_up", "--on", "2024-03-10")
    assert "2024-03-08 10:00" in audience.out
    assert "2024-03-08T01:00:00.000000Z" in ekiden("audience", "follow_up", "--format", "csv").out


def test_counted_decisions_say_which_days_they_are_about(shop: Shop, ekiden, monkeypatch):
    monkeypatch.setattr(decisions, "utc_now", lambda: shop.now)
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    told = ekiden("decisions", "--summary").err
    assert "decisions about 2024-03-09 and later: of a row its due date, else the planned day" in told
    assert (
        "about 2024-03-01 to 2024-03-09:"
        in ekiden("decisions", "--summary", "--from", "2024-03-01", "--to", "2024-03-09").err
    )
    assert "about every day:" in ekiden("decisions", "--summary", "--customer", "C1").err


def test_decisions_say_which_days_they_are_about_also_where_there_are_none(shop: Shop, ekiden, monkeypatch):
    monkeypatch.setattr(decisions, "utc_now", lambda: shop.now)
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    ended = ekiden("decisions", "--rule", "past_due", "--format", "json")
    assert json.loads(ended.out) == []
    assert "decisions about 2024-03-09 and later: of a row its due date" in ended.err
    earlier = ekiden("decisions", "--rule", "past_due", "--from", "2024-03-01", "--format", "json")
    assert [decision["day"] for decision in json.loads(earlier.out)] == ["2024-03-02"]
