-- Invariant 2: the row of step N + 1 is made when step N is sent, or skipped where the scenario goes on after a skip. A
-- skipped row may have been deleted since; a sent one cannot be.
with later_steps as (
    select
        schedule_row_id,
        enrolment_id,
        step_no
    from outreach.schedule_rows
    where step_no > 1 and state <> 'deleted'
),

earlier_steps as (
    select
        schedule_rows.enrolment_id,
        schedule_rows.step_no,
        schedule_rows.state,
        versions.on_skip
    from outreach.schedule_rows
    inner join outreach.scenario_versions as versions
        on schedule_rows.scenario_version_id = versions.scenario_version_id
    where schedule_rows.state <> 'deleted'
)

select
    later_steps.schedule_row_id,
    later_steps.enrolment_id,
    later_steps.step_no,
    earlier_steps.state as state_before
from later_steps
inner join earlier_steps
    on later_steps.enrolment_id = earlier_steps.enrolment_id and later_steps.step_no = earlier_steps.step_no + 1
where
    earlier_steps.state <> 'sent'
    and not (earlier_steps.state = 'skipped' and earlier_steps.on_skip = 'continue')
