"""SQL that lies in files beside the modules which run it, and what is put into its places.

Belongs here: reading the files, and fragments that many of them need. Does not belong here: any statement.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

from psycopg import sql


class UnfindableText(ValueError):
    """What is looked for can be nowhere in the database."""


@cache
def statement(module_file: str, name: str) -> sql.SQL:
    """Return the statement in `sql/<name>.sql` beside a module; pass the module's `__file__`.

    Names in braces are places for identifiers and fragments (`.format`); values are `%(name)s` parameters.
    """
    text = (Path(module_file).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    # psycopg asks for literals to keep values out of statements; a file of the package is as literal as that
    return sql.SQL(text)


def qualified(name: str) -> sql.Composed | sql.SQL:
    """Return a relation or function name that dbt has already quoted, as a fragment."""
    return sql.SQL(name)


def columns_of(row: type[Any]) -> sql.Composed:
    """Return the columns that a dataclass has fields for, in their order."""
    return sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(row))


def all_hold(tests: Iterable[tuple[LiteralString, object]]) -> sql.Composed:
    """Return one condition: every test holds that has a value; `{value}` is its place in the test, None is none.

    Values become part of the statement, so execute it without parameters: psycopg would read a `%` in them as one.
    Raises `UnfindableText` for a text with a NUL character.
    """
    given = [(test, value) for test, value in tests if value is not None]
    for test, value in given:
        if isinstance(value, str) and "\0" in value:
            asked = test.format(value=ascii(value))
            raise UnfindableText(f"nothing is found by {asked}: no text of the database holds a NUL character")
    return sql.SQL(" and ").join([sql.SQL("true"), *(sql.SQL(test).format(value=value) for test, value in given)])
