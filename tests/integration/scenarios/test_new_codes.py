"""Codes are editable: what a scenario with another code than before still knows of itself, and others of it."""

from datetime import datetime, timedelta

import psycopg
import pytest

from ekiden.settings import Settings

STOP = "          stop:\n            frames:\n"
PURCHASE = f"{STOP}              - type: product\n"
OR_PURCHASE = "              - type: product\n                relation: or\n"
ANY_OTHER = (PURCHASE, f"{STOP}              - {{type: scenario}}\n{OR_PURCHASE}")
BANANAS = 'target:\n            frames:\n              - {type: product, codes: ["1082185"]}'

pytestmark = pytest.mark.usefixtures("buyer")


def after(code: str) -> tuple[str, str]:
    """Return what makes a scenario end with the start of one that has this code."""
    return PURCHASE, f"{STOP}              - {{type: scenario, codes: [{code}]}}\n{OR_PURCHASE}"


@pytest.fixture
def buyer(connection: psycopg.Connection, settings: Settings) -> None:
    """A customer who bought bananas two days ago: the step of whoever sells to those is due today."""
    ordered_at = datetime.now(settings.zone).replace(hour=12, minute=0) - timedelta(days=2)
    for product in ["1082185", "tea"]:
        connection.execute("insert into raw.products (product_id, product_name) values (%s, 'a name')", [product])
    connection.execute(
        "insert into raw.customers (customer_id, registered_at, email) values ('C', %s, 'c@shop.example')", [ordered_at]
    )
    order(connection, "1082185", ordered_at)


def order(connection: psycopg.Connection, product: str, ordered_at: datetime) -> None:
    connection.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values (%s, 'C', %s)", [product, ordered_at]
    )
    connection.execute(
        "insert into raw.order_lines (order_id, line_no, product_id, quantity) values (%s, 1, %s, 1)",
        [product, product],
    )
    connection.commit()


def states(connection: psycopg.Connection) -> dict[str, tuple[str, str | None]]:
    """Return how each scenario's only enrolment stands, and why it ended."""
    rows = connection.execute(
        "select scenario_code, enrolments.state, exit_reason from outreach.enrolments"
        " inner join outreach.scenarios using (scenario_id)"
    ).fetchall()
    connection.rollback()
    assert len({code for code, _, _ in rows}) == len(rows)
    return {code: (state, reason) for code, state, reason in rows}


def stopping(connection: psycopg.Connection, relation: str) -> bool:
    """Whether the customer is stopped by what a table or a live function says."""
    ((found,),) = connection.execute(
        f"select bool_or(not isempty(stop_during)) from {relation} where customer_id = 'C'".encode()  # noqa: S608
    ).fetchall()
    connection.rollback()
    return bool(found)


def live_functions(connection: psycopg.Connection, model: str) -> list[str]:
    """Return calls of the functions of all versions of a scenario, first to last."""
    rows = connection.execute(
        "select versions.live_function from outreach.scenario_versions as versions"
        " inner join outreach.scenarios using (scenario_id) where model_name = %s order by version_no",
        [model],
    ).fetchall()
    connection.rollback()
    return [f"{function}(array['C'])" for (function,) in rows]


def test_whoever_runs_through_a_scenario_with_a_new_code_did_not_come_into_another(site, ekiden, connection):
    site.scenario("offer", ANY_OTHER)
    assert ekiden("build").code == 0
    ekiden("plan")
    assert states(connection) == {"offer": ("active", None)}

    site.scenario("offer", ANY_OTHER, ("code: offer", "code: 案内"))
    assert ekiden("build", "--select", "offer").code == 0
    assert not stopping(connection, "eligibility.offer"), "by the table that the next plan asks"
    ekiden("plan")
    assert [stopping(connection, each) for each in live_functions(connection, "offer")] == [False, False]
    ekiden("plan")
    assert states(connection) == {"案内": ("active", None)}

    # nor who does as its model has a new name
    for file in site.eligibility.glob("offer.*"):
        file.unlink()
    site.scenario("invitation", ANY_OTHER, ("code: invitation", "code: 案内"))
    assert ekiden("build", "--select", "invitation").code == 0
    assert not stopping(connection, "eligibility.invitation")
    ekiden("plan")
    ekiden("plan")
    assert not any(stopping(connection, each) for each in live_functions(connection, "invitation"))
    assert states(connection) == {"案内": ("active", None)}


def test_who_waits_for_a_scenario_by_its_former_code_still_does(site, ekiden, connection, settings):
    tea = (BANANAS, BANANAS.replace("1082185", "tea"))
    site.scenario("bananas", after("tea"))
    site.scenario("tea", tea)
    assert ekiden("build").code == 0
    ekiden("plan")
    assert states(connection) == {"bananas": ("active", None)}

    order(connection, "tea", datetime.now(settings.zone) - timedelta(days=2))
    site.scenario("tea", tea, ("code: tea", "code: green_tea"))
    site.scenario("bananas", after("green_tea"))
    assert ekiden("build").code == 0
    ekiden("plan")
    assert states(connection) == {"bananas": ("active", None), "green_tea": ("active", None)}
    # of its first version
    ekiden("plan")
    assert states(connection)["bananas"] == ("stopped", "stop_condition")

    # the table knows of a code before the ledger does
    site.scenario("tea", tea, ("code: tea", "code: black_tea"))
    site.scenario("bananas", after("black_tea"))
    assert ekiden("build", "--select", "bananas").code == 0
    assert stopping(connection, "eligibility.bananas")
    assert ekiden("build", "--select", "tea").code == 0
    ekiden("plan")
    assert [stopping(connection, each) for each in live_functions(connection, "bananas")] == [True, True, True]


def test_a_code_that_another_scenario_took_means_that_one(site, ekiden, connection):
    site.scenario("offer")
    site.scenario("asks", after("offer"))
    assert ekiden("build").code == 0
    ekiden("plan")
    assert all(stopping(connection, each) for each in live_functions(connection, "asks"))

    site.scenario("offer", ("code: offer", "code: former"))
    site.scenario("latecomer", ("code: latecomer", "code: offer"), (BANANAS, BANANAS.replace("1082185", "tea")))
    assert ekiden("build", "--select", "offer", "--select", "latecomer").code == 0
    ekiden("plan")
    assert ekiden("build", "--select", "asks").code == 0
    assert not stopping(connection, "eligibility.asks")
    assert not any(stopping(connection, each) for each in live_functions(connection, "asks"))
