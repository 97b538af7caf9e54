"""The project's own build: its models, data tests and unit tests over the tests' shop."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from ekiden.database.statements import statement
from ekiden.schedule.planning import contract
from ekiden.warehouse.unbuilt import stops_planning
from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.scenarios import BROKEN, BY_HAND, SCENARIOS

GOOD = {"success", "pass", "no-op"}


def test_every_model_and_test_of_the_project_passes_but_the_one_that_must_not(warehouse: Warehouse):
    wrong = {name: status for name, status in warehouse.outcomes.items() if status not in GOOD}
    broken = [name for name in wrong if any(part in name for part in BROKEN)]
    assert [(name.split(".")[2], status) for name, status in wrong.items() if name not in broken] == [
        # a warning: the build goes on, and planning leaves that scenario out
        (f"eligibility_contract_{BY_HAND}_", "warn")
    ], warehouse.output


def test_what_everybodys_scenarios_are_made_from_says_that_nothing_is_planned_without_it(warehouse: Warehouse):
    models = [node for node in warehouse.manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {node["name"] for node in models if stops_planning(node)} == {
        node["name"] for node in models if node["fqn"][1] in ("staging", "marts")
    }


@pytest.mark.parametrize("scenario", BROKEN)
def test_what_is_not_known_does_not_compile_and_the_compiler_says_where(warehouse: Warehouse, scenario: str):
    _, expected = BROKEN[scenario]
    model = f"model.ekiden.{scenario}"
    assert warehouse.outcomes[model] == "error"
    assert f"scenario '{scenario}'" in warehouse.messages[model]
    assert expected in warehouse.messages[model]


def test_a_model_that_breaks_the_contract_is_told_of_both_faults(warehouse: Warehouse):
    compiled = next(
        node["compiled_code"]
        for node in warehouse.manifest["nodes"].values()
        if node["name"] == f"eligibility_contract_{BY_HAND}_"
    )
    found = warehouse.connection.execute(f"select customer_id, fault from ({compiled}) as found").fetchall()  # noqa: S608
    assert sorted(found) == [
        ("c_after", "entry before the anchor"),
        ("c_after", "entry before the anchor"),
        ("c_after", "more than one row"),
        ("once", "entry before the anchor"),
    ]


def test_planning_finds_the_same_breaches_of_the_contract_as_dbts_test(warehouse: Warehouse):
    found = warehouse.connection.execute(
        statement(contract.__file__, "contract_breaches").format(eligibility=sql.SQL(f"eligibility.{BY_HAND}")),
        {"anchor_kind": "ordered"},
    ).fetchall()
    assert [(breach, rows) for breach, rows, *_ in found] == [("early", 3), ("repeated", 1)]


def test_every_scenario_is_registered_and_only_compiled_ones_have_a_live_function(warehouse: Warehouse):
    registered = dict(
        warehouse.connection.execute("select model_name, live_function is not null from eligibility.scenario_registry")
    )
    assert {name: registered.get(name) for name in SCENARIOS} == dict.fromkeys(SCENARIOS, True)
    assert registered[BY_HAND] is False


def test_rates_stand_on_no_column_that_they_do_not_count(warehouse: Warehouse):
    # one that an upgrade takes away would take them with it, their grants and whoever's views stand on them
    read = warehouse.connection.execute(
        "select table_name, array_agg(column_name::text order by column_name) from information_schema.view_column_usage"
        " where view_schema = 'history' and view_name = 'step_rates' group by table_name"
    )
    assert dict(read.fetchall()) == {
        "message_history": ["message_id", "scenario_code", "sent_on", "step_no"],
        "message_outcomes": ["delivered_at", "first_clicked_at", "first_opened_at", "message_id"],
    }


def test_a_view_built_alone_leaves_what_depends_on_it_in_place(warehouse: Warehouse):
    live_functions = [
        name
        for (name,) in warehouse.connection.execute(
            "select live_function from eligibility.scenario_registry where live_function is not null"
        )
    ]
    assert "Completed successfully" in (output := warehouse.build("stg_payment_methods")), output
    for name in live_functions:
        warehouse.connection.execute(f"select * from {name}(array['nobody'])")  # noqa: S608


def test_one_customers_lines_are_looked_up_through_the_views(warehouse: Warehouse):
    # reading all of so small a shop would be cheaper; what matters is that it can be done otherwise
    with warehouse.connection.transaction():
        for way in ("seqscan", "hashjoin", "mergejoin"):
            warehouse.connection.execute(f"set local enable_{way} = off")
        explain = "explain select * from staging.int_purchases where customer_id = any(array['once'])"
        plan = "\n".join(line for (line,) in warehouse.connection.execute(explain))
    assert "orders_by_customer" in plan
    assert "Index Cond: (order_id = orders.order_id)" in plan


def test_a_view_whose_columns_changed_is_made_anew(warehouse: Warehouse):
    warehouse.connection.execute("drop view staging.stg_products cascade")
    warehouse.connection.execute("create view staging.stg_products as select 1 as not_its_column")
    assert "Completed successfully" in (output := warehouse.build("stg_products")), output
    assert warehouse.connection.execute("select product_name from staging.stg_products").fetchone()


@contextmanager
def nobody_waits(warehouse: Warehouse) -> Iterator[None]:
    """Let every later session of this database fail that waits for a lock for two seconds."""
    (name,) = warehouse.connection.execute("select quote_ident(current_database())").fetchone()
    warehouse.connection.execute(f"alter database {name} set lock_timeout = '2s'")
    try:
        yield
    finally:
        warehouse.connection.execute(f"alter database {name} reset lock_timeout")


def test_a_build_that_changes_no_view_waits_for_nobody_who_reads(warehouse: Warehouse):
    # as a dump does, or a plan
    with psycopg.connect(warehouse.connection.info.dsn, password=warehouse.connection.info.password) as reader:
        reader.execute("lock table staging.stg_products, eligibility.scenario_registry in access share mode")
        with nobody_waits(warehouse):
            assert "Completed successfully" in (output := warehouse.build("stg_products")), output


@pytest.mark.parametrize("before", ["select 1 as not_its_column", "select * from staging.stg_products where false"])
def test_readers_go_on_while_a_view_that_changed_waits_for_one_of_them(warehouse: Warehouse, before: str):
    definition = warehouse.connection.execute("select pg_get_viewdef('staging.stg_products'::regclass)").fetchone()
    text = before.replace("staging.stg_products", f"({definition[0].rstrip(';')}) as products")
    warehouse.connection.execute("drop view staging.stg_products cascade")
    warehouse.connection.execute(f"create view staging.stg_products as {text}")
    with (
        psycopg.connect(warehouse.connection.info.dsn, password=warehouse.connection.info.password) as reader,
        ThreadPoolExecutor(1) as pool,
    ):
        reader.execute("lock table staging.stg_products in access share mode")
        building = pool.submit(warehouse.build, "stg_products")
        waiting = "select 1 from pg_locks where relation = 'staging.stg_products'::regclass and not granted"
        while not warehouse.connection.execute(waiting).fetchone():
            assert not building.done(), building.result()
            time.sleep(0.05)
        try:
            with warehouse.connection.transaction():
                warehouse.connection.execute("set local statement_timeout = '20s'")
                warehouse.connection.execute("select from staging.stg_products")
            assert not building.done()
        finally:
            reader.rollback()
        assert "Completed successfully" in (output := building.result()), output
    assert warehouse.connection.execute("select product_name from staging.stg_products").fetchone()
