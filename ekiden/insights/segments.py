"""Who is in a segment at an instant (R-103f, R-208): as it is built, or as its file says before it is built.

Belongs here: finding the segment and asking it. Does not belong here: compiling (`ekiden.warehouse.questions`), and who
may enter a scenario (`audience`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from psycopg import Connection, errors, sql

from ekiden.database.statements import statement
from ekiden.database.streams import streamed
from ekiden.errors import SaysEnough
from ekiden.insights.moments import Moment
from ekiden.scenarios.source import SEGMENTS

SCHEMA = "segments"
"""Where dbt builds them."""


class UnknownSegment(SaysEnough, LookupError):
    """No segment has this name; the message says which there are."""


class SegmentUnusable(SaysEnough, RuntimeError):
    """A segment's SQL does not run, or does not keep the contract of segments."""


@dataclass(frozen=True)
class AskedSegment:
    """A segment and the query that gives its rows."""

    name: str
    query: sql.Composable
    is_built: bool
    """Whether its built view is asked; else its file, compiled."""
    has_spans: bool
    """Whether it says when somebody is in it; without `valid`, always."""


@dataclass(frozen=True)
class SegmentMember:
    """A customer who is in a segment, since when and until when (None: always was, will be for all that is known)."""

    customer_id: str
    entered_at: datetime | None
    leaves_at: datetime | None


@dataclass(frozen=True)
class SegmentSize:
    """How many customers are in a segment at an instant, and how many ever are or will be."""

    segment: str
    at: datetime
    is_forecast: bool
    is_built: bool
    customers: int
    ever: int
    surplus_rows: int
    """Rows beyond one a customer: a fault of its SQL."""


def asked_segment(
    connection: Connection[Any], name: str, project: Path, compile_: Callable[[str], str], *, edited: bool = False
) -> AskedSegment:
    """Return a segment of the project; its file is compiled by `compile_` if it is not built, or if `edited` asks so.

    Raises `UnknownSegment`, `SegmentUnusable`, and what compiling raises.
    """
    known = sorted(path.stem for path in (project / SEGMENTS).rglob("*.sql"))
    if name not in known:
        meant = get_close_matches(name, known, n=1)
        listed = ", ".join(known) or "none yet, put one under dbt_project/models/segments"
        raise UnknownSegment(f"no segment {name!r}{f', perhaps {meant[0]}' if meant else ''}; known: {listed}")
    is_built = not edited and _is_built(connection, name)
    # compiled text as one fragment: it may hold any character
    query = _built_view(name) if is_built else sql.SQL(compile_(name))
    columns = _columns(connection, name, query)
    if "customer_id" not in columns:
        raise SegmentUnusable(f"the segment {name!r} gives no column customer_id; it gives: {', '.join(columns)}")
    return AskedSegment(name, query, is_built, "valid" in columns)


def size(connection: Connection[Any], segment: AskedSegment, moment: Moment) -> SegmentSize:
    """Return how many customers a segment has at an instant."""
    query = _asking("segment_counts", segment, moment)
    with _read_only(connection, segment.name):
        counted = connection.execute(query).fetchone()
    assert counted is not None
    return SegmentSize(segment.name, moment.at, moment.is_forecast, segment.is_built, *counted)


@contextmanager
def members(
    connection: Connection[Any], segment: AskedSegment, moment: Moment, *, limit: int | None = None
) -> Iterator[Iterator[SegmentMember]]:
    """Yield a segment's customers at an instant as a stream, in the order of their ids."""
    query = _asking("segment_members", segment, moment, most=sql.Literal(limit))
    with streamed(connection, SegmentMember, query, within=_read_only(connection, segment.name)) as found:
        yield found


def _asking(name: str, segment: AskedSegment, moment: Moment, **more: sql.Composable) -> sql.Composed:
    valid = sql.SQL("segment.valid::tstzmultirange" if segment.has_spans else "'{(,)}'::tstzmultirange")
    return statement(__file__, name).format(query=segment.query, valid=valid, at=sql.Literal(moment.at), **more)


def _is_built(connection: Connection[Any], name: str) -> bool:
    found = connection.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text))", (SCHEMA, name)).fetchone()
    return found is not None and found[0] is not None


def _built_view(name: str) -> sql.Composed:
    return sql.SQL("select * from {}").format(sql.Identifier(SCHEMA, name))


def _columns(connection: Connection[Any], name: str, query: sql.Composable) -> list[str]:
    with _read_only(connection, name):
        cursor = connection.execute(sql.SQL("select * from (\n{}\n) as segment limit 0").format(query))
    return [column.name for column in cursor.description or ()]


@contextmanager
def _read_only(connection: Connection[Any], name: str) -> Iterator[None]:
    """Run a segment's SQL, which may be wrong, where it can change nothing."""
    try:
        with connection.transaction():
            connection.execute("set transaction read only")
            yield
    except (
        errors.ProgrammingError,
        errors.DataError,
        errors.InternalError,
        errors.ObjectNotInPrerequisiteState,  # a materialized view that is not filled
    ) as error:
        raise SegmentUnusable(f"the segment {name!r} does not run: {error}") from error
