-- Invariant 4: what was held when it was made, or should have been, is sent only after a person's release (T3). Should
-- have been: made so long after its planned time that its day was over in any time zone, on a day of 25 hours too.
with born_late as (
    select subject_id as schedule_row_id
    from outreach.transitions
    where subject = 'schedule_row' and from_state = '' and to_state = 'held'
    union
    select late.schedule_row_id
    from outreach.schedule_rows as late
    inner join outreach.scenario_versions as versions on late.scenario_version_id = versions.scenario_version_id
    where
        late.created_at > late.planned_send_at + interval '25 hours'
        and late.state = 'sent'
        and versions.past_date_policy <> 'send_now'
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
inner join born_late on schedule_rows.schedule_row_id = born_late.schedule_row_id
left join released on schedule_rows.schedule_row_id = released.schedule_row_id
where schedule_rows.state = 'sent' and released.schedule_row_id is null
