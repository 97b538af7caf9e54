-- What the printer or the call centre gets: one line for each person of an export.
select
    scenarios.scenario_code,
    messages.step_no,
    messages.channel,
    messages.due_date,
    messages.customer_id,
    customers.family_name,
    customers.given_name,
    customers.postal_code,
    customers.address,
    customers.phone,
    messages.message_id::text as message_id
from outreach.messages
inner join outreach.scenarios on messages.scenario_id = scenarios.scenario_id
left join staging.stg_customers as customers on messages.customer_id = customers.customer_id
where messages.send_run_id = %(run_id)s and messages.channel_name = 'export'
-- the same order each time, so that a list written again is the same file
order by scenarios.scenario_code, messages.step_no, messages.customer_id, messages.message_id
