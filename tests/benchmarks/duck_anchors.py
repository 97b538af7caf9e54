"""The anchors of a scenario in DuckDB: one row per customer and anchor, with what it is judged by.

Belongs here: the queries of anchors. Does not belong here: conditions (`duck_facts`, `duck_eligibility`).
"""

# ruff: noqa: S608 - the values are the benchmarks' own, and no one else's

from collections.abc import Sequence

from tests.benchmarks.duck_facts import LAPSED, Definition, listed

ORDER_DATES = {
    "ordered": "ordered_on",
    "paid": "payment_anchor_on",
    "shipped": "shipped_on",
    "desired_delivery": "desired_delivery_anchor_on",
}


def kind_of(definition: Definition) -> str:
    anchor = definition["anchor"]
    return anchor if isinstance(anchor, str) else next(iter(anchor))


def anchors(definition: Definition, target: Sequence[Definition]) -> str:
    kind, anchor = kind_of(definition), definition["anchor"]
    argument = anchor if isinstance(anchor, str) else anchor[kind]
    if kind in ORDER_DATES:
        return _order_anchors(definition, kind, target)
    if kind == "nth_purchase":
        return _nth_anchors(argument)
    lasting = (
        "{at} as anchor_at, ({at} + interval 9 hour)::date as anchor_date, null::timestamp as judged_at, {at} as s"
    )
    for_ever = "'infinity'::timestamp as e"
    if kind == "entered":
        # memberships of one customer never touch: each ends with an order that begins the next, 90 days later
        key = "strftime(s, '%Y-%m-%dT%H:%M:%S.%fZ')"
        return f"select customer_id, {key} as anchor_key, {lasting.format(at='s')}, e from ({LAPSED})"
    source, key, at, where = {
        "member_registered": ("raw.customers", "customer_id", "registered_at", "true"),
        "event": ("raw.customer_events", "event_id", "event_at", f"event_type = '{argument}'"),
        "list_imported": ("raw.list_members", "list_code", "added_at", f"list_code = '{argument}'"),
        "subscription_cancelled": (
            "raw.subscriptions", "subscription_id", "greatest(cancelled_at, started_at)", "cancelled_at is not null",
        ),
    }[kind]  # fmt: skip
    return f"select customer_id, {key} as anchor_key, {lasting.format(at=at)}, {for_ever} from {source} where {where}"


def _order_anchors(definition: Definition, kind: str, target: Sequence[Definition]) -> str:
    day = ORDER_DATES[kind]
    # a date begins before an order of that day is placed
    at = "ordered_at" if kind == "ordered" else f"greatest(ordered_at, {day}::timestamp - interval 9 hour)"
    filters = definition.get("orders", {})
    conditions = [f"{day} is not null"]
    if "kind" in filters:
        conditions.append(f"kind = '{filters['kind']}'")
    if "continuation_no" in filters:
        conditions.append(f"continuation_no = {filters['continuation_no']}")
    if "period" in filters:
        conditions.append(f"ordered_on >= date '{filters['period']['from']}'")
    if held := _held(target):
        either = [f"product_id in ({listed(held['product'])})"] if held["product"] else []
        if held["category"]:
            codes = listed(held["category"])
            either.append(
                f"product_id in (select product_id from raw.product_categories where category_code in ({codes}))"
            )
        conditions.append(f"order_id in (select order_id from marts.purchases where {' or '.join(either)})")
    return f"""
        select
            customer_id, order_id as anchor_key, {at} as anchor_at, {day} as anchor_date, ordered_at as judged_at, s, e
        from marts.orders where {" and ".join(conditions)}"""


def _nth_anchors(argument: Definition) -> str:
    # the n-th from when its n-th last predecessor has ended until its (n-1)-th last one has, where they ended at all
    n = argument["n"]
    return f"""
        with placed as (
            select
                *, row_number() over by_time as place, count(*) filter (where e = 'infinity') over by_time as lasting
            from marts.orders
            where s is not null and order_id in (
                select order_id from marts.purchases where product_id in ({listed(argument["products"])})
            )
            window by_time as (
                partition by customer_id order by ordered_at, order_id
                rows between unbounded preceding and current row
            )
        ),
        candidates as (from placed where place >= {n} and lasting - (e = 'infinity')::int < {n}),
        endings as (
            select candidates.order_id, list(placed.e order by placed.e desc) as ended
            from candidates inner join placed
            on candidates.customer_id = placed.customer_id and placed.place < candidates.place
            group by candidates.order_id
        )
        from (
            select
                customer_id, order_id as anchor_key, ordered_at as anchor_at, ordered_on as anchor_date,
                ordered_at as judged_at, greatest(s, ended[{n}]) as s, least(e, ended[{n - 1}]) as e
            from candidates left join endings using (order_id)
        ) where s < e"""


def _held(target: Sequence[Definition]) -> dict[str, list[str]]:
    """Return the products and categories of which an order must hold one to be an anchor; none: any order is one."""
    bought = [frame for frame in target if frame.get("relation") != "not"]
    if any(frame["type"] == "order" for frame in bought):
        return {}
    held = {kind: [c for f in bought if f["type"] == kind for c in f["codes"]] for kind in ("product", "category")}
    return held if any(held.values()) else {}


def is_order(definition: Definition) -> bool:
    """Return whether the anchor is an order, which the target is asked of as it came in."""
    return kind_of(definition) in {*ORDER_DATES, "nth_purchase"}


def anchors_everyone(definition: Definition, target: Sequence[Definition]) -> bool:
    if kind_of(definition) in ORDER_DATES:
        return not definition.get("orders") and not _held(target)
    return kind_of(definition) in {"member_registered", "entered"}
