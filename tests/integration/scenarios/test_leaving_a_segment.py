"""Leaving a segment of which nobody knows when it had whom: what becomes of those who have entered by it."""

from collections.abc import Callable

import psycopg
import pytest

from tests.integration.commands import Ended
from tests.integration.scenarios.conftest import Site

pytestmark = pytest.mark.usefixtures("buyer")

IN_TOKYO = "select customer_id from {{ ref('stg_customers') }} where address like '東京都%'"


def move(connection: psycopg.Connection, address: str) -> None:
    connection.execute("update raw.customers set address = %s where customer_id = 'C'", [address])
    connection.commit()


def test_who_is_not_in_a_segment_without_spans_any_more_goes_on(
    site: Site, ekiden: Callable[..., Ended], connection: psycopg.Connection
):
    (site.project / "models" / "segments" / "in_tokyo.sql").write_text(IN_TOKYO, encoding="utf-8")
    site.scenario(
        "of_tokyo",
        ("anchor: ordered", "anchor: {entered: in_tokyo}"),
        query="{{ eligibility(segments=['in_tokyo']) }}",
    )
    # who never came in
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('D', now())")
    move(connection, "東京都港区")
    assert ekiden("build").code == 0
    assert ekiden("plan").code == 0

    move(connection, "大阪府大阪市")
    # before a send it is the function that is asked, in a plan the table
    live = connection.execute("select live_function from eligibility.scenario_registry").fetchone()
    assert ekiden("build").code == 0
    assert ekiden("plan").code == 0

    enrolment = connection.execute("select customer_id, state, exit_reason from outreach.enrolments").fetchall()
    assert enrolment == [("C", "active", None)]
    assert live
    for relation in ("eligibility.of_tokyo", f"{live[0]}(array['C', 'D'])"):
        rows = connection.execute(
            f"select customer_id, entry_during::text, stop_during::text from {relation}".encode()  # noqa: S608
        ).fetchall()
        assert rows == [("C", "{}", "{}")], relation
