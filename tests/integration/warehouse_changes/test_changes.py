"""Builds that compute only the customers whose facts changed are, row for row, what builds from nothing are."""

from random import Random

import pytest

from ekiden.database.connection import connect
from tests.integration.warehouse_changes import history
from tests.integration.warehouse_changes.conftest import DEFINITIONS, Shop, rows
from tests.integration.warehouse_changes.scenarios import FOLLOWED, SEGMENTS_READ, WHOLE


def followed(shop: Shop) -> set[int | None]:
    """Return about how many customers the builds of the followed tables were."""
    rebuilt = shop.rebuilt()
    return {rebuilt[table] for table in FOLLOWED}


def place_order(shop: Shop, seed: int) -> None:
    history.place_order(shop.connection, Random(seed))


@pytest.mark.parametrize("seed", range(2))
def test_after_any_changes_every_table_is_what_a_build_from_nothing_would_make(shop: Shop, seed: int):
    random = Random(seed)
    for change in [*random.choices(history.CHANGES, k=12), *[history.open_message] * 4]:
        change(shop.connection, random)
    shop.build()
    assert shop.differences() == {}
    assert None not in followed(shop)
    assert {shop.rebuilt()[table] for table in WHOLE} == {None}


@pytest.mark.parametrize("change", [*history.CHANGES, history.open_message], ids=lambda change: change.__name__)
def test_every_kind_of_change_is_noted_with_its_customers(shop: Shop, change: history.Change):
    shop.connection.execute("truncate raw.customer_changes")
    facts = "select {}, t::text from raw.{} as t"
    owners = " union ".join(
        facts.format("customer_id", table)
        for table in ("customers", "orders", "customer_tags", "list_members", "customer_events", "subscriptions")
    )
    owners += (
        " union select customer_id, (l, c, p, o.status)::text from raw.orders o"
        " left join raw.order_lines l using (order_id) left join raw.product_categories c using (product_id)"
        " left join raw.payment_methods p using (payment_method)"
    )
    owners += " union select customer_id, e::text from outreach.delivery_events as e where not is_machine"
    random = Random(7)
    before = set(shop.connection.execute(owners.encode()).fetchall())
    changed: set[str] = set()
    try:
        # a draw may leave things as they were
        for _ in range(50):
            change(shop.connection, random)
            changed |= {customer for customer, _ in before ^ set(shop.connection.execute(owners.encode()).fetchall())}
            if len(changed) > 1:
                break
        noted = {row[0] for row in shop.connection.execute("select customer_id from raw.customer_changes").fetchall()}
        assert changed
        assert changed <= noted
    finally:
        # whoever builds next must not miss the notes that were removed here
        shop.connection.execute("insert into raw.customer_changes (customer_id) values (null)")


def test_where_nothing_changed_no_row_is_written(shop: Shop):
    shop.build()
    before = shop.versions()
    shop.build()
    assert shop.versions() == before
    assert followed(shop) == {0}


def test_facts_written_again_as_they_were_write_no_row(shop: Shop):
    shop.build()
    before = shop.versions()
    shop.connection.execute("update raw.orders set loaded_at = now()")
    shop.connection.execute("update raw.customers set email = 'somebody@customer.invalid'")
    shop.build()
    assert shop.versions() == before
    assert None not in followed(shop)


def test_an_order_leaves_the_rows_of_all_other_customers_alone(shop: Shop):
    shop.build()
    place_order(shop, 11)
    shop.build()
    assert followed(shop) == {1}
    assert shop.differences() == {}


def test_what_commits_after_a_build_began_before_it_is_in_the_next(shop: Shop):
    with connect(shop.settings) as slow:
        history.place_order(slow, Random(21))
        place_order(shop, 22)
        shop.build()
        place_order(shop, 23)
        shop.build()
        assert shop.differences() == {}
        slow.commit()
    assert shop.differences() != {}
    shop.build()
    assert shop.differences() == {}
    assert None not in followed(shop)


def test_an_order_and_its_lines_that_commit_without_seeing_each_other_are_found(shop: Shop):
    shop.build()
    with connect(shop.settings) as orders, connect(shop.settings) as lines:
        orders.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at) select 'apart', customer_id, registered_at"
            " from raw.customers order by customer_id limit 1"
        )
        lines.execute("insert into raw.order_lines values ('apart', 1, 'A', 1)")
        orders.commit()
        shop.build()
        lines.commit()
    shop.build()
    assert shop.differences() == {}
    assert followed(shop) == {1}


