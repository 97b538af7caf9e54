"""Whether the contents of enabled scenarios can be sent at all, found out before anybody is due.

Belongs here: trying every content once. Does not belong here: what makes a content right (`ekiden.content`).
"""

from typing import Any

from psycopg import Connection

from ekiden.content.render import ContentFault, load_content, render, sample_variables
from ekiden.database.statements import statement
from ekiden.settings import Settings


def content_faults(connection: Connection[Any], settings: Settings) -> list[ContentFault]:
    """Return the fault of each content of an enabled scenario that does not load or render; empty if all do."""
    names = [name for (name,) in connection.execute(statement(__file__, "contents_in_use"))]
    faults = []
    for name in names:
        try:
            render(load_content(settings.content, name), sample_variables())
        except ContentFault as fault:
            faults.append(fault)
    return faults
