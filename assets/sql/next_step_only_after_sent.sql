-- Invariant 2: step N + 1 is born when step N is sent, or skipped where the scenario goes on after a skip.
with later_steps as (
    select
        schedule_row_id,
        enrolment_id,
        scenario_version_id,
        step_no
    from outreach.schedule_rows
    where step_no > 1 and state <> 'deleted'
),

earlier_steps as (
    select
        enrolment_id,
        step_no,
        state
    from outreach.schedule_rows
    where state <> 'deleted'
)

select
    later_steps.schedule_row_id,
    later_steps.enrolment_id,
    later_steps.step_no,
    earlier_steps.state as state_before
from later_steps
inner join outreach.scenario_versions as versions
    on later_steps.scenario_version_id = versions.scenario_version_id
left join earlier_steps
    on later_steps.enrolment_id = earlier_steps.enrolment_id and later_steps.step_no = earlier_steps.step_no + 1
where
    earlier_steps.state is distinct from 'sent'
    and not (earlier_steps.state = 'skipped' and versions.on_skip = 'continue')
