select
    enrolment_id,
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    state,
    exit_reason,
    entered_at,
    exited_at,
    coalesce(left_at, exited_at) as left_at
from outreach.enrolments
where customer_id = %(customer_id)s and scenario_id = %(scenario_id)s and state <> 'removed'
order by entered_at, enrolment_id
