"""Errors that say what is wrong and what to do, and how they are told; a traceback would only hide it.

Belongs here: the words for errors of others, like the database's and the system's. Does not belong here: which of our
own say enough (`ekiden.errors`). Commands import it only when one has failed: none of them needs what this needs.
"""

import codecs
import errno
import re
import sys
from collections.abc import Sequence

import psycopg
import sqlalchemy.exc
from pydantic import ValidationError

from ekiden.errors import SaysEnough
from ekiden.scenarios.source import found_files
from ekiden.settings import HomeSettings, Settings
from ekiden.settings.shop import RAW_SCHEMA
from ekiden.warehouse.dbt import PROJECT_DIR

NOT_ALLOWED = (errno.EACCES, errno.EPERM)
"""What the system says where a file belongs to somebody else: to read it, or to write into its folder."""

NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EBADF)
"""What the system says where a file, or the output, takes no more; it does not say of which, unless it is opened."""

_OF_A_BUILD = re.compile(r"\b(staging|marts|segments|eligibility|history)\.(\w+)")
"""How PostgreSQL names, in whatever language, what dbt makes."""

HOW = {"time_delta_parsing": "; write it like PT6H, PT30M or P2D", "time_parsing": "; write it like 06:00"}
"""How a setting is written, where pydantic's own words do not say it, by its type of error."""


def told(error: Exception) -> Sequence[object]:
    """Return what to tell the person at the terminal, one complaint each; nothing for an error of our own making."""
    match error:
        case psycopg.Error():
            return _said_by_the_database(error)
        case sqlalchemy.exc.OperationalError():
            # by which Dagster's storage and the migrations ask
            return [f"the database did not answer to the end: {error.orig}"]
        case UnicodeEncodeError():
            return _unencodable(error)
        case OSError() if error.errno in (*NOT_WRITTEN, *NOT_ALLOWED):
            done = "used" if error.errno in NOT_ALLOWED else "written"
            return [f"{error.filename or 'the output or a file'} could not be {done}: {error.strerror}"]
        case ValidationError() if error.title in (Settings.__name__, HomeSettings.__name__):
            # where a setting has several values, the first part is its name
            names = [(str(fault["loc"][0]), fault["msg"] + HOW.get(fault["type"], "")) for fault in error.errors()]
            return [f"the setting {name} (EKIDEN_{name.upper()}): {message}" for name, message in names]
        case _:
            return [error] if isinstance(error, SaysEnough) else []


def _said_by_the_database(error: psycopg.Error) -> Sequence[str]:
    match error:
        case (
            psycopg.OperationalError()
            | psycopg.errors.IdleInTransactionSessionTimeout()
            | psycopg.errors.TransactionTimeout()
        ):
            return [f"the database did not answer to the end: {error}"]
        case psycopg.errors.InsufficientPrivilege() | psycopg.errors.ReadOnlySqlTransaction():
            return [f"the user of EKIDEN_DATABASE_URL may not do this: {error.diag.message_primary}"]
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() if _is_a_models(error):
            return [
                f"{error.diag.message_primary}: no build has made it, or it was dropped since, perhaps with a view that"
                " it reads; run `ekiden build`"
            ]
        case psycopg.errors.UndefinedTable() if _is_the_shops(error):
            return [
                f"{error.diag.message_primary}: the schema of EKIDEN_RAW_SCHEMA needs a view for every table of the raw"
                " contract, docs/your-own-tables.md; make it and run the command again"
            ]
        case _:
            return []


def _is_the_shops(error: psycopg.Error) -> bool:
    """Return whether what is missing would stand in a schema of the shop's own, of which Ekiden makes nothing."""
    schema = Settings().raw_schema
    return schema != RAW_SCHEMA and f'"{schema}.' in (error.diag.message_primary or "")


def _is_a_models(error: psycopg.Error) -> bool:
    """Return whether a model makes what is missing; any other name is a mistake of ours, and wants its traceback."""
    missing = _OF_A_BUILD.search(error.diag.message_primary or "")
    if not missing:
        return False
    schema, name = missing.groups()
    # a model's functions have its name before two underscores
    return any(
        f"{name}__".startswith(f"{file.stem}__") for file in found_files(PROJECT_DIR / "models" / schema, (".sql",))
    )


def _unencodable(error: UnicodeEncodeError) -> Sequence[str]:
    if error.encoding == "utf-8":
        # bytes of the command line that are no text, a name in Shift_JIS for one
        return [f"{error.object!a} is no UTF-8 text"]
    if codecs.lookup(error.encoding) == codecs.lookup(sys.stdout.encoding):
        missing = f"U+{ord(error.object[error.start]):04X}"
        return [f"the output is to be {error.encoding}, which has no {missing}: set PYTHONIOENCODING=utf-8"]
    return []