def test_a_model_that_failed_catches_up_with_the_next_build(shop: Shop):
    shop.build()
    shop.connection.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;"
        "create trigger refuse before insert or delete on eligibility.bought_a_once"
        " for each statement execute function refuse()"
    )
    history.place_order(shop.connection, Random(31))
    assert "not today" in shop.build(fails=True)
    # a day passes for all others
    shop.connection.execute("drop function refuse cascade")
    shop.build("--select", "marts", "tagged")
    history.place_order(shop.connection, Random(32))
    shop.build()
    assert shop.differences() == {}
    assert None not in followed(shop)


def test_a_model_built_alone_is_up_to_date_and_the_others_follow_later(shop: Shop):
    shop.build()
    place_order(shop, 41)
    shop.build("--select", "bought_a_once")
    assert shop.rebuilt()["eligibility.bought_a_once"] == 1
    assert "eligibility.bought_a_once" not in shop.differences()
    place_order(shop, 42)
    shop.build()
    assert shop.differences() == {}
    assert None not in followed(shop)


def test_an_edited_definition_is_computed_for_everybody(shop: Shop):
    shop.build()
    edited = {**DEFINITIONS["bought_a_once"], "anchor": "desired_delivery"}
    shop.write_scenarios({**DEFINITIONS, "bought_a_once": edited})
    place_order(shop, 51)
    shop.build()
    assert shop.rebuilt()["eligibility.bought_a_once"] is None
    assert shop.rebuilt()["eligibility.tagged"] == 1
    assert shop.differences() == {}
    shop.write_scenarios(DEFINITIONS)
    shop.build()
    assert shop.differences() == {}


def test_functions_are_written_anew_only_when_other_macros_compile_them(shop: Shop):
    def written_by() -> dict[str, str]:
        return dict(
            shop.connection.execute(
                "select proname, xmin::text from pg_proc where pronamespace = 'eligibility'::regnamespace"
            ).fetchall()
        )

    shop.build("--select", "eligibility")
    before = written_by()
    shop.build("--select", "eligibility")
    assert before
    assert written_by() == before
    shop.build("--select", "eligibility", environment={"EKIDEN_MACROS_DIGEST": "other macros"})
    after = written_by()
    in_use = {
        name
        for row in shop.connection.execute(
            "select live_function, explain_function from eligibility.scenario_registry where live_function is not null"
        )
        for name in row
    }
    assert in_use
    assert all(after[name.split('"')[1]] != before[name.split('"')[1]] for name in in_use)


def test_another_time_zone_changes_everything(shop: Shop):
    shop.build()
    shop.build("--select", "*", environment={"EKIDEN_TIME_ZONE": "America/New_York"})
    assert followed(shop) == {None}
    assert shop.differences() == {}
    shop.build("--select", "*")
    assert followed(shop) == {None}
    assert shop.differences() == {}


def test_a_table_emptied_by_the_shop_means_everybody(shop: Shop):
    shop.build()
    shop.connection.execute("truncate raw.list_members")
    shop.build()
    assert followed(shop) == {None}
    assert shop.differences() == {}


def test_who_enters_a_scenario_concerns_only_those_that_ask(shop: Shop):
    shop.build()
    shop.connection.execute("insert into raw.customer_changes (customer_id, facts) values (null, 'enrolments')")
    shop.build()
    assert [table for table, customers in shop.rebuilt().items() if customers is None and table not in WHOLE] == [
        "eligibility.listed"
    ]


def test_a_segment_that_asks_who_entered_makes_its_scenarios_ask_as_well(shop: Shop):
    entered = "select customer_id, range_agg(tstzrange(entered_at, null)) as valid from {{ ref('stg_enrolments') }}"
    shop.write_segment("came_in", f"{entered} group by customer_id")
    shop.write_scenarios(
        {**DEFINITIONS, "after_another": {"anchor": {"entered": "came_in"}}},
        segments={**SEGMENTS_READ, "after_another": ["came_in"]},
    )
    try:
        shop.build("--select", "came_in", "after_another")
        shop.connection.execute("insert into raw.customer_changes (customer_id, facts) values (null, 'enrolments')")
        shop.build("--select", "after_another")
        assert shop.rebuilt()["eligibility.after_another"] is None
    finally:
        shop.forget("after_another")


