-- E5: the enrolments of the rows that an operator ended.
update outreach.enrolments
set state = 'stopped', exit_reason = %(exit_reason)s, exited_at = %(now)s
from pg_temp.chosen_rows as chosen
inner join outreach.schedule_rows as rows
    on chosen.schedule_row_id = rows.schedule_row_id and chosen.state <> rows.state
where enrolments.enrolment_id = chosen.enrolment_id and enrolments.state = 'active'
