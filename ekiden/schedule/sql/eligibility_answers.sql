-- Each row asked about, since when it is in its state, why it is held, and how its customer stands.
select
    asked_rows.schedule_row_id,
    asked_rows.state_changed_at,
    asked_rows.hold_reason,
    answers.because
from pg_temp.asked_rows
left join pg_temp.answers on asked_rows.schedule_row_id = answers.schedule_row_id
