"""Scenario codes as people write them: which are known, and what to say of one that is not.

Belongs here: refusing a code that nobody knows, for whatever narrows a question or an action to some scenarios; it
would find nothing, and look like an answer. Does not belong here: what is asked.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.scenarios.registry import read_registry
from ekiden.schedule.errors import UnknownScenario


def scenario_ids(connection: Connection[Any]) -> dict[str, int]:
    """Return the scenarios that the ledger knows, by code."""
    return dict(connection.execute(statement(__file__, "known_scenarios")).fetchall())


def refuse_unknown(connection: Connection[Any], *codes: str | None) -> None:
    """Raise `UnknownScenario` for a code that neither the ledger nor the last build has; None asks for all."""
    asked = [code for code in codes if code is not None]
    known = set(scenario_ids(connection)) if asked else set()
    if any(code not in known for code in asked):
        # built and not planned yet: it has nothing, and that is the answer
        known |= {str(scenario.definition.get("code")) for scenario in read_registry(connection)}
    for code in asked:
        if code not in known:
            raise UnknownScenario(unknown_scenario(code, sorted(known)))


def unknown_scenario(code: str, known: Sequence[str]) -> str:
    """Return what to say about a code that no scenario has."""
    meant = get_close_matches(code, known, n=1)
    return f"no scenario {code!r}{f', perhaps {meant[0]}' if meant else ''}; known: {', '.join(known) or 'none yet'}"
