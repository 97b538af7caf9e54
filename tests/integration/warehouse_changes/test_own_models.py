"""Models of the shop's own, and views of anybody's: followed or made whole, and left standing."""

from random import Random

import pytest

from ekiden.warehouse.project import STANDING
from tests.integration.warehouse_changes import history
from tests.integration.warehouse_changes.conftest import DEFINITIONS, Shop, rows
from tests.integration.warehouse_changes.scenarios import BY_HAND, SEGMENTS_READ

OWN_FOLLOWED = {
    # two rows may be the same, and none of them has a key
    "bought": "select customer_id, product_id from {{ facts_read('purchases', ref('int_purchases')) }}",
    # in a folder, and with columns, called like what the macros speak of
    "eligibility/houses": """
        {{ config(unique_key=['customer_id', 'place']) }}
        select customer_id, 1 as built, order_id as place, 2 as fresh from {{ facts_read('orders', ref('stg_orders')) }}
    """,
    # a key that repeats
    "ordered": """
        {{ config(unique_key='customer_id') }}
        select customer_id, order_id from {{ facts_read('orders', ref('stg_orders')) }}
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
        history.place_order(shop.connection, Random(101))
        shop.build("--select", "marts")
        shop.connection.execute(
            "insert into raw.order_lines (order_id, line_no, product_id, quantity)"
            " select order_id, 990 + line_no, product_id, 1 from staging.int_purchases order by 1, 2 limit 1"
        )
        history.place_order(shop.connection, Random(102))
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
