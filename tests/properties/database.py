"""A scratch PostgreSQL with the raw tables and the project's views over them, and histories in and out of it.

Belongs here: how a history is stored and what a definition's query answers. Does not belong here: what is right
(`language`, `comparison`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from tests.properties import words
from tests.properties.history import Customer, History, Shop
from tests.properties.macros import RenderedProject

SETUP = f"""
-- a fact's instants are the history's own: what a load adds by itself would be facts that no history knows
do $$
declare
    raw_table regclass;
begin
    for raw_table in select oid from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r' loop
        execute format('alter table %s disable trigger user', raw_table);
    end loop;
end
$$;

-- of the ledger, what staging reads: without the rest an enrolment can be made by itself
drop schema outreach cascade;
create schema outreach;
create table outreach.scenarios (
    scenario_id bigint generated always as identity,
    model_name text generated always as (scenario_code) stored,
    scenario_code text
);
create table outreach.scenario_versions (scenario_id bigint, definition jsonb);
create table outreach.enrolments (
    enrolment_id bigint generated always as identity,
    scenario_id bigint,
    customer_id text,
    state text,
    entered_at timestamptz
);
create table outreach.delivery_events (
    event_key bytea,
    message_id uuid,
    customer_id text,
    kind text,
    happened_at timestamptz,
    about text,
    is_machine boolean
);
insert into outreach.scenarios (scenario_code)
select unnest(array['{"', '".join((words.SCENARIO, *words.OTHER_SCENARIOS))}']);

create schema if not exists staging;
create schema if not exists marts;
create schema if not exists segments;
create table segments.{words.SPANNED_SEGMENT} (customer_id text, valid tstzmultirange);
create table segments.{words.STANDING_SEGMENT} (customer_id text);
create schema if not exists changed;
create table if not exists changed.customer_ids (customer_id text);
"""  # noqa: S608 (names of this folder)

READINGS = ("everyone", "given", "changed")


class RowKey(NamedTuple):
    """One row of an answer."""

    customer_id: str
    anchor_kind: str
    anchor_key: str

    def __str__(self) -> str:
        return f"{self.customer_id}, {self.anchor_kind} {self.anchor_key}"


@dataclass(frozen=True)
class Row:
    """When entry and stop hold, with the anchor's time."""

    anchor_at: datetime
    anchor_date: date
    entry_during: TimestamptzMultirange
    stop_during: TimestamptzMultirange


Answer = Mapping[RowKey, Row]


