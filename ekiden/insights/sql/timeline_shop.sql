-- A part of timeline.sql: what the shop knows of one customer, as the models have it, one CTE per source.
with customer as (
    select
        customer_id,
        registered_at
    from staging.stg_customers
    where customer_id = %(customer_id)s
),

registrations as (
    select
        registered_at as occurred_at,
        'registered' as kind,
        '{{}}'::jsonb as details
    from customer
),

lines as (
    select
        lines.order_id,
        jsonb_agg(
            jsonb_build_object(
                'product_id', lines.product_id,
                'product_name', products.product_name,
                'quantity', lines.quantity
            )
            order by lines.line_no
        ) as told
    from staging.stg_orders as orders
    inner join staging.stg_order_lines as lines on orders.order_id = lines.order_id
    left join staging.stg_products as products on lines.product_id = products.product_id
    where orders.customer_id = %(customer_id)s
    group by lines.order_id
),

orders as (
    select
        orders.ordered_at as occurred_at,
        'ordered' as kind,
        jsonb_build_object(
            'order_id', orders.order_id,
            'kind', orders.kind,
            'continuation_no', orders.continuation_no,
            'status', orders.status,
            'shipped_on', orders.shipped_on,
            'lines', lines.told
        ) as details
    from staging.stg_orders as orders
    left join lines on orders.order_id = lines.order_id
    where orders.customer_id = %(customer_id)s
),

cancelled_orders as (
    select
        cancelled_at as occurred_at,
        'order_cancelled' as kind,
        jsonb_build_object('order_id', order_id, 'status', status) as details
    from staging.stg_orders
    where customer_id = %(customer_id)s and cancelled_at is not null
),

subscriptions as (
    select
        subscriptions.started_at,
        subscriptions.cancelled_at,
        subscriptions.cancel_reason,
        jsonb_build_object(
            'subscription_id', subscriptions.subscription_id,
            'product_id', subscriptions.product_id,
            'product_name', products.product_name
        ) as details
    from staging.stg_subscriptions as subscriptions
    left join staging.stg_products as products on subscriptions.product_id = products.product_id
    where subscriptions.customer_id = %(customer_id)s
),

subscription_changes as (
    select
        started_at as occurred_at,
        'subscription_started' as kind,
        details
    from subscriptions
    union all
    select
        cancelled_at as occurred_at,
        'subscription_cancelled' as kind,
        details || jsonb_build_object('reason', cancel_reason) as details
    from subscriptions
    where cancelled_at is not null
),

events as (
    select
        events.event_at as occurred_at,
        'event' as kind,
        jsonb_build_object(
            'event_type', events.event_type,
            'product_id', events.product_id,
            'product_name', products.product_name
        ) as details
    from staging.stg_customer_events as events
    left join staging.stg_products as products on events.product_id = products.product_id
    where
        events.customer_id = %(customer_id)s
        -- what is told of our messages stands with their steps, below
        and events.event_id not in (
            select 'delivery ' || encode(told.event_key, 'hex')
            from outreach.delivery_events as told
            where told.customer_id = %(customer_id)s
        )
),

tags as (
    select
        granted_at as occurred_at,
        'tag_granted' as kind,
        jsonb_build_object('tag', tag) as details
    from staging.stg_customer_tags
    where customer_id = %(customer_id)s
),

lists as (
    select
        added_at as occurred_at,
        'list_entered' as kind,
        jsonb_build_object('list_code', list_code) as details
    from staging.stg_list_members
    where customer_id = %(customer_id)s
),

-- what a value was before its first known change tells no change
member_changes as (
    select
        lower(valid) as occurred_at,
        'member_changed' as kind,
        jsonb_build_object(
            'field', field,
            'before', lag(value) over (partition by field order by lower(valid) asc nulls first),
            'after', value
        ) as details
    from staging.stg_customer_history
    where customer_id = %(customer_id)s
),

-- segments say who is in them now; when somebody came in is kept where it was an anchor
segments as (
    select distinct
        enrolments.anchor_at as occurred_at,
        'segment_entered' as kind,
        jsonb_build_object('segment', versions.definition #>> '{{anchor,entered}}') as details
    from outreach.enrolments
    inner join outreach.scenario_versions as versions on enrolments.scenario_version_id = versions.scenario_version_id
    where
        enrolments.customer_id = %(customer_id)s
        and enrolments.anchor_kind = 'entered'
        and versions.definition #>> '{{anchor,entered}}' is not null
),

facts as (
    select * from registrations
    union all
    select * from orders
    union all
    select * from cancelled_orders
    union all
    select * from subscription_changes
    union all
    select * from events
    union all
    select * from tags
    union all
    select * from lists
    union all
    select * from member_changes
    where occurred_at is not null
    union all
    select * from segments
)

select
    occurred_at,
    0::bigint as sequence_no,
    kind,
    null::text as scenario_code,
    null::integer as step_no,
    details,
    1 as source_no
from facts
