"""The customers that may be asked about: those whom the shop has.

Does not belong here: what is known of them (`explanation`, `timeline`).
"""

from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.errors import SaysEnough


class UnknownCustomer(SaysEnough, LookupError):
    """The shop has no such customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"the shop has no customer {customer_id!r}")


def duplicate_status_of(connection: Connection[Any], customer_id: str) -> str | None:
    """Return what duplicate management says of a customer, as the raw contract writes it; None: there is no such."""
    row = connection.execute(statement(__file__, "asked_customer"), {"customer_id": customer_id}).fetchone()
    return None if row is None else str(row[0])