class Scratch:
    """The scratch database: every history is put in and taken out again."""

    def __init__(self, connection: psycopg.Connection, project: RenderedProject, shop: Shop) -> None:
        self.connection = connection
        self.project = project
        connection.execute(SETUP)
        for relation, query in project.models().values():
            # marts as views: the same SQL, and always of the history that is there
            connection.execute(f"create view {relation} as {query}")
        for name, model in project.call("fact_names").items():
            # what a build sets aside of the customers whose facts changed, in tables
            changed = project.call("customers_read", "changed", "customer_id")
            connection.execute(f"create view changed.{name} as select * from staging.{model} where {changed}")  # noqa: S608
        # for queries this small, compiling them takes longer than running them
        connection.execute("set jit = off")
        connection.execute("set time zone 'UTC'")
        self._store(
            {
                "raw.product_categories (product_id, category_code)": [
                    (product, category) for product, codes in shop.product_categories.items() for category in codes
                ],
                "raw.payment_methods (payment_method, method_type, paid_display)": [
                    (name, *kind) for name, kind in shop.payment_methods.items()
                ],
            }
        )
        connection.commit()

    @contextmanager
    def holding(self, history: History) -> Iterator[None]:
        """Hold a history for the length of a block."""
        try:
            self.store(history.customers)
            yield
        finally:
            self.connection.rollback()

    def store(self, customers: Iterable[Customer]) -> None:
        """Put customers with all their facts in."""
        self._store(_rows(customers))

    def ask(self, definition: Mapping[str, Any], reading: str, customers: Sequence[str] = ()) -> Answer:
        """Return the answer of a definition's query, in the readings but everyone's for these customers.

        ValueError where a row appears twice.
        """
        query = self.project.eligibility(definition, reading)
        if reading == "given":
            # the argument of the function that the query becomes
            argument = f"(select {_text_array(customers)} as given_customers) as argument"
            query = f"select answer.* from {argument}, lateral ({query}) as answer"  # noqa: S608
        if reading == "changed":
            self.connection.execute("truncate changed.customer_ids")
            self._store({"changed.customer_ids (customer_id)": [(customer,) for customer in customers]})
        answer: dict[RowKey, Row] = {}
        for customer, kind, key, at, on, entry, stop in self.connection.execute(query):
            row_key = RowKey(customer, kind, key)
            if row_key in answer:
                raise ValueError(f"two rows for {row_key}")
            answer[row_key] = Row(at, on, entry, stop)
        return answer

    def _store(self, rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        with self.connection.pipeline(), self.connection.cursor() as cursor:
            for table, values in rows.items():
                if values:
                    marks = ", ".join(["(" + ", ".join(["%s"] * len(values[0])) + ")"] * len(values))
                    insert = f"insert into {table} values {marks}"  # noqa: S608
                    cursor.execute(insert, [value for row in values for value in row])


def _text_array(values: Sequence[str]) -> str:
    return sql.SQL("{}::text[]").format(sql.Literal(list(values))).as_string(None)


def _rows(customers: Iterable[Customer]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the raw tables and of what stands in for the ledger and for segments."""
    customers = list(customers)
    orders = [(c, order) for c in customers for order in c.orders]
    return {
        "raw.customers (customer_id, registered_at, duplicate_status, access_url, postal_code, address, gender,"
        " birth_date, newsletter_status, member_rank, last_login_at, custom_fields)": [
            (
                *(c.customer_id, c.registered_at, c.duplicate_status, c.site, c.postal_code, c.address, c.gender),
                *(c.birth_date, c.newsletter_status, c.member_rank, c.last_login_at),
                None if c.custom_fields is None else Jsonb(dict(c.custom_fields)),
            )
            for c in customers
        ],
        "raw.orders (order_id, customer_id, ordered_at, status, cancelled_at, kind, continuation_no, payment_method,"
        " authorised_on, paid_on, shipped_on, desired_delivery_on, access_url)": [
            (
                *(o.order_id, c.customer_id, o.ordered_at, o.status, o.cancelled_at, o.kind, o.continuation_no),
                *(o.payment_method, o.authorised_on, o.paid_on, o.shipped_on, o.desired_delivery_on, o.site),
            )
            for c, o in orders
        ],
        "raw.order_lines (order_id, line_no, product_id, quantity)": [
            (order.order_id, number, product, 2)
            for _, order in orders
            for number, product in enumerate(order.products, start=1)
        ],
        "raw.customer_events (event_id, customer_id, event_type, event_at, product_id)": [
            (e.event_id, c.customer_id, e.event_type, e.event_at, e.product_id) for c in customers for e in c.events
        ],
        "raw.subscriptions (subscription_id, customer_id, product_id, started_at, cancelled_at, cancel_reason)": [
            (s.subscription_id, c.customer_id, s.product_id, s.started_at, s.cancelled_at, s.cancel_reason)
            for c in customers
            for s in c.subscriptions
        ],
        "raw.customer_tags (customer_id, tag, granted_at)": [
            (c.customer_id, tag, at) for c in customers for tag, at in c.tags.items()
        ],
        "raw.list_members (customer_id, list_code, added_at)": [
            (c.customer_id, code, at) for c in customers for code, at in c.lists.items()
        ],
        "raw.customer_history (customer_id, field, changed_at, value)": [
            (c.customer_id, change.field, change.changed_at, change.value) for c in customers for change in c.changes
        ],
        "outreach.enrolments (scenario_id, customer_id, state, entered_at)": [
            (
                1 + (words.SCENARIO, *words.OTHER_SCENARIOS).index(enrolment.scenario_code),
                *(c.customer_id, "removed" if enrolment.removed else "active", enrolment.entered_at),
            )
            for c in customers
            for enrolment in c.enrolments
        ],
        f"segments.{words.SPANNED_SEGMENT} (customer_id, valid)": [
            (
                c.customer_id,
                TimestamptzMultirange(TimestamptzRange(s.first, s.last) for s in c.segments[words.SPANNED_SEGMENT]),
            )
            for c in customers
            if words.SPANNED_SEGMENT in c.segments
        ],
        f"segments.{words.STANDING_SEGMENT} (customer_id)": [
            (c.customer_id,) for c in customers if words.STANDING_SEGMENT in c.segments
        ],
    }
