"""Reading the SQL files that lie beside the modules which run them; no statement is kept here."""

from functools import cache
from pathlib import Path

from psycopg import sql


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
