"""What is said of a folder that is not as the contract asks; each test also proves that nothing was loaded."""

import gzip
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ekiden.raw.faults import SHOWN_PER_FILE
from ekiden.raw.load import LoadProgress, LoadRefused, Stage, load
from tests.integration.raw.conftest import SHOP, TOKYO, write_csv

Faults = Callable[[], list[str]]

BAD_VALUES: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("customers", "registered_at"): [
        ("", "is empty and required"),
        ("now", "is not a time"),
        ("2026-02-30 10:00", "is not a time"),
        ("01/02/2026 10:00", "is not a time"),
        ("2026-02-01 1030+09", "is not a time"),
        ("2026-02-01 10:00 PM", "is not a time"),
        ("2026-02-01 10:00 Asia/Tokyo", "is not a time"),
        # what systems write for no time at all
        ("0001-01-01 00:00:00", "is not in the years 1000 to 8999; where there is no such day, leave it empty"),
        ("9999-12-31T23:59:59Z", "is not in the years 1000 to 8999"),
    ],
    ("customers", "birth_date"): [
        ("infinity", "is not a date"),
        ("epoch", "is not a date"),
        ("today", "is not a date"),
        ("84-03-21", "is not a date"),
        ("1984/03/21", "is not a date"),
        ("19840321", "is not a date"),
        ("2023-02-29", "is not a date"),
        ("2024--1-05", "is not a date"),
        ("2024-01-1-", "is not a date"),
        ("1984-03-21 10:00:00", "is not a date"),
        ("１９８４-03-21", "is not a date"),
        ("9999-12-31", "is not in the years 1000 to 8999"),
    ],
    ("customers", "newsletter_status"): [
        ("Both", "is not allowed; write both, pc, mobile, none or nothing"),
    ],
    ("customers", "custom_fields"): [
        ("{colour: red}", "is not JSON"),
        ('{"a": "\\u0000"}', "is not JSON"),
        ("[1]", "is JSON but no object"),
        ("[" * 20_000 + "]" * 20_000, "has more than 5000 objects or lists"),
    ],
    ("products", "price"): [
        ("-1", "is too small; it must be >= 0"),
        ("1,080", "is not a number"),
        ("NaN", "is not a number"),
        # two of them would have more digits in their sum than any number may
        ("5e131071", "is too large; it must be less than 1,000,000,000,000,000"),
        ("Infinity", "is not a number"),
        ("¥1080", "is not a number"),
        ("0x10", "is not a number"),
        ("1_000", "is not a number"),
        (" 1", "is not a number"),
        ("1e999999999", "is not a number"),
    ],
    ("products", "product_id"): [
        ("x" * 1001, "is longer than 1000 bytes"),
    ],
    ("orders", "continuation_no"): [
        ("0", "is too small; it must be >= 1"),
        ("1.5", "is not a whole number"),
        ("2147483648", "is not a whole number"),
    ],
    ("orders", "customer_id"): [
        ("c9", "is not in customers"),
    ],
    ("order_lines", "product_id"): [
        ("p9", "is not in products"),
    ],
    ("order_lines", "quantity"): [
        ("0", "is too small; it must be > 0"),
    ],
}


def spoil(shop: Path, table: str, column: str, *values: str) -> None:
    """Write the table with one row for each value, the first on line 2; all else in a row is right."""
    header, row = SHOP[table][:2]
    wide = [*header, *([] if column in header else [column])]
    rows = []
    for number, value in enumerate(values):
        right = [*row, *[""] * (len(wide) - len(header))]
        right[1 if table == "order_lines" else 0] = str(number) if table == "order_lines" else f"x{number}"
        right[wide.index(column)] = value
        rows.append(right)
    write_csv(shop, table, [wide, *rows])


@pytest.mark.parametrize(("table", "column"), BAD_VALUES)
def test_a_bad_value_is_named_with_its_place(shop: Path, faults_of: Faults, table: str, column: str) -> None:
    values = [value for value, _ in BAD_VALUES[table, column]]
    spoil(shop, table, column, *values)
    said = [fault for fault in faults_of() if fault.startswith(f"{table}.csv")]
    assert len(said) == len(values)
    for line, (fault, (value, reason)) in enumerate(zip(said, BAD_VALUES[table, column], strict=True), 2):
        assert fault.startswith(f"{table}.csv, line {line}, column {column}: ")
        assert reason in fault
        assert value[:50] in fault or "\\" in value
        assert len(fault) < 250


def test_a_former_newsletter_status_is_one_of_those_of_customers_and_a_rank_any_word(
    shop: Path, faults_of: Faults
) -> None:
    header = ["customer_id", "field", "changed_at", "value"]
    told = [("member_rank", "BOTH"), ("newsletter_status", "BOTH"), ("newsletter_status", "pc"), ("status", "BOTH")]
    rows = [["c1", field, f"2026-02-0{day}", value] for day, (field, value) in enumerate(told, 1)]
    write_csv(shop, "customer_history", [header, *rows])
    assert faults_of() == [
        "customer_history.csv, line 3, column value: 'BOTH' is not allowed where field is newsletter_status; write"
        " both, pc, mobile, none or nothing",
        "customer_history.csv, line 5, column field: 'status' is not allowed; write newsletter_status, member_rank"
        " or nothing",
    ]


