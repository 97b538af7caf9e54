-- E10
update outreach.enrolments
set state = 'active', exit_reason = null, exited_at = null, left_at = null
from pg_temp.chosen_rows as chosen
inner join outreach.schedule_rows as rows
    on chosen.schedule_row_id = rows.schedule_row_id and chosen.state <> rows.state
where
    enrolments.enrolment_id = chosen.enrolment_id
    and enrolments.state = 'stopped'
    and enrolments.exit_reason = 'blocked'
