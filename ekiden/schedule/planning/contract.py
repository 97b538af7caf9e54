"""The contract of eligibility tables, asked of those whose SQL was written by hand before a plan reads them.

A table that breaks it would enrol people by anchors that are not theirs to have, so its scenario is left out and the
others go on; so is one whose table is not there. Tables that the macros compile keep the contract by themselves, and
dbt's test tells if they ever do not. Belongs here: what is asked, and the words for it. Does not belong here: the test
that dbt runs (`dbt_project/tests`).
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ekiden.counting import counted_rows
from ekiden.database.statements import qualified, statement
from ekiden.scenarios.definition import DefinitionFault
from ekiden.scenarios.registry import BrokenScenario

RULE = "eligibility_contract"
"""As dbt's test is called, whose failed check stands on the model's asset."""

_BREACHES = {
    "repeated": "{rows} more than one of their customer, anchor_kind and anchor_key",
    "early": "{rows} whose entry_during begins before anchor_at",
    "incomplete": "{rows} with a null",
    "of_another_kind": "{rows} with an anchor_kind other than {kind!r}",
}


def contract_breaches(
    connection: Connection[Any], *, selected: Sequence[int] | None, known: Sequence[BrokenScenario]
) -> tuple[BrokenScenario, ...]:
    """Return the scenarios without their table, and the enabled ones by hand whose table breaks the contract, by model.

    `selected` are scenario ids (None: all), `known` those that are left out already. Reads each table by hand once.
    """
    tables = connection.execute(
        statement(__file__, "tables_to_check"),
        {"scenario_ids": selected, "broken_models": [scenario.model_name for scenario in known]},
    ).fetchall()
    broken = []
    for model, relation, is_there, anchor in tables:
        if not is_there:
            message = "is not there: somebody dropped it. `ekiden build` makes it anew"
            broken.append(BrokenScenario(model, (DefinitionFault(RULE, relation, message),)))
            continue
        kind = anchor if isinstance(anchor, str) else next(iter(anchor))
        breaches = connection.execute(
            statement(__file__, "contract_breaches").format(eligibility=qualified(relation)), {"anchor_kind": kind}
        ).fetchall()
        if breaches:
            found = "; ".join(_in_words(*breach, kind=kind) for breach in breaches)
            message = f"breaks the contract of eligibility tables: {found}. Mend the model's SQL and build it again"
            broken.append(BrokenScenario(model, (DefinitionFault(RULE, relation, message),)))
    return tuple(broken)


def _in_words(breach: str, rows: int, customer_id: str | None, anchor_key: str | None, *, kind: str) -> str:
    said = _BREACHES[breach].format(rows=counted_rows(rows), kind=kind)
    return f"{said}, as for customer {customer_id!r}, anchor {anchor_key!r}"
