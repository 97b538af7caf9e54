-- What the printer or the call centre gets: one line per exported row.
select
    scenarios.scenario_code,
    rows.step_no,
    rows.due_date,
    rows.customer_id,
    customers.family_name,
    customers.given_name,
    customers.postal_code,
    customers.address,
    customers.phone,
    rows.message_id
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
left join staging.stg_customers as customers on rows.customer_id = customers.customer_id
where rows.schedule_row_id = any(%(rows)s)
order by scenarios.scenario_code, rows.step_no, rows.customer_id -- noqa: PRS
