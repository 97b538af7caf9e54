-- Active enrolments whose next message belongs to a step that was stopped by force, with all below it (R-135c).
insert into pg_temp.stops (enrolment_id, reason)
select
    open_rows.enrolment_id,
    'force_stopped' as reason
from outreach.schedule_rows as open_rows
inner join outreach.scenario_steps as steps
    on open_rows.scenario_id = steps.scenario_id and open_rows.step_no = steps.step_no
where
    open_rows.state in ('ready', 'held')
    and steps.state = 'force_stopped'
on conflict do nothing
