"""What explains an answer gives the same answer as the table and the live function, for every construct built here."""

from psycopg import sql

from tests.integration.warehouse.conftest import Warehouse

ANSWER = sql.SQL(
    "select customer_id, anchor_kind, anchor_key, anchor_at, anchor_date, entry_during, stop_during"
    " from {} as eligibility where anchor_key is not null order by customer_id, anchor_key"
)


def test_table_live_function_and_explanation_agree_about_everybody(warehouse: Warehouse):
    connection = warehouse.connection
    customers = [customer for (customer,) in connection.execute("select customer_id from raw.customers")]
    registered = connection.execute(
        "select relation_name, live_function, explain_function from eligibility.scenario_registry"
        " where explain_function is not null"
    ).fetchall()
    assert len(registered) > 20
    for relation, *functions in registered:
        sources = [sql.SQL(relation), *(sql.SQL("{}({})").format(sql.SQL(name), customers) for name in functions)]
        table, live, explained = (connection.execute(ANSWER.format(source)).fetchall() for source in sources)
        assert table == live == explained, relation


def test_an_explanation_shows_every_frame_with_its_facts(warehouse: Warehouse):
    connection = warehouse.connection
    (function,) = connection.execute(
        "select explain_function from eligibility.scenario_registry where model_name = 'a_not_b'"
    ).fetchone()
    query = sql.SQL("select explanation from {}(array['b_after']) where anchor_key is null").format(sql.SQL(function))
    (about,) = connection.execute(query).fetchone()
    assert {(item["section"], item["frame"]) for item in about["facts"]} == {("target", 1), ("target", 2)}
    assert [item["key"] for fact in about["facts"] for item in fact["occurrences"]] == ["b_after-1", "b_after-5"]
    assert about["duplicate_status"] == "confirmed"
