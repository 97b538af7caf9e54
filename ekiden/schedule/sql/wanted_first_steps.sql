-- Active enrolments without any row wait for their first step.
select
    enrolments.enrolment_id,
    1 as step_no,
    enrolments.anchor_date as previous_date,
    false as follows_a_step
from outreach.enrolments
where
    enrolments.state = 'active'
    and (%(scenario_ids)s::bigint[] is null or enrolments.scenario_id = any(%(scenario_ids)s))
    and not exists (
        select
        from outreach.schedule_rows
        where schedule_rows.enrolment_id = enrolments.enrolment_id and schedule_rows.state <> 'deleted'
    )
