"""Builds that compute only the customers whose facts changed are, row for row, what builds from nothing are."""

from random import Random

import psycopg
import pytest

from ekiden.database.connection import connect
from ekiden.warehouse.project import STANDING
from tests.integration.warehouse_changes import history
from tests.integration.warehouse_changes.conftest import DEFINITIONS, Shop
from tests.integration.warehouse_changes.scenarios import BY_HAND, FOLLOWED, SEGMENTS_READ, WHOLE


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


OWN_FOLLOWED = {
    # two rows may be the same, and none of them has a key
    "bought": "select customer_id, product_id from {{ facts_read('purchases', ref('int_purchases')) }}",
    # in a folder, and with columns, called like what the macros speak of
    "eligibility/houses": """
        {{ config(unique_key=['customer_id', 'place']) }}
        select customer_id, 1 as built, order_id as place, 2 as fresh from {{ facts_read('orders', ref('stg_orders')) }}
    """,
}
OWN_WHOLE = {
    "sold": "select product_id, count(*) from {{ facts_read('purchases', ref('int_purchases')) }} group by 1",
    "ranked": """
        {{ config(meta={'compares_customers': true}) }}
        select customer_id, rank() over (order by ordered_at) from {{ facts_read('orders', ref('stg_orders')) }}
    """,
    "aged": "select customer_id, age(registered_at) from {{ facts_read('customers', ref('stg_customers')) }}",
    "as_of": "select customer_id, localtimestamp from {{ facts_read('customers', ref('stg_customers')) }}",
    "went_out": """
        select customer_id, enrolments.exited_at from {{ facts_read('customers', ref('stg_customers')) }}
        inner join {{ source('ledger', 'enrolments') }} as enrolments using (customer_id)
    """,
    "looked_at": """
        select customer_id, category_code from {{ facts_read('customer_events', ref('stg_customer_events')) }}
        inner join {{ ref('stg_product_categories') }} using (product_id)
    """,
}


def test_tables_of_the_shops_own_are_followed_where_they_can_be(shop: Shop):
    try:
        for name, query in {**OWN_FOLLOWED, **OWN_WHOLE}.items():
            shop.write_model(f"marts/{name}", f"{{{{ config(materialized='table') }}}} {query}")
        place_order(shop, 101)
        shop.build("--select", "marts")
        shop.connection.execute(
            "insert into raw.order_lines (order_id, line_no, product_id, quantity)"
            " select order_id, 990 + line_no, product_id, 1 from staging.int_purchases order by 1, 2 limit 1"
        )
        place_order(shop, 102)
        shop.build("--select", "marts")
        rebuilt = {table.split(".")[1]: customers for table, customers in shop.rebuilt().items()}
        assert not {rebuilt[name.split("/")[-1]] for name in OWN_FOLLOWED} & {None, 0}
        assert {rebuilt[name] for name in OWN_WHOLE} == {None}
        assert {table for table in shop.differences() if table.startswith("marts.")} <= {"marts.aged", "marts.as_of"}
    finally:
        shop.forget()
        # what the others have not taken in would be in the next test's delta
        shop.build()


def test_views_on_what_is_made_anew_stand_as_they_were(shop: Shop):
    shop.write_segment("rich", "select customer_id, 1 as gone from {{ ref('customers') }} where amount >= 0")
    shop.write_segment("rich_too", "select customer_id from {{ ref('rich') }}")
    try:
        shop.build("--select", "customers", "rich", "rich_too")
        shop.connection.execute(
            "create view public.report as select customer_id, orders from marts.customers;"
            "create view public.reads_what_goes as select gone from segments.rich;"
            "comment on view public.report is 'theirs'; grant select on public.report to pg_monitor"
        )
        shop.build("--select", "customers", "--full-refresh")
        shop.write_segment("rich", "select customer_id from {{ ref('customers') }} where amount >= 0")
        # a view that loses a column is dropped as well
        shop.build("--select", "rich")
        everybody = shop.connection.execute("select count(*) from raw.customers").fetchone()
        for view in ("segments.rich_too", "public.report"):
            assert shop.connection.execute(f"select count(*) from {view}").fetchone() == everybody  # noqa: S608
        kept = (
            "select obj_description(oid), has_table_privilege('pg_monitor', oid, 'select') from pg_class where oid = %s"
        )
        assert shop.connection.execute(f"{kept}::regclass", ["public.report"]).fetchone() == ("theirs", True)
        assert shop.connection.execute("select to_regclass('public.reads_what_goes')").fetchone() == (None,)
    finally:
        shop.connection.execute("drop view if exists public.report")
        shop.forget()


