-- Active enrolments whose next message belongs to a step that was stopped by force, with all below it (R-135c): those
-- with a row that can still be cancelled, and those that wait for their first row. Others are left to their sender.
with found as (
    select
        stoppable.enrolment_id,
        coalesce(stoppable.row_state, 'ready') in ('ready', 'held') as is_waiting
    from pg_temp.stoppable
    inner join outreach.scenario_steps as steps
        on stoppable.scenario_id = steps.scenario_id and stoppable.step_no = steps.step_no
    where
        steps.state = 'force_stopped'
        and (
            stoppable.row_state is not null
            or not exists (
                select
                from outreach.schedule_rows as earlier
                where earlier.enrolment_id = stoppable.enrolment_id and earlier.state <> 'deleted'
            )
        )
),

left_alone as (
    insert into pg_temp.left_alone (enrolment_id)
    select enrolment_id from found
    where not is_waiting
    on conflict do nothing
)

insert into pg_temp.stops (enrolment_id, reason)
select
    enrolment_id,
    'force_stopped' as reason
from found
where is_waiting
on conflict do nothing
