"""What is wrong with staged rows, found in sets by PostgreSQL, and the values the right ones become.

Belongs here: types, allowed values, keys and references. Does not belong here: reading files (`csv_source`,
`parquet_source`) and writing to `raw` (`upsert`).

Every staged value is text. `pg_input_is_valid` (PostgreSQL 16) tells whether a cast would work without
aborting on the first that would not; the patterns keep out what PostgreSQL takes and the contract does not:
`now`, `infinity`, `NaN`, `1/2/24`, `1_000`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql

from ekiden.database.statements import statement
from ekiden.raw.contract import raw_table
from ekiden.raw.faults import SHOWN_PER_FILE, Fault, FaultList
from ekiden.raw.folder import SourceFile
from ekiden.raw.shape import Bound, Column, ColumnType
from ekiden.raw.staging import staged

IDENTIFIER_BYTES = 1_000
"""Bytes of an identifier: a key of two must fit PostgreSQL's limit of 2,704 bytes for an index entry."""

JSON_BRACKETS = 5_000
"""Objects and lists in one value: 6,000 nested ones pass PostgreSQL's default stack, 20,000 abort it."""

FIRST_YEAR, LAST_YEAR = 1000, 8999
"""Systems write 0001-01-01 or 9999-12-31 for no date; read as one, it leaves the calendar (years 1 to 9999) as soon as
a zone or some days are added, and an order "cancelled" in 9999 stands no more than any that will be cancelled."""

TOO_LARGE = 10**15
"""Of numbers: more than any shop's amounts in any currency, and no sum of smaller ones leaves PostgreSQL's numbers, as
that of two with 131,072 digits would in every build."""

# Only what is left to exclude once PostgreSQL finds a value valid: a pattern costs by its length; one that
# spells out a time takes longer than all other checks of a row together.
_NOT_A_NUMBER = "[^0-9.eE+-]"
_NOT_AN_INTEGER = "[^0-9+-]"
_NOT_A_DATE = "[^0-9-]|-$"
_MIDNIGHT = "^[ T]00:00:00([.]0+)?$"
_TIME_OF_DAY = "^[ T][0-9]+:[0-9:.]+ ?([Zz]|[+-][0-9:]+)?$"
_DAY: LiteralString = (
    "left({value}, 10) like '____-__-__' and left({value}, 10) not like '%--%'"
    " and left({value}, 10) !~ {not_a_date} and pg_input_is_valid(left({value}, 10), 'date')"
)
_OFFSET = ":[0-9.]+ ?([Zz]|[+-])"


@dataclass(frozen=True)
class Rule:
    """A condition that is true of a bad value, and what to say of it; rules before it are known to hold."""

    broken: sql.Composed
    reason: str


def typed(column: Column, value: sql.Composable, zone: str) -> sql.Composed:
    """Return the SQL of a checked text value as the contract's type; local times are read in `zone`."""
    casts: dict[ColumnType, LiteralString] = {
        ColumnType.TEXT: "{value}",
        ColumnType.INTEGER: "{value}::integer",
        ColumnType.NUMERIC: "{value}::numeric",
        ColumnType.DATE: "left({value}, 10)::date",
        ColumnType.JSON: "{value}::jsonb",
        ColumnType.TIMESTAMP: "case when {value} ~ {offset} then {value}::timestamptz"
        " else {value}::timestamp at time zone {zone} end",
    }
    cast = sql.SQL(casts[column.type]).format(value=value, offset=_OFFSET, zone=zone)
    if column.default is None:
        return cast
    return sql.SQL("coalesce({}, {})").format(cast, column.default)


def check_values(connection: Connection, file: SourceFile, columns: Sequence[Column], faults: FaultList) -> None:
    """Add a fault for every staged value of `columns` that its column does not allow."""
    rules = {column: _rules(column, is_key=column.name in file.table.key) for column in columns}
    broken = _broken(rules)
    counts = connection.execute(
        sql.SQL("select {} from {}").format(
            sql.SQL(", ").join(sql.SQL("count({})").format(case) for case in broken.values()),
            staged(file.table),
        )
    ).fetchone()
    assert counts is not None  # an aggregate gives one row
    for column, count in zip(columns, counts, strict=True):
        if count:
            rows = connection.execute(
                sql.SQL(
                    "select line, {column}, {broken} from {staged}"
                    " where {broken} is not null order by line limit {limit}"
                ).format(
                    column=sql.Identifier(column.name),
                    broken=broken[column],
                    staged=staged(file.table),
                    limit=SHOWN_PER_FILE,
                )
            )
            found = [
                Fault(file.name, rules[column][rule].reason, line, column.name, value) for line, value, rule in rows
            ]
            faults.add_counted(found, file.name, count)


