-- The site that a row's message is of: its scenario's, else that of the anchor order, else that of the customer's
-- account.
select
    rows.schedule_row_id,
    coalesce(
        versions.definition ->> 'site',
        -- a shop's own staging need not have the column
        nullif(to_jsonb(orders) ->> 'site', ''),
        nullif(to_jsonb(customers) ->> 'site', '')
    ) as site
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
left join staging.stg_orders as orders
    on
        enrolments.anchor_kind in ('ordered', 'paid', 'shipped', 'desired_delivery', 'nth_purchase')
        and enrolments.anchor_key = orders.order_id
left join staging.stg_customers as customers on rows.customer_id = customers.customer_id
where rows.schedule_row_id = any(%(rows)s)
