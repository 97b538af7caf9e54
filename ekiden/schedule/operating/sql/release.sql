-- T3: the due date stays; the send time is today's step time if that is still ahead, else now.
update outreach.schedule_rows as rows
set
    state = 'ready',
    reason = null,
    send_at = greatest(
        (
            (%(now)s::timestamptz at time zone %(time_zone)s)::date
            -- a step's own time, as the night that sets the clocks may have put off the planned one; a habit's is
            -- kept nowhere else
            + case
                when steps.auto_send_time = 'none' then steps.send_time
                else (rows.planned_send_at at time zone %(time_zone)s)::time
            end
        ) at time zone %(time_zone)s,
        %(now)s::timestamptz
    ),
    released_at = %(now)s,
    released_by = %(actor)s,
    state_changed_at = %(now)s
from
    pg_temp.chosen_rows as chosen,
    outreach.enrolments,
    outreach.scenario_steps,
    outreach.scenario_version_steps as steps
where
    rows.schedule_row_id = chosen.schedule_row_id
    and rows.state = 'held'
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.state = 'active'
    and rows.scenario_id = scenario_steps.scenario_id
    and rows.step_no = scenario_steps.step_no
    and scenario_steps.state = 'enabled'
    and rows.scenario_version_id = steps.scenario_version_id
    and rows.step_no = steps.step_no