def drop_broken(connection: Connection, file: SourceFile, columns: Sequence[Column]) -> int:
    """Delete the staged rows that `check_values` finds fault with, and return how many they are."""
    broken = _broken({column: _rules(column, is_key=column.name in file.table.key) for column in columns})
    return connection.execute(
        sql.SQL("delete from {} where coalesce({}) is not null").format(
            staged(file.table), sql.SQL(", ").join(broken.values())
        )
    ).rowcount


def check_keys(connection: Connection, file: SourceFile, zone: str, faults: FaultList) -> None:
    """Add a fault for every staged row whose key a row before it has; key values must have been checked."""
    key = [typed(file.table.column(name), sql.Identifier(name), zone) for name in file.table.key]
    keys, staging = sql.SQL(", ").join(key), staged(file.table)
    any_twice = sql.SQL("select from {} group by {} having count(*) > 1 limit 1").format(staging, keys)
    if connection.execute(any_twice).fetchone() is None:
        return
    twice = statement(__file__, "repeated_keys").format(keys=keys, staged=staging, shown_rows=SHOWN_PER_FILE)
    rows = connection.execute(twice).fetchall()
    place = "row" if file.is_parquet else "line"
    names = ", ".join(file.table.key)
    found = [
        Fault(file.name, f"is the key of {place} {first} already; a key may come once", line, names, shown)
        for line, first, shown, _ in rows
    ]
    faults.add_counted(found, file.name, rows[0][3])


def check_reference(connection: Connection, file: SourceFile, column: Column, faults: FaultList) -> None:
    """Add a fault for every staged value of `column` that is no key of the table it refers to."""
    reference = column.reference
    assert reference is not None, f"{file.table.name}.{column.name} refers to nothing"
    target = raw_table(reference.table)
    names = {
        "column": sql.Identifier(column.name),
        "staged": staged(file.table),
        "staged_target": staged(target),
        "target": sql.Identifier("raw", reference.table),
        "limit": sql.Literal(SHOWN_PER_FILE),
    }
    if reference.only_if_any:
        any_row = sql.SQL("select from {staged_target} union all select from {target} limit 1")
        if connection.execute(any_row.format(**names)).fetchone() is None:
            return
    rows = connection.execute(
        sql.SQL(
            "select line, {column}, count(*) over () from {staged} as referring where {unknown}"
            " order by line limit {limit}"
        ).format(**names, unknown=_unknown(column))
    ).fetchall()
    if rows:
        reason = f"is not in {reference.table}, neither in this folder nor loaded before"
        found = [Fault(file.name, reason, line, column.name, value) for line, value, _ in rows]
        faults.add_counted(found, file.name, rows[0][2])


def drop_unreferenced(connection: Connection, file: SourceFile, column: Column) -> int:
    """Delete the staged rows that `check_reference` finds fault with, and return how many they are."""
    return connection.execute(
        sql.SQL("delete from {} as referring where {}").format(staged(file.table), _unknown(column))
    ).rowcount


def _unknown(column: Column) -> sql.Composed:
    """Return the SQL that is true of a staged row, named `referring`, whose value is no key of what it refers to."""
    assert column.reference is not None
    target = raw_table(column.reference.table)
    return sql.SQL(
        "{column} is not null"
        " and not exists (select from {staged_target} as target where target.{key} = referring.{column})"
        " and not exists (select from {target} as target where target.{key} = referring.{column})"
    ).format(
        column=sql.Identifier(column.name),
        staged_target=staged(target),
        target=sql.Identifier("raw", target.name),
        key=sql.Identifier(target.key[0]),
    )


def _broken(rules: Mapping[Column, Sequence[Rule]]) -> dict[Column, sql.Composed]:
    return {column: _first_broken(column, column_rules) for column, column_rules in rules.items()}


def _first_broken(column: Column, rules: Sequence[Rule]) -> sql.Composed:
    """Return the SQL of the number of the first rule a value breaks, null if it breaks none."""
    cases = [sql.SQL("when {} then {}").format(rule.broken, number) for number, rule in enumerate(rules)]
    if not column.required:
        cases.insert(0, sql.SQL("when {} is null then null").format(sql.Identifier(column.name)))
    return sql.SQL("case {} else null::integer end").format(sql.SQL(" ").join(cases))


