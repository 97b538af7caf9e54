"""DuckDB's tables of facts, and what conditions read of them: the second writing of the marts and of the frames.

Belongs here: one query per mart, and per kind of frame the one that yields `customer_id`, `s` and `e`, the span in
which an occurrence counts. Does not belong here: what becomes of the spans (`duck_eligibility`).

Instants are UTC without a zone, the fastest that DuckDB has; local dates come by addition, as Tokyo has one offset.
"""

# ruff: noqa: S608 - the values are the benchmarks' own, and no one else's

from collections.abc import Mapping, Sequence
from typing import Any

Definition = Mapping[str, Any]

MARTS = {
    "orders": """
        select
            order_id, customer_id, kind, continuation_no, status, access_url as site, amount, orders.payment_method,
            ordered_at, (ordered_at + interval 9 hour)::date as ordered_on, cancelled_at,
            case
                when status = 'cancelled' and cancelled_at is null or cancelled_at <= ordered_at then null
                else ordered_at
            end as s,
            case when status = 'returned' then 'infinity' else coalesce(cancelled_at, 'infinity') end::timestamp as e,
            case
                when method_type in ('coupon', 'points') or paid_display = 'show'
                    then (ordered_at + interval 9 hour)::date
                else coalesce(authorised_on, paid_on)
            end as payment_anchor_on,
            shipped_on,
            coalesce(desired_delivery_on, shipped_on + 5) as desired_delivery_anchor_on
        from raw.orders left join raw.payment_methods using (payment_method)""",
    "purchases": """
        select customer_id, order_id, line_no, product_id, quantity, order_lines.amount, ordered_at, s, e
        from raw.order_lines inner join marts.orders using (order_id)""",
    "customers": """
        with history as (
            select
                customer_id, count(*) as orders, min(ordered_at) as first_ordered_at,
                max(ordered_at) as last_ordered_at, sum(amount) as amount
            from marts.orders where s is not null and e = 'infinity' group by customer_id
        )
        select
            customer_id, family_name, given_name, gender, birth_date, access_url as site, newsletter_status,
            duplicate_status, registered_at, (registered_at + interval 9 hour)::date as registered_on,
            first_ordered_at, last_ordered_at, coalesce(orders, 0) as orders, coalesce(amount, 0) as amount
        from raw.customers left join history using (customer_id)""",
}

# nobody orders before registering in the shop, so that memberships need not begin with the registration at the earliest
LAPSED = """
    select customer_id, s, e from (
        select
            customer_id, (ordered_on + 90)::timestamp - interval 9 hour as s,
            lead(ordered_at, 1, 'infinity') over (partition by customer_id order by ordered_at, order_id) as e
        from marts.orders where s is not null and e = 'infinity'
    ) where s < e"""

# of the rest of a customer's orders at an instant, the last one's local date decides
LAST_ORDER = """
    select spans.customer_id, spans.s, spans.e, max(orders.ordered_on) as last_on
    from (
        select
            customer_id, moment as s,
            lead(moment, 1, 'infinity') over (partition by customer_id order by moment) as e
        from (
            select customer_id, s as moment from marts.orders where s is not null
            union select customer_id, e from marts.orders where s is not null and e <> 'infinity'
        ) where customer_id in (select customer_id from anchors)
    ) as spans inner join marts.orders as orders
    on spans.customer_id = orders.customer_id and orders.s <= spans.s and spans.s < orders.e
    group by spans.customer_id, spans.s, spans.e"""


COUNTING_ORDERS = ("order", "product", "category")
"""Kinds of frames whose occurrences are undone when an order is cancelled."""


def occurrences(frame: Definition, *, with_end: bool = False) -> str:
    """Return the query of a frame's occurrences: customer and span; `with_end`: and until when it is not undone."""
    kind = frame["type"]
    if kind == "order":
        sql = "select customer_id, s, e from marts.orders where s is not null"
    elif kind in {"product", "category"}:
        which = f"in ({listed(frame['codes'])})"
        if kind == "category":
            which = f"in (select product_id from raw.product_categories where category_code {which})"
        sql = f"""select customer_id, s, e from (select distinct customer_id, order_id, s, e from marts.purchases
            where product_id {which} and s is not null)"""
    elif kind == "event":
        sql = f"""select customer_id, event_at as s, 'infinity'::timestamp as e from raw.customer_events
            where event_type in ({listed(frame["codes"])})"""
    elif kind == "subscription_cancelled":
        sql = """select customer_id, greatest(cancelled_at, started_at) as s, 'infinity'::timestamp as e
            from raw.subscriptions where cancelled_at is not null"""
    elif kind == "subscriber":
        sql = """select customer_id, started_at as s, coalesce(cancelled_at, 'infinity') as e from raw.subscriptions
            where cancelled_at is null or cancelled_at > started_at"""
    elif kind == "segment":
        sql = LAPSED
    else:
        sql = _member(frame["member"])
    if "within_days" in frame:
        day_after = (
            f"date_trunc('day', s + interval 9 hour) + interval {frame['within_days'] + 1} day - interval 9 hour"
        )
        sql = f"select *, e as until from ({sql})" if with_end else sql
        sql = f"select * replace (least(e, {day_after}) as e) from ({sql})"
    elif with_end:
        sql = f"select *, e as until from ({sql})"
    if with_end and kind not in COUNTING_ORDERS:
        sql = f"select * replace ('infinity'::timestamp as until) from ({sql})"
    return sql


def _member(member: Definition) -> str:
    always = "'-infinity'::timestamp as s, 'infinity'::timestamp as e"
    if "newsletter" in member:
        statuses = listed(member["newsletter"])
        return f"select customer_id, {always} from raw.customers where newsletter_status in ({statuses})"
    if "age" in member:
        first, last = member["age"]["from"], member["age"]["to"]
        return f"""select customer_id, (birth_date + interval {first} year) - interval 9 hour as s,
            (birth_date + interval {last + 1} year) - interval 9 hour as e
            from raw.customers where gender = '{member["gender"]}' and birth_date is not null"""
    if "birthday" in member:
        before, after = member["birthday"]["days_before"], member["birthday"]["days_after"]
        # for fifty years from the registration on; one year more on either side reaches into them
        return f"""
            select
                customer_id, greatest(day - interval {before} day - interval 9 hour, since) as s,
                least(day + interval {after + 1} day, since_on + interval 50 year) - interval 9 hour as e
            from (
                select
                    customer_id, since_on::timestamp - interval 9 hour as since, since_on,
                    birth_date + to_years(unnest(range(
                        year(since_on) - year(birth_date) - 1, year(since_on) - year(birth_date) + 52))::integer) as day
                from (
                    select *, (registered_at + interval 9 hour)::date as since_on from raw.customers
                    where birth_date is not null and customer_id in (select customer_id from anchors)
                )
            ) where s < e"""
    first, last = member["last_ordered_days_ago"]["from"], member["last_ordered_days_ago"]["to"]
    return f"""
        select customer_id, greatest(s, (last_on + {first})::timestamp - interval 9 hour) as s,
            least(e, (last_on + {last + 1})::timestamp - interval 9 hour) as e
        from ({LAST_ORDER})
        where greatest(s, (last_on + {first})::timestamp - interval 9 hour)
            < least(e, (last_on + {last + 1})::timestamp - interval 9 hour)"""


def listed(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
