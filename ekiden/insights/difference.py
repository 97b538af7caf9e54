"""Who an edit of a scenario adds and removes: two definitions over today's facts, compiled by the same macros.

Belongs here: comparing what two queries answer. Does not belong here: where definitions come from
(`difference_sources`), and what planning would make of it (enrolments, periods).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.insights.audience import Heads
from ekiden.insights.difference_sources import ComparedScenario
from ekiden.insights.moments import Moment
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR
from ekiden.warehouse.questions import eligibility_queries


@dataclass(frozen=True)
class DifferingAnchor:
    """One anchor that only one of the two definitions lets in."""

    change: str
    customer_id: str
    anchor_kind: str
    anchor_key: str
    anchor_date: date


@dataclass(frozen=True)
class Difference:
    """What an edit changes at an instant.

    A customer counts as added or removed who may enter by one definition and by no anchor under the other; an anchor by
    itself. `newly_stopped` and `no_longer_stopped` count anchors that both definitions have.
    """

    scenario_code: str
    against: str
    at: datetime
    is_forecast: bool
    changed_settings: tuple[str, ...]
    before: Heads
    after: Heads
    added: Heads
    removed: Heads
    newly_stopped: int
    no_longer_stopped: int
    sample: tuple[DifferingAnchor, ...]


def difference(
    connection: Connection[Any],
    settings: Settings,
    *,
    working: ComparedScenario,
    other: ComparedScenario,
    moment: Moment,
    sample: int,
    project: Path = PROJECT_DIR,
    tell: Callable[[str], None] = lambda stage: None,
) -> Difference:
    """Return what changes from `other` to `working` at an instant; of what is added and removed at most `sample` each.

    `tell` hears what is being done, in words: it takes seconds. Raises `BuildFailed` where dbt cannot compile one of
    them.
    """
    tell("dbt compiles both definitions")
    edited, former = eligibility_queries(
        settings, [{"sql": source.sql, "definition": source.definition} for source in (working, other)], project=project
    )
    tell("comparing whom they let in")
    with connection.transaction():
        for name, query in (("edited_anchors", edited), ("former_anchors", former)):
            # as one literal text: what a person wrote into a query may hold any character
            connection.execute(
                statement(__file__, "difference_anchors").format(
                    name=sql.Identifier(name), query=_verbatim(query), at=sql.Literal(moment.at)
                )
            )
        connection.execute("analyze edited_anchors, former_anchors")
        counted = connection.execute(statement(__file__, "difference_counts")).fetchone()
        assert counted is not None
        with connection.cursor(row_factory=class_row(DifferingAnchor)) as cursor:
            shown = cursor.execute(statement(__file__, "difference_sample"), {"sample": sample}).fetchall()
    before, after, added, removed = (Heads(*counted[start : start + 2]) for start in range(0, 8, 2))
    return Difference(
        scenario_code=str(working.definition["code"]),
        against=other.origin,
        at=moment.at,
        is_forecast=moment.is_forecast,
        changed_settings=_changed_settings(working, other),
        before=before,
        after=after,
        added=added,
        removed=removed,
        newly_stopped=counted[8],
        no_longer_stopped=counted[9],
        sample=tuple(shown),
    )


def _changed_settings(working: ComparedScenario, other: ComparedScenario) -> tuple[str, ...]:
    edited, former = _as_compiled(working), _as_compiled(other)
    changed = [name for name in dict.fromkeys([*edited, *former]) if edited.get(name) != former.get(name)]
    return (*changed, *(["SQL"] if working.sql != other.sql else []))


def _as_compiled(source: ComparedScenario) -> dict[str, Any]:
    """Return a definition as dbt reads it: a date in quotes is the same as one without."""
    compiled: dict[str, Any] = json.loads(json.dumps(source.definition, default=str))
    return compiled


def _verbatim(query: str) -> sql.SQL:
    return sql.SQL(query)