def _rules(column: Column, *, is_key: bool) -> list[Rule]:
    value = sql.Identifier(column.name)
    rules = []
    if column.required:
        rules.append(Rule(sql.SQL("{} is null").format(value), "is empty and required"))
    rules.extend(_type_rules(column.type, value))
    if column.type is ColumnType.TEXT and (is_key or column.reference):
        too_long = sql.SQL("octet_length({}) > {}").format(value, IDENTIFIER_BYTES)
        rules.append(Rule(too_long, f"is longer than {IDENTIFIER_BYTES} bytes"))
    if column.allowed:
        unknown = sql.SQL("{} <> all ({})").format(value, list(column.allowed))
        rules.append(Rule(unknown, f"is not allowed; write {', '.join(column.allowed)} or nothing"))
    if where := column.allowed_where:
        unknown = sql.SQL("{} = {} and {} <> all ({})").format(
            sql.Identifier(where.column), where.says, value, list(where.words)
        )
        reason = f"is not allowed where {where.column} is {where.says}; write {', '.join(where.words)} or nothing"
        rules.append(Rule(unknown, reason))
    if column.bound:
        rules.append(Rule(_out_of_bound(column.bound, value), f"is too small; it must be {column.bound}"))
    return rules


def _type_rules(column_type: ColumnType, value: sql.Identifier) -> list[Rule]:
    conditions: dict[ColumnType, tuple[LiteralString, str]] = {
        ColumnType.INTEGER: (
            "{value} !~ {not_an_integer} and pg_input_is_valid({value}, 'integer')",
            "is not a whole number; write it like 12, at most 2147483647",
        ),
        ColumnType.NUMERIC: (
            "{value} !~ {not_a_number} and pg_input_is_valid({value}, 'numeric')",
            "is not a number; write it like 1234.56, no separators",
        ),
        ColumnType.DATE: (
            _DAY + " and (length({value}) = 10 or substr({value}, 11) ~ {midnight})",
            "is not a date; write it like 2026-01-31",
        ),
        ColumnType.TIMESTAMP: (
            _DAY + " and (length({value}) = 10 or substr({value}, 11) ~ {time_of_day})"
            " and pg_input_is_valid({value}, 'timestamptz')",
            "is not a time; write it like 2026-01-31 09:30:00 (local) or 2026-01-31T09:30:00+09:00",
        ),
    }
    if column_type in conditions:
        condition, reason = conditions[column_type]
        valid = sql.SQL(condition).format(
            value=value,
            not_an_integer=_NOT_AN_INTEGER,
            not_a_number=_NOT_A_NUMBER,
            not_a_date=_NOT_A_DATE,
            midnight=_MIDNIGHT,
            time_of_day=_TIME_OF_DAY,
        )
        rules = [Rule(sql.SQL("not ({})").format(valid), reason)]
        if column_type in (ColumnType.DATE, ColumnType.TIMESTAMP):
            far = sql.SQL("left({}, 4)::integer not between {} and {}").format(value, FIRST_YEAR, LAST_YEAR)
            years = f"is not in the years {FIRST_YEAR} to {LAST_YEAR}; where there is no such day, leave it empty"
            rules.append(Rule(far, years))
        if column_type is ColumnType.NUMERIC:
            too_large = sql.SQL("abs({}::numeric) >= {}").format(value, TOO_LARGE)
            rules.append(Rule(too_large, f"is too large; it must be less than {TOO_LARGE:,}"))
        return rules
    if column_type is ColumnType.JSON:
        brackets = sql.SQL("length({value}) - length(translate({value}, '[{{', '')) > {most}").format(
            value=value, most=JSON_BRACKETS
        )
        is_json = sql.SQL("pg_input_is_valid({value}, 'jsonb')").format(value=value)
        return [
            Rule(brackets, f"has more than {JSON_BRACKETS} objects or lists"),
            Rule(sql.SQL("not {}").format(is_json), 'is not JSON; write an object like {"colour": "red"}'),
            Rule(
                sql.SQL("jsonb_typeof({}::jsonb) <> 'object'").format(value),
                'is JSON but no object; write one like {"colour": "red"}',
            ),
        ]
    return []


def _out_of_bound(bound: Bound, value: sql.Identifier) -> sql.Composed:
    conditions: dict[Bound, LiteralString] = {
        Bound.ZERO_OR_MORE: "{}::numeric < 0",
        Bound.MORE_THAN_ZERO: "{}::numeric <= 0",
        Bound.ONE_OR_MORE: "{}::numeric < 1",
    }
    return sql.SQL(conditions[bound]).format(value)
