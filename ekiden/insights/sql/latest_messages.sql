-- The newest message of every scenario and step first, then the second newest of each, and so on.
with ranked as (
    select
        message_id,
        sent_at,
        row_number() over (partition by scenario_id, step_no order by sent_at desc, message_id asc) as place
    from outreach.messages
)

select message_id
from ranked
order by place asc, sent_at desc, message_id asc
limit %(limit)s
