"""Whether contents can be sent at all, found out before any row is claimed for them.

Belongs here: trying every content once. Does not belong here: what makes a content right (`ekiden.content`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from ekiden.content.faults import ContentFault
from ekiden.content.variants import load_variants
from ekiden.database.statements import statement
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import SENT_CHANNELS
from ekiden.settings import Settings

if TYPE_CHECKING:
    from ekiden.delivery.sending.send import SendReport


class ContentsBroken(SaysEnough):
    """Rows are due whose content has faults; they stay ready, and everything else was sent: `reports` say what."""

    def __init__(self, faults: Mapping[str, ContentFault], reports: Sequence["SendReport"] = ()) -> None:
        listed = "\n".join(map(str, faults.values()))
        super().__init__(f"rows stay ready until their contents can be sent:\n{listed}")
        self.faults = dict(faults)
        self.reports = tuple(reports)


def faults_in_use(connection: Connection[Any], settings: Settings) -> dict[str, ContentFault]:
    """Return the faults of the contents that enabled scenarios name, by content; empty if all can be sent."""
    used = connection.execute(statement(__file__, "contents_in_use"), {"channels": list(SENT_CHANNELS)}).fetchall()
    return _faults(used, settings)


def faults_due(
    connection: Connection[Any],
    settings: Settings,
    *,
    now: datetime,
    step_channels: Sequence[str],
    due_date: date | None = None,
) -> dict[str, ContentFault]:
    """Return the faults of the contents that a send run of these step channels needs now, by content.

    `due_date` narrows it as there.
    """
    parameters = {"now": now, "channels": list(step_channels), "due_date": due_date}
    used = connection.execute(statement(__file__, "contents_due"), parameters).fetchall()
    return _faults(used, settings)


def _faults(used: Iterable[tuple[str, str]], settings: Settings) -> dict[str, ContentFault]:
    """Return the faults of contents, each as a step of its channel has it."""
    faults = {}
    for name, channel in used:
        # whoever gets which variant is only known once a row is claimed
        if fault := load_variants(settings.content, name, channel).fault:
            faults[name] = fault
    return faults
