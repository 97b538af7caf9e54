"""The migrated schema `raw` is the contract, table by table and column by column, and the notes of what changed."""

import psycopg

from ekiden.raw.contract import CONTRACT


def test_the_migrated_tables_are_the_contract(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select table_name, column_name, data_type, is_nullable = 'YES' from information_schema.columns"
        " where table_schema = 'raw' and table_name <> 'customer_changes' and column_name <> 'loaded_at'"
        " order by table_name, ordinal_position"
    ).fetchall()
    contract = [
        (table.name, column.name, column.type.value, not column.required and column.default is None)
        for table in sorted(CONTRACT, key=lambda table: table.name)
        for column in table.columns
    ]
    assert found == contract


def test_the_keys_are_the_contracts(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select conrelid::regclass::text, array_agg(attname::text order by ordinality)"
        " from pg_constraint cross join unnest(conkey) with ordinality as keys (attnum, ordinality)"
        " join pg_attribute on attrelid = conrelid and pg_attribute.attnum = keys.attnum"
        " where contype = 'p' and connamespace = 'raw'::regnamespace group by conrelid"
    ).fetchall()
    assert dict(found) == {f"raw.{table.name}": list(table.key) for table in CONTRACT}


def test_the_defaults_are_the_contracts(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select table_name, column_name, split_part(column_default, '''', 2)"
        " from information_schema.columns"
        " where table_schema = 'raw' and table_name <> 'customer_changes'"
        " and column_default is not null and column_name <> 'loaded_at'"
    ).fetchall()
    assert set(found) == {
        (table.name, column.name, column.default) for table in CONTRACT for column in table.columns if column.default
    }


def test_every_row_knows_when_it_last_changed(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'raw'"
        " and column_name = 'loaded_at' and is_nullable = 'NO' and column_default = 'now()'"
    ).fetchall()
    assert {name for (name,) in found} == {table.name for table in CONTRACT}
