-- Invariant 4: what was held at its birth is sent only after a person's release (T3).
with born_held as (
    select subject_id as schedule_row_id
    from outreach.transitions
    where subject = 'schedule_row' and from_state = '' and to_state = 'held'
),

released as (
    select distinct subject_id as schedule_row_id
    from outreach.transitions
    where subject = 'schedule_row' and transition = 'T3' and actor_kind = 'operator'
)

select
    schedule_rows.schedule_row_id,
    schedule_rows.due_date,
    schedule_rows.sent_at
from outreach.schedule_rows
inner join born_held on schedule_rows.schedule_row_id = born_held.schedule_row_id
left join released on schedule_rows.schedule_row_id = released.schedule_row_id
where schedule_rows.state = 'sent' and released.schedule_row_id is null
