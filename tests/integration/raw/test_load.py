"""What a folder that is as the contract asks becomes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from ekiden.raw.load import LoadProgress, LoadReport, load
from tests.integration.raw.conftest import TOKYO, write_csv

Load = Callable[[], LoadReport]

SAMPLE_SHOP = Path(__file__).resolve().parents[3] / "docs" / "sample_shop"


def changes(report: LoadReport) -> dict[str, tuple[int, int, int]]:
    return {table.table: (table.inserted, table.updated, table.unchanged) for table in report.tables}


def test_the_documented_sample_shop_loads(connection: psycopg.Connection) -> None:
    report = load(connection, SAMPLE_SHOP, TOKYO)
    assert report.rows_read == sum(inserted for inserted, _, _ in changes(report).values()) == 44
    assert connection.execute(
        "select family_name, address, custom_fields ->> '好きな色', newsletter_status"
        " from raw.customers where customer_id in ('C001', 'C003') order by customer_id"
    ).fetchall() == [
        ("佐藤", "東京都千代田区見本町1-1", "青", "both"),
        ("髙橋", "大阪府大阪市北区見本3-4\n見本ビル5階", None, "mobile"),
    ]
    assert connection.execute("select status from raw.orders where order_id = '1005'").fetchone() == ("new",)


def test_loading_the_same_folder_again_changes_nothing(connection: psycopg.Connection, load_shop: Load) -> None:
    load_shop()
    before = connection.execute("select customer_id, xmin::text, loaded_at from raw.customers order by 1").fetchall()
    connection.commit()
    report = load_shop()
    assert changes(report) == {
        "customers": (0, 0, 2),
        "products": (0, 0, 2),
        "orders": (0, 0, 1),
        "order_lines": (0, 0, 1),
    }
    after = connection.execute("select customer_id, xmin::text, loaded_at from raw.customers order by 1").fetchall()
    assert after == before


def test_a_changed_row_is_updated_and_says_when(connection: psycopg.Connection, shop: Path, load_shop: Load) -> None:
    load_shop()
    connection.commit()
    write_csv(shop, "products", [["product_id", "product_name"], ["p1", "Green tea"], ["p3", "Pot"]])
    assert changes(load_shop())["products"] == (1, 1, 0)
    rows = connection.execute(
        "select product_id, product_name, loaded_at = max(loaded_at) over () from raw.products order by product_id"
    ).fetchall()
    assert rows == [("p1", "Green tea", True), ("p2", "Cup", False), ("p3", "Pot", True)]


def test_a_column_left_out_keeps_its_value_and_an_empty_one_loses_it(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    header = ["product_id", "product_name", "price", "url"]
    write_csv(shop, "products", [header, ["p1", "Tea", "10.50", "https://shop.example/p1"]])
    load_shop()
    write_csv(shop, "products", [["url", "product_id", "product_name"], ["", "p1", "Tea"]])
    load_shop()
    assert connection.execute("select price, url from raw.products").fetchall() == [(Decimal("10.50"), None)]


def test_empty_values_become_null_or_the_default_however_they_are_quoted(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    (shop / "customers.csv").write_text(
        'customer_id,registered_at,email,birth_date,newsletter_status\nc1,2026-01-01,"","",""\nc2,2026-01-01,,,none\n',
        encoding="utf-8",
    )
    load_shop()
    assert connection.execute(
        "select email, birth_date, newsletter_status from raw.customers order by customer_id"
    ).fetchall() == [(None, None, "both"), (None, None, "none")]


def test_a_file_of_another_program_loads(connection: psycopg.Connection, shop: Path, load_shop: Load) -> None:
    # a spreadsheet's: byte order mark, CRLF, columns in its own order, an empty last line
    (shop / "products.csv").write_bytes('\ufeffproduct_name,product_id\r\n"湯呑み, ""大""\r\n二個",p1\r\n\r\n'.encode())
    load_shop()
    assert connection.execute("select * from raw.products").fetchall()[0][:2] == (
        "p1",
        '湯呑み, "大"\r\n二個',
    )


def test_a_line_break_of_any_kind_within_a_value_stays(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    # a lone carriage return, as a cell of an old Macintosh has it, in the first row and in another
    (shop / "products.csv").write_bytes(b'product_id,product_name\np1,"Tea\rgreen"\np2,"Cup\r\nblue\n\r"\n')
    load_shop()
    assert connection.execute("select product_name from raw.products order by product_id").fetchall() == [
        ("Tea\rgreen",),
        ("Cup\r\nblue\n\r",),
    ]


def test_times_are_local_unless_they_say_otherwise(connection: psycopg.Connection, shop: Path) -> None:
    written_and_utc = [
        ("2026-02-01 10:00:00", "2026-02-01 15:00:00"),
        ("2026-02-01T10:00", "2026-02-01 15:00:00"),
        ("2026-02-01", "2026-02-01 05:00:00"),
        ("2026-02-01 10:00:00.25+09:00", "2026-02-01 01:00:00.25"),
        ("2026-02-01T10:00:00Z", "2026-02-01 10:00:00"),
        ("2026-02-01 10:00-0330", "2026-02-01 13:30:00"),
        # clocks go forward at 2:00 on 8 March: 2:30 does not exist
        ("2026-03-08 02:30:00", "2026-03-08 07:30:00"),
        # clocks go back at 2:00 on 1 November: 1:30 comes twice, and the second is meant
        ("2026-11-01 01:30:00", "2026-11-01 06:30:00"),
    ]
    rows = [[f"o{number}", "c1", written] for number, (written, _) in enumerate(written_and_utc, 1)]
    write_csv(shop, "orders", [["order_id", "customer_id", "ordered_at"], *rows])
    load(connection, shop, ZoneInfo("America/New_York"))
    found = connection.execute("select ordered_at from raw.orders order by order_id").fetchall()
    assert found == [(datetime.fromisoformat(utc).replace(tzinfo=UTC),) for _, utc in written_and_utc]


def test_parquets_own_types_load(connection: psycopg.Connection, shop: Path, load_shop: Load) -> None:
    (shop / "orders.csv").unlink()
    local = datetime(2026, 2, 1, 10)
    table = pa.table(
        {
            "order_id": pa.array([1, 2], pa.int64()),
            "customer_id": pa.array(["c1", "c2"]).dictionary_encode(),
            "ordered_at": pa.array([local, local], pa.timestamp("ns")),
            "cancelled_at": pa.array([None, local.replace(tzinfo=TOKYO)], pa.timestamp("ms", "Asia/Tokyo")),
            "status": pa.array(["", "cancelled"], pa.large_string()),
            "continuation_no": pa.array([None, 3.0], pa.float64()),
            "shipped_on": pa.array([date(2026, 2, 3), None], pa.date32()),
            "paid_on": pa.array([datetime(2026, 2, 4), None], pa.timestamp("us")),
            "amount": pa.array([Decimal("12.30"), None], pa.decimal128(10, 2)),
        }
    )
    pq.write_table(table, shop / "orders.parquet")
    write_csv(shop, "order_lines", [["order_id", "line_no", "product_id", "quantity"]])
    load_shop()
    ordered_at = local.replace(tzinfo=TOKYO)
    assert connection.execute(
        "select order_id, customer_id, ordered_at, status, cancelled_at, continuation_no, shipped_on, paid_on,"
        " amount from raw.orders order by order_id"
    ).fetchall() == [
        ("1", "c1", ordered_at, "new", None, None, date(2026, 2, 3), date(2026, 2, 4), Decimal("12.30")),
        ("2", "c2", ordered_at, "cancelled", ordered_at, 3, None, None, None),
    ]


def test_a_reference_may_be_to_what_was_loaded_before(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    load_shop()
    write_csv(shop, "customers", [["customer_id", "registered_at"]])
    write_csv(shop, "orders", [["order_id", "customer_id", "ordered_at"], ["o2", "c2", "2026-03-01"]])
    report = load_shop()
    assert changes(report)["orders"] == (1, 0, 0)
    assert connection.execute("select count(*) from raw.orders").fetchone() == (2,)


def test_product_categories_need_no_categories_file(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    write_csv(shop, "product_categories", [["product_id", "category_code"], ["p1", "TEA"]])
    load_shop()
    assert connection.execute("select count(*) from raw.product_categories").fetchone() == (1,)


def test_hidden_and_other_files_are_left_alone(shop: Path, load_shop: Load) -> None:
    (shop / "README.md").write_text("mine")
    (shop / "._orders.csv").write_bytes(b"\x00")
    assert load_shop().rows_read == 6


def test_a_table_that_is_only_there_packed_is_left_alone_and_named(shop: Path, load_shop: Load) -> None:
    for name in ("subscriptions.csv.gz", "orders.csv.gz", "last_year.csv.gz"):
        (shop / name).write_bytes(b"")
    assert load_shop().packed == ("subscriptions.csv.gz",)


def test_a_load_is_part_of_the_callers_transaction_and_may_be_repeated_in_it(
    connection: psycopg.Connection, load_shop: Load
) -> None:
    with connection.transaction(force_rollback=True):
        load_shop()
        assert changes(load_shop())["customers"] == (0, 0, 2)
    assert connection.execute("select count(*) from raw.customers").fetchone() == (0,)


def test_progress_ends_at_the_whole_of_every_file(connection: psycopg.Connection, shop: Path) -> None:
    told: list[LoadProgress] = []
    load(connection, shop, TOKYO, told.append)
    assert {progress.file for progress in told} == {path.name for path in shop.iterdir()}
    assert all(0 <= progress.done <= progress.total for progress in told)
    assert told[-1].done == told[-1].total


def test_rows_changed_since_a_moment_are_found_by_loaded_at(connection: psycopg.Connection, load_shop: Load) -> None:
    load_shop()
    (newest,) = connection.execute("select now() - max(loaded_at) from raw.orders").fetchone() or (None,)
    assert newest is not None and newest < timedelta(minutes=5)