def test_a_segment_that_learns_when_is_read_so_by_the_functions_as_well(shop: Shop):
    def one(query: str) -> str:
        ((value,),) = shop.connection.execute(query.encode()).fetchall()
        return str(value)

    function = "select live_function from eligibility.scenario_registry where model_name = 'not_some'"
    let_in = "select count(*) from {} where not isempty(entry_during)"
    excluded = {"exclusion": {"frames": [{"type": "segment", "codes": ["some"]}]}}
    shop.write_scenarios(
        {**DEFINITIONS, "not_some": {"anchor": "member_registered", **excluded}},
        segments={**SEGMENTS_READ, "not_some": ["some"]},
    )
    always = "select customer_id from {{ ref('stg_customers') }}"
    never = "select customer_id, '{}'::tstzmultirange as valid from {{ ref('stg_customers') }}"
    try:
        for segment, is_empty in [(always, True), (never, False)]:
            shop.write_segment("some", segment)
            shop.build("--select", "some", "not_some")
            by_table = one(let_in.format("eligibility.not_some"))
            assert (by_table == "0") is is_empty
            live = f"{one(function)}((select array_agg(customer_id) from raw.customers))"  # noqa: S608
            assert one(let_in.format(live)) == by_table
        # and of whoever builds without Ekiden, no function keeps the mark of the one that it replaces
        shop.build("--select", "not_some", environment={"EKIDEN_MACROS_DIGEST": ""})
        assert one(f"select obj_description(to_regprocedure('{one(function)}(text[])'))") == "None"
    finally:
        shop.forget("not_some")


def test_what_the_ledger_notes_is_seen_where_the_shops_tables_are_elsewhere(shop: Shop):
    tables = "select table_name from information_schema.tables where table_schema = 'raw'"
    shop.connection.execute("create schema elsewhere")
    for (table,) in shop.connection.execute(tables).fetchall():
        shop.connection.execute(f"create view elsewhere.{table} as select * from raw.{table}".encode())  # noqa: S608
    shop.connection.execute(
        "drop view elsewhere.customer_changes;"
        "create table elsewhere.customer_changes (like raw.customer_changes including all)"
    )
    environment = {"EKIDEN_RAW_SCHEMA": "elsewhere"}
    shop.write_scenarios({**DEFINITIONS, "opened": {"anchor": {"event": "opened"}}})
    try:
        shop.build("--select", "stg_customer_events", "opened", environment=environment)
        history.open_message(shop.connection, Random(91))
        shop.build("--select", "opened", environment=environment)
        assert shop.rebuilt()["eligibility.opened"] == 1
        assert "eligibility.opened" not in shop.differences()
    finally:
        shop.forget("opened")
        shop.build("--select", "stg_customer_events")
        shop.connection.execute("drop schema elsewhere cascade")


def test_tables_that_nothing_watches_are_built_whole(shop: Shop):
    shop.build()
    shop.connection.execute("alter table raw.customer_events disable trigger note_inserted_customers")
    try:
        shop.build()
        assert shop.rebuilt()["eligibility.tagged"] is None
        assert shop.rebuilt()["marts.orders"] == 0
    finally:
        shop.connection.execute("alter table raw.customer_events enable trigger note_inserted_customers")
    shop.build()
    assert shop.differences() == {}


def test_notes_that_every_table_has_taken_in_are_removed(shop: Shop):
    place_order(shop, 61)
    for _ in range(3):
        shop.build()
    assert shop.connection.execute("select count(*) from raw.customer_changes").fetchone() == (0,)


def test_what_another_server_noted_is_no_change_here(shop: Shop):
    shop.build()
    place_order(shop, 62)
    # as a dump of a server that came further leaves it
    shop.connection.execute(
        "insert into raw.customer_changes (customer_id, facts, order_id, transaction_id) values"
        " (null, 'shop', null, '1000000000'), (null, 'enrolments', null, '1000000000'),"
        " (null, 'lines', 'some order', '1000000000');"
        "update changed.built_tables set contains_before = '1000000000' where relation_name <> 'eligibility.listed'"
    )
    shop.build()
    assert {table for table, customers in shop.rebuilt().items() if customers is not None} == {"eligibility.listed"}
    assert shop.differences() == {}
    place_order(shop, 63)
    shop.build()
    assert followed(shop) == {1}
    assert shop.differences() == {}


