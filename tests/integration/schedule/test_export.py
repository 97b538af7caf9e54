"""Lists for direct mail and outbound calls: extracted, marked, and gone on from."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from psycopg import errors, sql

from ekiden.database.connection import connect
from ekiden.delivery.pauses import SendingPaused, resume
from ekiden.schedule import list_files
from ekiden.schedule.errors import UnknownScenario
from ekiden.schedule.export import export_again, export_due
from ekiden.schedule.exported import ExportRefused, exported_files
from ekiden.schedule.list_files import ExportFormat, FileOptions
from ekiden.settings import PROJECT_ROOT
from ekiden.warehouse.dbt import manifest_path
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

CARD = STEP | {"channel": "dm"}
CALL = STEP | {"channel": "outbound_call"}
PARQUET = FileOptions(ExportFormat.PARQUET)
MANY = int(os.environ.get("EKIDEN_TEST_EXPORTED_ROWS", "30"))
"""People on a list of several pages; 5,000 have been exported once, in pages of 250."""

EVERY_TENTH_IS_STOPPED = """
insert into {}
select
    'C' || n, 'ordered', 'O' || n, '2024-03-08', '2024-03-08', '{{(,)}}',
    (case when n %% 10 = 0 then '{{(,)}}' else '{{}}' end)::tstzmultirange
