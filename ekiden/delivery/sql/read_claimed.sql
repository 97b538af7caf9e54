-- The claimed rows with everything that the checks and the message need, read live: consent, suppression, addresses.
select
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.message_id,
    rows.step_no,
    rows.channel,
    rows.send_at,
    scenarios.scenario_code,
    steps.content,
    versions.consent_recheck,
    enrolments.anchor_date,
    customers.customer_id is not null as customer_exists,
    customers.family_name,
    customers.given_name,
    customers.email,
    customers.email_2,
    customers.newsletter_status,
    exists(
        select
        from outreach.suppression_list as suppressed
        where suppressed.customer_id = rows.customer_id and suppressed.address is null
    ) as is_suppressed,
    coalesce(array(
        select suppressed.address
        from outreach.suppression_list as suppressed
        where suppressed.address in (lower(customers.email), lower(customers.email_2))
    ), '{}') as suppressed_addresses,
    -- a few names are enough for a message; what the scenario is about comes first
    array( -- noqa: PRS, LT02
        select anchor_line.product_name
        from (
            select
                products.product_name,
                lines.line_no,
                lines.product_id in (
                    select code #>> '{}'
                    from jsonb_path_query(versions.definition, '$.target.frames[*].codes[*]') as code
                )
                or exists (
                    select
                    from staging.stg_product_categories as linked
                    where
                        linked.product_id = lines.product_id
                        and linked.category_code in (
                            select code #>> '{}'
                            from jsonb_path_query(versions.definition, '$.target.frames[*].codes[*]') as code
                        )
                ) as is_targeted
            from staging.stg_order_lines as lines
            inner join staging.stg_products as products on lines.product_id = products.product_id
            where
                enrolments.anchor_kind in ('ordered', 'paid', 'shipped', 'desired_delivery', 'nth_purchase')
                and lines.order_id = enrolments.anchor_key
        ) as anchor_line
        order by anchor_line.is_targeted desc, anchor_line.line_no asc
        limit 5
    ) as anchor_products,
    array(
        select products.product_name
        from jsonb_path_query(versions.definition, '$.stop.frames[*].codes[*]') as code
        inner join staging.stg_products as products on code #>> '{}' = products.product_id
        group by products.product_name
        order by min(products.product_id)
        limit 5
    ) as offered_products
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as steps
    on rows.scenario_version_id = steps.scenario_version_id and rows.step_no = steps.step_no
left join staging.stg_customers as customers on rows.customer_id = customers.customer_id
where rows.schedule_row_id = any(%(rows)s) and rows.state = 'sending' and rows.claimed_by = %(dispatcher)s
order by rows.send_at, rows.schedule_row_id -- noqa: PRS
