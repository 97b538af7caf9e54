"""Models of the shop's own, and views of anybody's: followed or made whole, and left standing."""

import secrets
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
    # of two arguments, it looks at no clock
    "waited": """
        select customer_id, age(coalesce(cancelled_at, ordered_at), greatest(min(ordered_at), ordered_at))
        from {{ facts_read('orders', ref('stg_orders')) }} group by customer_id, cancelled_at, ordered_at
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
    "aged_since_last": """
        select customer_id, age(greatest(coalesce(max(ordered_at), min(ordered_at)), null)) as age
        from {{ facts_read('orders', ref('stg_orders')) }} group by customer_id
    """,
    "of_today": "select customer_id, registered_at < 'today' from {{ facts_read('customers', ref('stg_customers')) }}",
    "of_a_view": """
        select customer_id from {{ facts_read('customers', ref('stg_customers')) }}
        inner join {{ ref('day') }} as day on registered_at < today
    """,
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
        shop.write_model("marts/day", "{{ config(materialized='view') }} select 'Today'::text::date as today")
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
        of_the_moment = {"marts.aged", "marts.aged_since_last", "marts.as_of"}
        assert {table for table in shop.differences() if table.startswith("marts.")} <= of_the_moment
    finally:
        shop.forget()
        # what the others have not taken in would be in the next test's delta
        shop.build()


def test_rows_that_are_the_same_are_as_many_as_a_build_from_nothing_makes(shop: Shop):
    shop.write_model(
        "marts/twice",
        """
        {{ config(materialized='table', unique_key=['customer_id', 'order_id']) }}
        select customer_id, order_id from {{ facts_read('orders', ref('stg_orders')) }}
        inner join {{ facts_read('customer_tags', ref('stg_customer_tags')) }} using (customer_id)
        """,
    )
    try:
        shop.connection.execute(
            "insert into raw.customer_tags (customer_id, tag, granted_at)"
            " select customer_id, unnest(array['once', 'again']), now() from raw.orders on conflict do nothing"
        )
        shop.build()
        shop.connection.execute("delete from raw.customer_tags where tag = 'again'")
        shop.build()
        assert shop.rebuilt()["marts.twice"]
        assert "marts.twice" not in shop.differences()
    finally:
        shop.connection.execute("delete from raw.customer_tags where tag = 'once'")
        shop.forget()
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


REPORTS = """
create role {role};
create schema theirs authorization {role};
grant usage on schema marts to {role};
grant select on marts.customers to {role};
create table theirs.parts (n) as values (1);
set role {role};
create view theirs.report as select customer_id, orders from marts.customers;
create materialized view theirs.sums as select customer_id, count(*) as n from theirs.report group by customer_id;
create unique index on theirs.sums (customer_id);
create materialized view theirs.bare as select customer_id from theirs.sums with no data;
reset role;
create materialized view theirs.both as select count(*) from marts.customers, marts.orders;
create materialized view theirs.shares as select customer_id, orders / n as share from marts.customers, theirs.parts;
"""
"""A role's own, and two of the builder's."""
NO_REPORTS = """
reset role;
drop schema theirs cascade;
revoke all on all tables in schema marts from {role};
revoke usage on schema marts from {role};
drop role {role};
"""


def theirs(shop: Shop) -> dict[str, tuple[bool, str]]:
    """Return which views there are, whether they are filled, and whose they are."""
    found = shop.connection.execute(
        "select relname, relispopulated, relowner::regrole::text from pg_class"
        " where relnamespace = 'theirs'::regnamespace and relkind in ('v', 'm')"
    )
    return {name: (is_filled, owner) for name, is_filled, owner in found.fetchall()}


def test_somebody_elses_views_on_what_is_made_anew_are_theirs_and_filled(shop: Shop):
    role = f"bi_{secrets.token_hex(4)}"
    shop.connection.execute(REPORTS.format(role=role).encode())
    try:
        before = theirs(shop)
        # it cannot be filled any more: it stands, and PostgreSQL says so to whoever asks
        shop.connection.execute("update theirs.parts set n = 0")
        shop.build("--select", "orders", "customers", "--full-refresh")
        assert theirs(shop) == before | {"shares": (False, before["shares"][1])}
        everybody = shop.connection.execute("select count(*) from raw.customers").fetchone()
        shop.connection.execute(f"set role {role}".encode())
        for relation in ("marts.customers", "theirs.report", "theirs.sums"):
            assert shop.connection.execute(f"select count(*) from {relation}").fetchone() == everybody  # noqa: S608
        # as only one with its index can be
        shop.connection.execute("refresh materialized view concurrently theirs.sums")
        # the next build tries again
        shop.connection.execute("reset role; update theirs.parts set n = 1")
        shop.build("--select", "orders")
        assert theirs(shop) == before
    finally:
        shop.connection.execute(NO_REPORTS.format(role=role).encode())


def test_what_cannot_be_given_back_is_not_run_with_the_builders_rights(shop: Shop):
    role, builder = f"bi_{secrets.token_hex(4)}", f"builder_{secrets.token_hex(4)}"
    ((owner,),) = shop.connection.execute("select current_user").fetchall()
    shop.connection.execute(REPORTS.format(role=role).encode())
    shop.connection.execute(f"create role {builder} login password 'secret' in role {owner}".encode())
    shop.connection.execute(f"grant all on schema theirs to {builder}".encode())
    try:
        environment = {"EKIDEN_DBT_USER": builder, "DBT_ENV_SECRET_EKIDEN_PASSWORD": "secret"}
        shop.build("--select", "customers", "--full-refresh", environment=environment)
        assert theirs(shop) == {
            "report": (True, builder),
            "sums": (False, builder),
            "bare": (False, builder),
            **dict.fromkeys(("both", "shares"), (True, owner)),
        }
        shop.connection.execute(f"set role {role}".encode())
        assert shop.connection.execute("select count(*) > 0 from theirs.report").fetchone() == (True,)
    finally:
        shop.connection.execute(f"reset role; reassign owned by {builder} to {owner}; drop owned by {builder}".encode())
        shop.connection.execute(f"drop role {builder}".encode())
        shop.connection.execute(NO_REPORTS.format(role=role).encode())


def test_a_segment_that_becomes_a_view_leaves_those_on_it_in_place(shop: Shop):
    everybody = "select customer_id from {{ ref('stg_customers') }}"
    shop.write_segment("listed_once", f"{{{{ config(materialized='table') }}}} {everybody}")
    shop.write_segment("on_it", "select customer_id from {{ ref('listed_once') }}")
    try:
        shop.build("--select", "listed_once", "on_it")
        shop.connection.execute("grant select on segments.listed_once to pg_monitor")
        shop.write_segment("listed_once", everybody)
        shop.build("--select", "listed_once")
        kinds = "select relkind::text from pg_class where oid = to_regclass(%s)"
        for segment in ("segments.listed_once", "segments.on_it"):
            assert shop.connection.execute(kinds, [segment]).fetchone() == ("v",)
        allowed = "select has_table_privilege('pg_monitor', 'segments.listed_once', 'select')"
        assert shop.connection.execute(allowed).fetchone() == (True,)
    finally:
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