def test_every_fault_of_every_file_is_told_at_once(shop: Path, faults_of: Faults) -> None:
    spoil(shop, "customers", "birth_date", "soon")
    spoil(shop, "products", "price", "free")
    spoil(shop, "orders", "customer_id", "c9")
    assert {fault.split(":")[0] for fault in faults_of()} >= {
        "customers.csv, line 2, column birth_date",
        "orders.csv, line 2, column customer_id",
        "products.csv, line 2, column price",
    }


def test_a_missing_required_file_is_named_and_no_reference_to_it_is_blamed(shop: Path, faults_of: Faults) -> None:
    (shop / "customers.csv").unlink()
    said = faults_of()
    assert len(said) == 1
    assert said[0].startswith("customers.csv: is missing and required; give customers.csv or customers.parquet")


def test_a_file_that_is_gone_by_the_time_it_is_read_is_named(shop: Path, connection: psycopg.Connection) -> None:
    def unloading(progress: LoadProgress) -> None:
        (shop / "orders.csv").unlink(missing_ok=True)

    with pytest.raises(LoadRefused, match=r"orders\.csv: cannot be read: No such file"):
        load(connection, shop, TOKYO, progress=unloading)


def test_an_unknown_file_is_refused_with_the_known_names(shop: Path, faults_of: Faults) -> None:
    write_csv(shop, "custmers", [["customer_id"]])
    (said,) = faults_of()
    assert said.startswith("custmers.csv: is not a raw table (did you mean customers.csv?); the tables are customers,")


def test_a_table_given_twice_is_refused(shop: Path, faults_of: Faults) -> None:
    pq.write_table(pa.table({"product_id": ["p1"], "product_name": ["Tea"]}), shop / "products.parquet")
    (said,) = faults_of()
    assert said == "products.csv: is there twice, products.parquet being the other; leave one"


def test_a_folder_that_is_none_is_refused(connection: psycopg.Connection, tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="is not a folder"):
        load(connection, tmp_path / "nowhere", TOKYO)


def test_unknown_repeated_and_missing_columns_are_refused(shop: Path, faults_of: Faults) -> None:
    write_csv(shop, "products", [["product_id", "product_nam", "url", "url"], ["p1", "Tea", "", ""]])
    unknown, missing, repeated = sorted(faults_of())
    assert unknown.startswith("products.csv, line 1, column product_nam: is not a column (did you mean product_name?)")
    assert missing == "products.csv, line 1, column product_name: is missing and required"
    assert repeated == "products.csv, line 1, column url: is named 2 times; name it once"


def test_a_line_is_the_physical_one_where_its_row_starts(shop: Path, faults_of: Faults) -> None:
    (shop / "products.csv").write_text(
        'product_id,product_name,price\np1,"two\nlines",1\n\np2,"three\n\nlines",free\np3,Pot,dear\n',
        encoding="utf-8",
    )
    assert [fault.split(":")[0] for fault in faults_of()] == [
        "products.csv, line 5, column price",
        "products.csv, line 8, column price",
    ]


