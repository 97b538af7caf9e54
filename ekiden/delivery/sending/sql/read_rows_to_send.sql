-- The rows about to be claimed, with everything that the checks and the message need, read live; what stands against
-- writing to their customers is read by `consent.objections`.
-- once for all that is read of them
with due as materialized (
    select
        rows.schedule_row_id,
        rows.message_id,
        rows.scenario_id,
        rows.scenario_version_id,
        rows.step_no,
        rows.channel,
        rows.customer_id,
        rows.send_at,
        enrolments.anchor_kind,
        enrolments.anchor_key,
        enrolments.anchor_date
    from outreach.schedule_rows as rows
    inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
    where rows.schedule_row_id = any(%(rows)s)
),

versions_due as (
    select distinct scenario_version_id
    from due
),

-- where a definition says which products it is about
about (place) as (
    values
    ('$.target.frames[*].codes[*]'::jsonpath),
    ('$.orders.products[*]'),
    ('$.orders.categories[*]'),
    ('$.anchor.nth_purchase.products[*]')
),

targeted as (
    select
        versions.scenario_version_id,
        code #>> '{{}}' as code
    from versions_due
    inner join outreach.scenario_versions as versions
        on versions_due.scenario_version_id = versions.scenario_version_id
    cross join about
    cross join lateral jsonb_path_query(versions.definition, about.place) as code
),

targeted_products as (
    select
        scenario_version_id,
        code as product_id
    from targeted
    union
    select
        targeted.scenario_version_id,
        linked.product_id
    from targeted
    inner join staging.stg_product_categories as linked on targeted.code = linked.category_code
),

offered_lines as (
    select
        versions.scenario_version_id,
        products.product_name,
        row_number() over (
            partition by versions.scenario_version_id order by min(products.product_id)
        ) as place
    from versions_due
    inner join outreach.scenario_versions as versions
        on versions_due.scenario_version_id = versions.scenario_version_id
    cross join lateral jsonb_path_query(versions.definition, '$.stop.frames[*].codes[*]') as code
    inner join staging.stg_products as products on code #>> '{{}}' = products.product_id
    group by versions.scenario_version_id, products.product_name
),

offered_products as (
    select
        scenario_version_id,
        array_agg(product_name order by place) as names
    from offered_lines
    where place <= 5
    group by scenario_version_id
),

-- a product may stand on several lines, and several may have one name
ordered_names as (
    select
        due.schedule_row_id,
        products.product_name,
        bool_or(targeted_products.product_id is not null) as is_targeted,
        min(lines.line_no) as line_no
    from due
    inner join staging.stg_order_lines as lines on due.anchor_key = lines.order_id
    inner join staging.stg_products as products on lines.product_id = products.product_id
    left join targeted_products
        on
            due.scenario_version_id = targeted_products.scenario_version_id
            and lines.product_id = targeted_products.product_id
    where due.anchor_kind in ('ordered', 'paid', 'shipped', 'desired_delivery', 'nth_purchase')
    group by due.schedule_row_id, products.product_name
),

-- what the scenario is about comes first; a few names are enough for a message
ordered_products as (
    select
        schedule_row_id,
        (array_agg(product_name order by is_targeted desc, line_no asc))[:5] as names
    from ordered_names
    group by schedule_row_id
),

-- what lies in a cart, or was looked at: of that day's events of the anchor's kind and of later ones, since the order
-- that was made on it, if any: what came before was bought or left alone by then (R-185, R-186)
event_products as (
    select
        due.schedule_row_id,
        (array_agg(seen.product_name order by seen.last_at desc, seen.product_name asc))[:5] as names
    from due
    -- customer by customer, whatever the planner thinks of how many there are
    inner join lateral (
        select
            products.product_name,
            max(events.event_at) as last_at
        from staging.stg_customer_events as anchors
        left join lateral (
            select max(orders.ordered_at) as ordered_at
            from staging.stg_orders as orders
            where orders.customer_id = due.customer_id and orders.ordered_at <= anchors.event_at
        ) as before on true
        inner join staging.stg_customer_events as events
            on
                anchors.customer_id = events.customer_id
                and anchors.event_type = events.event_type
                and events.event_at
                >= greatest(date_trunc('day', anchors.event_at, %(time_zone)s), before.ordered_at)
        inner join staging.stg_products as products on events.product_id = products.product_id
        where anchors.customer_id = due.customer_id and anchors.event_id = due.anchor_key
        group by products.product_name
    ) as seen on true
    where due.anchor_kind = 'event'
    group by due.schedule_row_id
),

no_mail_format as (
    select null as mail_format
)

select
    due.schedule_row_id,
    due.message_id,
    due.step_no,
    due.channel,
    due.customer_id,
    scenarios.scenario_code,
    steps.content,
    versions.consent_recheck,
    versions.definition -> 'address_policy' as address_policy,
    coalesce((versions.definition ->> 'variant_by_domain')::boolean, true) as variant_by_domain,
    due.anchor_date,
    customers.customer_id is not null as customer_exists,
    customers.family_name,
    customers.given_name,
    customers.email,
    customers.email_2,
    customers.mail_format,
    customers.phone,
    customers.line_user_id,
    case when due.channel = 'web_push' then ({web_push_subscription}) end as web_push_subscription,
    customers.newsletter_status,
    coalesce(ordered_products.names, event_products.names, '{{}}') as anchor_products,
    coalesce(offered_products.names, '{{}}') as offered_products
from due
inner join outreach.scenarios on due.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on due.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as steps
    on due.scenario_version_id = steps.scenario_version_id and due.step_no = steps.step_no
left join ordered_products on due.schedule_row_id = ordered_products.schedule_row_id
left join event_products on due.schedule_row_id = event_products.schedule_row_id
left join offered_products on due.scenario_version_id = offered_products.scenario_version_id
cross join no_mail_format
left join lateral (
    select
        stg_customers.customer_id,
        stg_customers.family_name,
        stg_customers.given_name,
        stg_customers.email,
        stg_customers.email_2,
        stg_customers.phone,
        stg_customers.line_user_id,
        stg_customers.newsletter_status,
        -- of no_mail_format where the shop's own stg_customers does not have the column
        mail_format::text as mail_format -- noqa: RF02
    from staging.stg_customers
    where stg_customers.customer_id = due.customer_id
) as customers on true
order by due.send_at, due.schedule_row_id -- noqa: PRS