def test_a_load_beside_the_builds_first_look_is_in_the_next_build(shop: Shop):
    shop.build()
    place_order(shop, 64)
    # what commits between two statements of a transaction is seen by the second alone, as its own doing is
    shop.connection.execute(
        "create function load_much() returns trigger language plpgsql as $$ begin"
        " insert into raw.customer_changes (customer_id) values (null); return null; end $$;"
        "create trigger load_much after insert on changed.delta for each statement execute function load_much()"
    )
    try:
        shop.build()
    finally:
        shop.connection.execute("drop function load_much cascade")
    assert followed(shop) == {1}
    shop.build()
    assert followed(shop) == {None}


def test_what_was_made_of_a_table_that_was_behind_is_made_again_after_it(shop: Shop):
    since = "'2026-06-01'::timestamptz + orders * interval '1 day'"
    shop.write_segment(
        "by_orders",
        f"select customer_id, tstzmultirange(tstzrange({since}, null)) as valid from {{{{ ref('customers') }}}}",  # noqa: S608
    )
    shop.write_scenarios(
        {**DEFINITIONS, "of_orders": {"anchor": {"entered": "by_orders"}}},
        segments={**SEGMENTS_READ, "of_orders": ["by_orders"]},
    )
    try:
        shop.build("--select", "by_orders", "marts", "eligibility")
        shop.connection.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at)"
            " select 'one more', customer_id, registered_at + interval '1 day' from raw.customers"
            " order by customer_id limit 1"
        )
        shop.build("--select", "of_orders")
        shop.connection.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;"
            "create trigger refuse before insert or delete on eligibility.of_orders"
            " for each statement execute function refuse()"
        )
        shop.build(fails=True)
        shop.connection.execute("drop function refuse cascade")
        shop.build()
        assert shop.differences() == {}
        assert shop.rebuilt()["eligibility.of_orders"] == 1
    finally:
        shop.forget("of_orders")
        shop.build()


def test_two_builds_at_once_make_what_one_makes(shop: Shop):
    shop.build()
    place_order(shop, 81)
    with shop.build_elsewhere() as other:
        shop.build()
    assert other.returncode == 0
    assert shop.differences() == {}
    place_order(shop, 82)
    shop.build()
    assert shop.differences() == {}


def test_a_full_refresh_makes_the_same_tables(shop: Shop):
    place_order(shop, 71)
    shop.build()
    tables = {table: rows(shop.connection, table) for table in FOLLOWED}
    shop.build("--full-refresh")
    assert {table: rows(shop.connection, table) for table in FOLLOWED} == tables
    assert followed(shop) == {None}


def test_the_planner_is_told_of_whom_a_build_changed_something(shop: Shop):
    shop.build()
    shop.connection.execute("truncate changed.eligibility_changes")
    history.place_order(shop.connection, Random(5))
    shop.connection.execute(
        "insert into raw.customers (customer_id, registered_at) values ('new', '2026-01-01 00:00+00')"
    )
    before = {table: rows_by_customer(shop, table) for table in ELIGIBILITY}
    shop.build()
    for table in ELIGIBILITY:
        now = rows_by_customer(shop, table)
        differing = {customer for customer in now | before[table] if now.get(customer) != before[table].get(customer)}
        noted = shop.connection.execute(
            "select customer_id from changed.eligibility_changes where table_oid = %s::regclass::oid", [table]
        ).fetchall()
        assert {customer for (customer,) in noted} == differing, table
    # a table made anew is another one, which no sweep has seen
    followed = "select count(*) from changed.followed_tables where table_oid = any(%s::regclass[]::oid[])"
    tables = [*ELIGIBILITY, *WHOLE]
    assert shop.connection.execute(followed, [tables]).fetchone() == (len(tables),)


ELIGIBILITY = [table for table in FOLLOWED if table.startswith("eligibility.")]


def rows_by_customer(shop: Shop, table: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for customer, row in shop.connection.execute(f"select customer_id, built::text from {table} as built order by 2"):  # noqa: S608
        found.setdefault(customer, []).append(row)
    return found