def test_a_row_with_too_few_or_too_many_fields_is_named(shop: Path, faults_of: Faults) -> None:
    (shop / "products.csv").write_text("product_id,product_name\np1\np2,Cup,blue\n", encoding="utf-8")
    assert faults_of() == [
        "products.csv, line 2: has 1 fields where the header has 2",
        "products.csv, line 3: has 3 fields where the header has 2",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: has no header; the first line names the columns"),
        (b"product_id,product_name\np1,a\0b\n", "line 2: holds a NUL byte, which PostgreSQL cannot store"),
        (b'product_id,product_name\np1,"open\np2,Cup\n', "line 2: is not CSV: unexpected end of data"),
        (b'product_id,product_name\np1,"a"b\n', "line 2: is not CSV: "),
        (b"product_id,product_name\rp1,Tea\r", "line 1: has a carriage return alone outside of quotes; lines end "),
        (b"product_id,product_name\np1,Tea\rp2,Cup\r", "line 2: has a carriage return alone outside of quotes; "),
        (b'"product_id"product_name\n', "line 1: the header is not CSV: "),
        ("product_id,product_name\np1,緑茶\n".encode("cp932"), "line 2: is not UTF-8 (byte 4 of the line)"),
        (b"product_id;product_name\np1;Tea\n", "line 1: has no comma but `;` in its header; fields are separated by "),
        (b"product_id\tproduct_name\np1\tTea\n", "line 1: has no comma but a tab in its header; fields are "),
    ],
)
def test_a_file_that_is_no_csv_is_told_by_line(shop: Path, faults_of: Faults, content: bytes, said: str) -> None:
    (shop / "products.csv").write_bytes(content)
    assert faults_of()[0].startswith(f"products.csv, {said}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("product_id,product_name\np1,Tea\n".encode("utf-16"), "is UTF-16; save it as CSV UTF-8, or make it that by"),
        (gzip.compress(b"product_id,product_name\np1,Tea\n", mtime=0), "is packed by gzip; unpack it"),
        (b"PK\x03\x04\x14\x00", "is a zip file, as Excel's workbooks are; unpack it, or save the sheet as CSV UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_told_once(shop: Path, faults_of: Faults, content: bytes, said: str) -> None:
    (shop / "products.csv").write_bytes(content)
    (fault,) = faults_of()
    assert fault.startswith(f"products.csv: {said}")


def test_a_column_without_a_name_is_told_by_its_place(shop: Path, faults_of: Faults) -> None:
    (shop / "products.csv").write_text(",product_id,product_name,\n0,p1,Tea,\n", encoding="utf-8")
    first, last = faults_of()
    assert first.startswith("products.csv, line 1: column 1 has no name; leave it out, or name it: products has ")
    assert last.startswith("products.csv, line 1: column 4 has no name; ")


def test_a_key_that_comes_twice_names_both_lines(shop: Path, faults_of: Faults) -> None:
    header, row = SHOP["order_lines"]
    write_csv(shop, "order_lines", [header, row, [row[0], "01", "p2", "1"]])
    assert faults_of() == [
        "order_lines.csv, line 3, column order_id, line_no: 'o1, 1' is the key of line 2 already; a key may come once"
    ]


def test_a_parent_category_must_exist(shop: Path, faults_of: Faults) -> None:
    header = ["category_code", "category_name", "parent_code"]
    write_csv(shop, "categories", [header, ["A", "Tea", ""], ["B", "Green tea", "C"]])
    write_csv(shop, "product_categories", [["product_id", "category_code"], ["p1", "D"]])
    assert [fault.split(" is ")[0] for fault in faults_of()] == [
        "categories.csv, line 3, column parent_code: 'C'",
        "product_categories.csv, line 2, column category_code: 'D'",
    ]


def test_many_faults_are_counted_and_the_first_are_shown(connection: psycopg.Connection, shop: Path) -> None:
    write_csv(shop, "products", [["product_id", "product_name"], *[[f"q{n}", ""] for n in range(1000)]])
    with pytest.raises(LoadRefused) as refused:
        load(connection, shop, TOKYO)
    assert refused.value.totals == {"products.csv": 1000, "order_lines.csv": 1}
    assert len(refused.value.faults) == SHOWN_PER_FILE + 1
    assert str(refused.value).startswith("1001 faults in 2 files; nothing was loaded\n")
    assert str(refused.value).endswith("... and 900 more")


def test_a_fault_in_parquet_names_its_row(shop: Path, faults_of: Faults) -> None:
    (shop / "products.csv").unlink()
    products = pa.table({"product_id": ["p1", "p2"], "product_name": ["Tea", "Cup"], "price": [1.0, -2.0]})
    pq.write_table(products, shop / "products.parquet")
    assert faults_of() == ["products.parquet, row 2, column price: '-2' is too small; it must be >= 0"]


@pytest.mark.parametrize(
    ("identifiers", "said"),
    [
        (pa.array(["p1", "p\0"]), "row 2, column product_id: holds a NUL byte"),
        (
            pa.array([b"p1", b"\xff"]).view(pa.string()),
            "row 2, column product_id: is not UTF-8",
        ),
        (pa.array([1.0, 2.0]), "column product_id: is of type double"),
        (pa.array([["p1"], ["p2"]]), "column product_id: is of the nested type list"),
    ],
)
def test_what_parquet_can_hold_and_postgresql_cannot_is_named(
    shop: Path, faults_of: Faults, identifiers: pa.Array, said: str
) -> None:
    (shop / "products.csv").unlink()
    products = pa.table({"product_id": identifiers, "product_name": ["Tea", "Cup"]})
    pq.write_table(products, shop / "products.parquet")
    assert faults_of()[0].startswith(f"products.parquet, {said}")


def test_a_broken_parquet_file_is_named(shop: Path, faults_of: Faults) -> None:
    (shop / "products.csv").unlink()
    (shop / "products.parquet").write_bytes(b"PAR1 no more")
    (said,) = faults_of()
    assert said.startswith("products.parquet: is not a readable Parquet file: ")


def test_a_file_that_is_changed_while_it_is_read_is_refused(connection: psycopg.Connection, shop: Path) -> None:
    # as it stands the last customer takes newsletters
    customers = shop / "customers.csv"
    customers.write_text("customer_id,registered_at,newsletter_status\nc1,2026-01-01,both\nc2,2026-01-01,")

    def write_on(progress: LoadProgress) -> None:
        if (progress.file, progress.stage, progress.done) == ("customers.csv", Stage.CHECKING, 0):
            with customers.open("a") as stream:
                stream.write("none\n")

    with pytest.raises(LoadRefused, match=r"customers\.csv: was changed while it was being read"):
        load(connection, shop, TOKYO, write_on)
    assert connection.execute("select count(*) from raw.customers").fetchone() == (0,)
    load(connection, shop, TOKYO)
    assert connection.execute("select newsletter_status from raw.customers order by customer_id").fetchall() == [
        ("both",),
        ("none",),
    ]
