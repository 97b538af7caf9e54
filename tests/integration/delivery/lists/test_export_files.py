"""The file of an exported list: what stands in it, how, and that it can be written again."""

import os
import time
from datetime import date
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from psycopg import errors, sql

from ekiden.delivery.lists import export_files
from ekiden.delivery.lists.export_files import ExportFormat, FileOptions
from ekiden.delivery.lists.exported import ExportRefused, exported_files
from tests.integration.delivery.lists.exporting import CARD, again, export, lines_of
from tests.integration.ledger_fixtures import OPERATOR, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

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


def test_a_formula_behind_a_semicolon_which_parts_cells_in_half_of_europe_is_made_harmless_too(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1", family_name="Taro;=1+1;x", address="Main Street 1; Backyard")
    shop.plan()
    report = export(shop)
    (line,) = lines_of(report.file)
    assert (line["family_name"], line["address"]) == ("Taro;'=1+1;x", "Main Street 1; Backyard")
    assert report.neutralised == 1


def test_excel_is_told_of_utf_8_by_a_byte_order_mark(one_card: Shop):
    report = export(one_card, options=FileOptions(byte_order_mark=True))
    assert report.file.read_bytes().startswith(b"\xef\xbb\xbfscenario_code,")
    assert lines_of(report.file, "utf-8-sig")[0]["family_name"] == "駅田"


def test_nobody_else_on_the_machine_reads_a_list(one_card: Shop):
    assert not one_card.settings.exports.exists()
    before = os.umask(0o022)
    try:
        report = export(one_card)
    finally:
        os.umask(before)
    assert report.file.parent.stat().st_mode & 0o777 == 0o700


def test_the_ledger_knows_the_file(one_card: Shop):
    report = export(one_card)
    (known,) = exported_files(one_card.connection, limit=10)
    assert (known.file_name, known.row_count, known.sha256, known.actor, known.is_copy) == (
        report.file.name,
        1,
        report.sha256,
        OPERATOR.actor,
        False,
    )
    with pytest.raises(errors.CheckViolation):
        one_card.execute("delete from outreach.exported_files")


def test_a_list_of_several_pages_is_whole(shop: Shop, monkeypatch):
    monkeypatch.setattr("ekiden.delivery.lists.export.ROWS_PER_PAGE", max(7, MANY // 20))
    monkeypatch.setattr(export_files, "ROWS_PER_BLOCK", max(4, MANY // 10))
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


def test_a_list_written_again_is_the_same_and_marks_nothing(one_card: Shop):
    first = export(one_card)
    transitions = one_card.execute("select count(*) from outreach.transitions")
    one_card.at("2024-03-10 09:00")
    second = again(one_card, first.run_id)
    assert second.file.read_bytes() == first.file.read_bytes()
    assert second.same_as_before
    assert second.file != first.file
    assert one_card.execute("select count(*) from outreach.transitions") == transitions
    third = again(one_card, second.run_id)  # a copy of a copy is a copy of the list
    assert [file.list_run_id for file in exported_files(one_card.connection, limit=10)] == [first.run_id] * 3
    assert third.exported == 1


def test_a_list_written_again_says_if_the_customers_have_changed(one_card: Shop):
    first = export(one_card)
    one_card.change_customer("C1", address="引越し先")
    second = again(one_card, first.run_id)
    assert (second.same_as_before, lines_of(second.file)[0]["address"]) == (False, "引越し先")


def test_a_run_that_exported_nothing_has_no_list(one_card: Shop):
    export(one_card)
    for run_id in (export(one_card).run_id, uuid4()):
        with pytest.raises(ExportRefused, match="exported no list"):
            again(one_card, run_id)