def test_grants_and_names_in_quotes_are_kept_to(shop: Shop):
    granted = "{{ config(grants={'select': ['pg_monitor']}) }} select customer_id from {{ ref('stg_customers') }}"
    shop.write_segment("granted", granted)
    names = ["customer_id", "Order", "select", "注文"]
    columns = [
        {"name": name, "data_type": "text", "quote": True, "constraints": [{"type": "not_null"}]} for name in names
    ]
    selected = ", ".join(f'customer_id as "{name}"' for name in names)
    shop.write_model(
        "marts/quoted",
        f"select {selected} from {{{{ ref('stg_customers') }}}}",  # noqa: S608
        columns=columns,
        config={"materialized": "table", "contract": {"enforced": True}},
    )
    try:
        shop.build("--select", "granted", "quoted")
        allowed = "select has_table_privilege('pg_monitor', 'segments.granted', 'select')"
        assert shop.connection.execute(allowed).fetchone() == (True,)
        required = (
            "select count(*) from pg_attribute where attrelid = 'marts.quoted'::regclass and attnotnull and attnum > 0"
        )
        assert shop.connection.execute(required).fetchone() == (len(names),)
    finally:
        shop.forget()


def test_what_would_fail_only_later_is_refused_at_once(shop: Shop):
    shop.write_segment(
        "passing", "{{ config(materialized='ephemeral') }} select customer_id from {{ ref('stg_customers') }}"
    )
    shop.write_model(
        "marts/lines", "{{ config(materialized='table') }} select * from {{ facts_read('lines', 'lines') }}"
    )
    shop.write_model(
        "marts/promised",
        "select 1 as n from {{ ref('stg_customers') }}",
        columns=[{"name": "n", "data_type": "text"}],
        config={"materialized": "view", "contract": {"enforced": True}},
    )
    shop.write_scenarios(
        {**DEFINITIONS, "of_passing": {"anchor": {"entered": "passing"}}},
        segments={**SEGMENTS_READ, "of_passing": ["passing"]},
    )
    try:
        said = shop.build("--select", "lines", "promised", "of_passing", fails=True)
        assert "facts_read: the name 'lines' is not known; known: customers, customer_history, orders" in said
        assert "This model has an enforced contract that failed" in said
        assert "segment 'passing' is ephemeral" in said
    finally:
        shop.forget("of_passing")


def test_a_stub_in_the_place_of_sql_by_hand_keeps_the_rows_that_stand(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.build("--select", "marts", "by_hand")
    before = rows(shop.connection, "eligibility.by_hand")
    assert before
    monkeypatch.setitem(BY_HAND, "by_hand", STANDING)
    shop.write_scenarios(DEFINITIONS)
    try:
        shop.build("--select", "by_hand")
        assert rows(shop.connection, "eligibility.by_hand") == before
        shop.connection.execute("drop table eligibility.by_hand")
        shop.build("--select", "by_hand")
        assert rows(shop.connection, "eligibility.by_hand") == []
    finally:
        monkeypatch.undo()
        shop.write_scenarios(DEFINITIONS)
        shop.build("--select", "by_hand")


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


def rows(connection: psycopg.Connection, table: str) -> list[tuple[str]]:
    return connection.execute(f"select t::text from {table} as t order by 1").fetchall()  # noqa: S608


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
