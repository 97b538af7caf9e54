"""The contract agrees with itself and with its page. What needs the database is in tests/integration/raw."""

from ekiden.raw.contract import CONTRACT, raw_table
from ekiden.raw.document import PAGE, contract_document


def test_a_table_comes_after_the_tables_it_refers_to() -> None:
    seen = set()
    for table in CONTRACT:
        seen.add(table.name)
        assert {column.reference.table for column in table.columns if column.reference} <= seen


def test_every_key_is_required() -> None:
    for table in CONTRACT:
        assert all(table.column(name).required for name in table.key)


def test_a_reference_points_at_a_key_of_one_column() -> None:
    for table in CONTRACT:
        for column in table.columns:
            if column.reference:
                assert len(raw_table(column.reference.table).key) == 1


def test_the_contracts_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == contract_document(), "run python -m ekiden.raw.document"