from generate_series(1, %s) as n
"""


@pytest.fixture(autouse=True)
def _the_ledger_is_sound_afterwards(shop: Shop):
    yield
    assert broken_invariants(shop.connection) == {}


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """C1 is due for a card today and for another in two days."""
    shop.scenario(steps=[CARD, CARD | {"offset_days": 3}])
    shop.buyer("C1", postal_code="001-0001", phone="09012345678")
    shop.plan()
    return shop


def export(shop: Shop, scenario: str | None = None, **narrowed):
    return export_due(
        shop.connection, now=shop.now, settings=shop.settings, context=OPERATOR, scenario=scenario, **narrowed
    )


def again(shop: Shop, run_id, **changes):
    return export_again(shop.connection, run_id, now=shop.now, settings=shop.settings, context=OPERATOR, **changes)


def lines_of(file, encoding: str = "utf-8") -> list[dict[str, str]]:
    with file.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream))


def names_in(shop: Shop) -> list[str]:
    return sorted(path.name for path in shop.settings.exports.iterdir())


def test_a_list_is_extracted_marked_and_the_next_step_is_born(shop: Shop):
    shop.scenario(steps=[CARD, STEP | {"offset_days": 3}])
    shop.buyer("C1", postal_code="100-0001", address='東京都千代田区, "1-1"\n駅ビル')
    shop.plan()
    report = export(shop)
    (line,) = lines_of(report.file)
    assert (line["customer_id"], line["address"]) == ("C1", '東京都千代田区, "1-1"\n駅ビル')
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert shop.transitions("C1") == ["T1", "T11", "T1"]
    assert shop.execute("select channel_name, send_run_id from outreach.messages") == [("export", report.run_id)]


def test_exporting_again_takes_nothing_twice(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    assert export(shop).exported == 1
    second = export(shop)
    assert (second.exported, second.file) == (0, None)
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_only_due_cards_of_enabled_scenarios_are_extracted(shop: Shop):
    shop.scenario("card", steps=[CARD, CARD | {"offset_days": 3}])
    shop.scenario("off", steps=[CARD])
    shop.scenario("mail")
    shop.customer("C1")
    for model in ("card", "off", "mail"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    shop.scenario("off", steps=[CARD], status="disabled")
    shop.plan()
    export(shop)
    assert {(row.scenario_code, row.step_no): row.state for row in shop.rows()} == {
        ("card", 1): "sent",
        ("card", 2): "ready",
        ("off", 1): "ready",
        ("mail", 1): "ready",
    }
    assert export(shop).exported == 0  # the second card is due in two days


def test_a_late_list_is_still_a_list(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-25 10:00")
    assert export(shop).exported == 1


def test_one_scenario_or_channel_can_be_extracted_alone(shop: Shop):
    shop.scenario("one", steps=[CARD])
    shop.scenario("two", steps=[CARD])
    shop.scenario("call", steps=[CALL])
    shop.customer("C1")
    for code in ("one", "two", "call"):
        shop.eligible("C1", "2024-03-08", model=code)
    shop.plan()
    export(shop, "one")
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "sent", "two": "ready", "call": "ready"}
    export(shop, channel="outbound_call")
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "sent", "two": "ready", "call": "sent"}


@pytest.mark.parametrize(
    ("narrowed", "error", "message"),
    [
        ({"scenario": "nobody"}, UnknownScenario, "no scenario nobody; known: follow_up"),
        ({"channel": "html_email"}, ExportRefused, "html_email is not exported; the channels of lists are dm"),
    ],
)
def test_what_cannot_be_on_a_list_is_refused(planned: Shop, narrowed, error, message):
    with pytest.raises(error, match=message):
        export(planned, **narrowed)
    assert planned.states() == {("C1", 1): "ready"}


def test_a_held_card_is_not_extracted(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert export(shop).exported == 0


# --- the last look


def test_a_step_stopped_by_force_is_cancelled_instead(planned: Shop):
    planned.scenario(steps=[CARD | {"state": "force_stopped"}, CARD | {"offset_days": 3}])
    planned.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    report = export(planned)
    assert (report.exported, report.cancelled) == (0, 1)
    assert (planned.row().state, planned.row().reason) == ("cancelled", "force_stopped")
    assert planned.enrolments() == {"C1": ("stopped", "force_stopped")}


def test_a_stop_that_came_true_since_the_morning_cancels(planned: Shop):
    planned.stop("C1", since=planned.now, live_only=True)
    report = export(planned)
    assert (report.exported, report.cancelled, report.file) == (0, 1, None)
    assert (planned.row().state, planned.row().reason) == ("cancelled", "stop_condition")
    assert planned.enrolments() == {"C1": ("stopped", "stop_condition")}
    assert planned.execute("select actor_kind from outreach.transitions where transition in ('T15', 'E3')") == [
        ("exporter",),
        ("exporter",),
    ]


def test_who_is_on_the_suppression_list_gets_no_letter_either(planned: Shop):
    planned.customer("C2")
    planned.eligible("C2", "2024-03-08")
    planned.plan()
    suppress(planned, customer_id="C1")
    report = export(planned)
    assert (report.exported, report.suppressed) == (1, 1)
    (line,) = lines_of(report.file)
    assert line["customer_id"] == "C2"
    assert (planned.row(customer="C1").state, planned.row(customer="C1").reason) == ("cancelled", "suppressed")
    assert planned.enrolments()["C1"] == ("stopped", "step_not_sent")


def test_a_bounced_mail_address_and_the_newsletter_status_concern_no_letter(planned: Shop):
    suppress(planned, address="c1@shop.example")
    planned.change_customer("C1", newsletter_status="none")
    assert export(planned).exported == 1


def test_while_all_sending_is_paused_an_export_is_refused_and_says_how_to_go_on(planned: Shop):
    pause(planned)
    for narrowed in ({}, {"scenario": "follow_up"}):
        with pytest.raises(SendingPaused, match=r"paused: all sending, by y since .*: x\. To go on: ekiden resume"):
            export(planned, **narrowed)
    assert planned.states() == {("C1", 1): "ready"}
    assert planned.execute("select count(*) from outreach.runs where kind = 'export'") == [(0,)]


def test_a_paused_scenario_is_left_alone_and_the_report_says_so(planned: Shop):
    planned.scenario("other", steps=[CARD])
    planned.eligible("C1", "2024-03-08", model="other")
    planned.plan()
    planned.execute(
        "insert into outreach.sending_pauses (scenario_id, cause, reason, paused_by, paused_at)"
        " select scenario_id, 'operator', 'x', 'y', now() from outreach.scenarios where scenario_code = 'follow_up'"
    )
    with pytest.raises(SendingPaused, match="ekiden resume follow_up --reason WHY"):
        export(planned, "follow_up")
    alone = export(planned, channel="outbound_call")
    assert (alone.exported, alone.paused, len(alone.pauses)) == (0, 0, 1)
    report = export(planned)
    assert (report.exported, report.paused) == (1, 1)
    assert [found.scenario_code for found in report.pauses] == ["follow_up"]
    assert planned.row(scenario="follow_up").state == "ready"
    assert export(planned, "other").pauses == ()


def test_a_pause_just_before_the_list_is_written_is_noticed(planned: Shop, monkeypatch):
    settle = list_files.settle

    def settle_while_somebody_pauses(*arguments):
        pause(planned)
        return settle(*arguments)

    monkeypatch.setattr(list_files, "settle", settle_while_somebody_pauses)
    with pytest.raises(SendingPaused):
        export(planned)
    assert planned.states() == {("C1", 1): "ready"}


def test_a_list_by_old_data_is_not_extracted_until_a_person_says_so(planned: Shop):
    source = {
        "unique_id": "source.ekiden.raw.orders",
        "schema": "raw",
        "identifier": "orders",
        "loaded_at_field": "loaded_at",
        "freshness": {"error_after": {"count": 2, "period": "day"}},
    }
    path = manifest_path(planned.settings)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"sources": {"orders": source}}), encoding="utf-8")
    with pytest.raises(SendingPaused, match=r"raw\.orders is empty"):
        export(planned)
    assert planned.states() == {("C1", 1): "ready"}
    resume(planned.connection, None, reason="a quiet week", now=planned.now, context=OPERATOR)
    assert export(planned).exported == 1


def test_a_card_that_was_held_and_that_nobody_released_is_noticed_before_it_is_extracted(planned: Shop):
    planned.buyer("C2", "2024-03-01")
    planned.plan()
    # due today, but later than now; a sender would claim nothing of it
    change = "update outreach.schedule_rows set state = %s, due_date = %s, send_at = %s where customer_id = 'C2'"
    by_force(planned, change, "ready", date(2024, 3, 9), planned.local("2024-03-09 12:00"))
    planned.send()
    with pytest.raises(SendingPaused, match="held when it was born, and nobody released it"):
        export(planned)
    assert planned.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    by_force(planned, change, "held", date(2024, 3, 2), None)


def test_a_pause_that_comes_while_the_list_is_written_undoes_it(planned: Shop, monkeypatch):
    write = list_files.write

    def write_while_somebody_pauses(*arguments):
        with connect(planned.settings, autocommit=True) as another:
            pause(planned, another)
        return write(*arguments)

    monkeypatch.setattr(list_files, "write", write_while_somebody_pauses)
    with pytest.raises(ExportRefused, match="follow_up was paused"):
        export(planned)
    assert planned.states() == {("C1", 1): "ready"}
    assert planned.execute("select outcome from outreach.runs where kind = 'export'") == [("failed",)]


# --- the file


def test_parquet_holds_what_csv_holds(shop: Shop):
    shop.scenario(steps=[CARD, CARD | {"offset_days": 1}])
    shop.buyer("C1", postal_code="001-0001", address="札幌市", phone="+81 90 1234 5678")
    shop.buyer("C2", family_name=None)
    shop.plan()
    report = export(shop)
    table = pq.read_table(again(shop, report.run_id, options=PARQUET).file)
    as_text = [
        {name: "" if value is None else str(value) for name, value in line.items()} for line in table.to_pylist()
    ]
    verbatim = again(shop, report.run_id, options=FileOptions(verbatim=True))
    assert as_text == lines_of(verbatim.file)
    assert table["due_date"].to_pylist() == [date(2024, 3, 9)] * 2
    assert [line["postal_code"] for line in as_text] == ["001-0001", ""]


def test_a_cell_that_begins_like_a_formula_is_made_harmless(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer(
        "C1", family_name='=HYPERLINK("http://evil.example")', address="＝１", phone="+81 90", postal_code="0010001"
    )
    shop.plan()
    report = export(shop)
    (line,) = lines_of(report.file)
    assert line["family_name"] == '\'=HYPERLINK("http://evil.example")'
    assert (line["address"], line["phone"], line["postal_code"]) == ("'＝１", "'+81 90", "0010001")
    assert report.neutralised == 3


def test_excel_is_told_of_utf_8_by_a_byte_order_mark(planned: Shop):
    report = export(planned, options=FileOptions(byte_order_mark=True))
    assert report.file.read_bytes().startswith(b"\xef\xbb\xbfscenario_code,")
    assert lines_of(report.file, "utf-8-sig")[0]["family_name"] == "駅田"


def test_the_ledger_knows_the_file(planned: Shop):
    report = export(planned)
    (known,) = exported_files(planned.connection, limit=10)
    assert (known.file_name, known.row_count, known.sha256, known.actor, known.is_copy) == (
        report.file.name,
        1,
        report.sha256,
        OPERATOR.actor,
        False,
    )
    with pytest.raises(errors.CheckViolation):
        planned.execute("delete from outreach.exported_files")


def test_a_list_of_several_pages_is_whole(shop: Shop, monkeypatch):
    monkeypatch.setattr("ekiden.schedule.export.ROWS_PER_PAGE", max(7, MANY // 20))
    monkeypatch.setattr(list_files, "ROWS_PER_BLOCK", max(4, MANY // 10))
    shop.scenario(steps=[CARD, CARD | {"offset_days": 3}])
    shop.execute(
        "insert into raw.customers (customer_id, registered_at)"
        " select 'C' || n, '2023-01-01' from generate_series(1, %s) as n",
        MANY,
    )
    for table in ("follow_up", "follow_up_live"):
        name = sql.Identifier("eligibility", table)
        shop.connection.execute(sql.SQL(EVERY_TENTH_IS_STOPPED).format(name), (MANY,))
    shop.execute("update eligibility.follow_up set stop_during = '{}'")  # the stops are this morning's
    shop.plan()
    started = time.monotonic()
    report = export(shop)
    print(f"{report.exported} rows in {time.monotonic() - started:.1f} s")
    assert (report.exported, report.cancelled) == (MANY - MANY // 10, MANY // 10)
    listed = [line["customer_id"] for line in lines_of(report.file)]
    sent = shop.execute("select customer_id from outreach.messages")
    assert sorted(listed) == sorted(customer for (customer,) in sent)
    assert shop.execute("select count(*) from outreach.schedule_rows where step_no = 2") == [(report.exported,)]


# --- again


def test_a_list_written_again_is_the_same_and_marks_nothing(planned: Shop):
    first = export(planned)
    transitions = planned.execute("select count(*) from outreach.transitions")
    planned.at("2024-03-10 09:00")
    second = again(planned, first.run_id)
    assert second.file.read_bytes() == first.file.read_bytes()
    assert second.same_as_before
    assert second.file != first.file
    assert planned.execute("select count(*) from outreach.transitions") == transitions
    third = again(planned, second.run_id)  # a copy of a copy is a copy of the list
    assert [file.list_run_id for file in exported_files(planned.connection, limit=10)] == [first.run_id] * 3
    assert third.exported == 1


def test_a_list_written_again_says_if_the_customers_have_changed(planned: Shop):
    first = export(planned)
    planned.change_customer("C1", address="引越し先")
    second = again(planned, first.run_id)
    assert (second.same_as_before, lines_of(second.file)[0]["address"]) == (False, "引越し先")


def test_a_run_that_exported_nothing_has_no_list(planned: Shop):
    export(planned)
    for run_id in (export(planned).run_id, uuid4()):
        with pytest.raises(ExportRefused, match="exported no list"):
            again(planned, run_id)


# --- crashes and company


def test_a_file_that_cannot_be_written_leaves_the_rows_as_they_were(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.settings.home.mkdir(parents=True)
    shop.settings.exports.write_text("a file where the folder should be")
    with pytest.raises(OSError):
        export(shop)
    assert shop.row().state == "ready"
    assert shop.execute("select count(*) from outreach.messages") == [(0,)]


def test_a_file_that_broke_off_is_not_left_behind(planned: Shop, monkeypatch):
    def full_disk(*_arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(list_files, "_write_csv", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export(planned)
    assert names_in(planned) == []
    assert planned.row().state == "ready"


def test_killed_between_file_and_commit_nobody_is_lost_and_the_file_is_set_aside(planned: Shop):
    # what records the file waits for this lock: by then the file is on disk, and nothing is committed
    with connect(planned.settings) as another:
        another.execute("lock table outreach.exported_files in access exclusive mode")
        process = export_in_a_process(planned)
        try:
            wait_until(lambda: waits_for_the_lock(planned))
            (unfinished,) = names_in(planned)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert unfinished.endswith(".csv.unfinished")
    report = export(planned)
    name = unfinished.removesuffix(".unfinished")
    assert report.settled.void == (name,)
    assert names_in(planned) == sorted([f"{name}.void", report.file.name])
    assert [line["customer_id"] for line in lines_of(report.file)] == ["C1"]
    assert planned.states() == {("C1", 1): "sent", ("C1", 2): "ready"}


def test_ended_between_commit_and_name_the_file_gets_its_name_with_the_next_export(planned: Shop, monkeypatch):
    def lose_power(_written):
        raise KeyboardInterrupt

    monkeypatch.setattr(list_files, "finish", lose_power)
    with pytest.raises(KeyboardInterrupt):
        export(planned)
    (unfinished,) = names_in(planned)
    monkeypatch.undo()
    report = export(planned)
    assert report.exported == 0
    assert report.settled.finished == (unfinished.removesuffix(".unfinished"),)
    assert names_in(planned) == [unfinished.removesuffix(".unfinished")]


def test_a_file_whose_marks_a_restored_backup_does_not_have_is_set_aside(planned: Shop):
    planned.settings.exports.mkdir(parents=True)
    lost = planned.settings.exports / f"20240308T210000Z-{uuid4()}.csv"
    for name in (lost.name, "mine.csv", f"{lost.name}.txt"):
        (planned.settings.exports / name).touch()
    assert export(planned).settled.void == (lost.name,)
    assert {"mine.csv", f"{lost.name}.txt", f"{lost.name}.void"} < set(names_in(planned))


def test_of_two_exports_at_once_one_has_everybody(shop: Shop):
    shop.scenario(steps=[CARD])
    for number in range(20):
        shop.buyer(f"C{number}")
    shop.plan()

    def export_beside(_):
        with connect(shop.settings, autocommit=True) as another:
            return export_due(another, now=shop.now, settings=shop.settings, context=OPERATOR)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(export_beside, range(4)))
    assert sorted(report.exported for report in reports) == [0, 0, 0, 20]
    assert [report.settled.void for report in reports] == [()] * 4
    assert len(names_in(shop)) == 1


def test_a_row_that_somebody_is_changing_waits_for_the_next_list(planned: Shop):
    with connect(planned.settings) as another:
        another.execute("select from outreach.schedule_rows for update")
        assert export(planned).exported == 0
        another.rollback()
    assert export(planned).exported == 1


def test_a_next_step_past_its_date_is_held(planned: Shop):
    planned.now += timedelta(days=30)
    export(planned)
    assert planned.states() == {("C1", 1): "sent", ("C1", 2): "held"}


def by_force(shop: Shop, statement: str, *values: object) -> None:
    """Change the ledger as nobody can by its own means: its triggers would refuse it."""
    with shop.connection.transaction():
        shop.execute("set local session_replication_role = replica")
        shop.execute(statement, *values)


def pause(shop: Shop, connection=None) -> None:
    (connection or shop.connection).execute(
        "insert into outreach.sending_pauses (cause, reason, paused_by, paused_at) values ('operator', 'x', 'y', now())"
    )


def suppress(shop: Shop, *, customer_id: str | None = None, address: str | None = None) -> None:
    shop.execute(
        "insert into outreach.suppression_list (customer_id, address, reason, source, suppressed_at)"
        " values (%s, %s, 'do_not_deliver', 'test', now())",
        customer_id,
        address,
    )


def export_in_a_process(shop: Shop) -> subprocess.Popen:
    environment = {
        **os.environ,
        "EKIDEN_HOME": str(shop.settings.home),
        "EKIDEN_DATABASE_URL": shop.settings.database_url.get_secret_value(),
    }
    code = (
        "from datetime import datetime\n"
        "from ekiden.database.connection import connect\n"
        "from ekiden.schedule.export import export_due\n"
        "from ekiden.schedule.runs import RunContext\n"
        "from ekiden.settings import Settings\n"
        "settings = Settings()\n"
        "with connect(settings, autocommit=True) as connection:\n"
        f"    now = datetime.fromisoformat('{shop.now.isoformat()}')\n"
        "    export_due(connection, now=now, settings=settings, context=RunContext('somebody'))\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment)


def waits_for_the_lock(shop: Shop) -> bool:
    waiting = "select count(*) from pg_locks where relation = 'outreach.exported_files'::regclass and not granted"
    return shop.execute(waiting) == [(1,)]


def wait_until(happened, patience: float = 30) -> None:
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
