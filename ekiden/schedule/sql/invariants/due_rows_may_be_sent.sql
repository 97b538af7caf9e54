-- Invariants 1 to 4 and 6, asked of the rows that the next send run would claim or, given the day of lists, the next
-- export take. Everything is looked up from those rows by an index, however long the history.
with due as (
    select
        rows.schedule_row_id,
        rows.enrolment_id,
        rows.step_no,
        -- so long after its planned time that its day was over in any time zone, on a day of 25 hours too
        rows.created_at > rows.planned_send_at + interval '25 hours'
        and versions.past_date_policy <> 'send_now' as was_made_late
    from outreach.schedule_rows as rows
    inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
    where
        rows.state = 'ready'
        and (rows.send_at <= %(now)s or rows.due_date <= %(lists_of)s::date)
        and rows.channel = any(%(channels)s)
),

held_at_birth as (
    select due.schedule_row_id
    from due
    where
        exists (
            select
            from outreach.transitions
            where
                transitions.subject = 'schedule_row'
                and transitions.subject_id = due.schedule_row_id
                and transitions.from_state = ''
                and transitions.to_state = 'held'
        )
),

late_at_birth as (
    select
        schedule_row_id,
        'it was held when it was born, and nobody released it' as fault
    from held_at_birth
    union all
    select
        due.schedule_row_id,
        'it was due before the day on which it was made, and nobody released it' as fault
    from due
    where due.was_made_late and due.schedule_row_id not in (select held_at_birth.schedule_row_id from held_at_birth)
),

faults as (
    select
        due.schedule_row_id,
        'its enrolment has another open row' as fault
    from due
    where
        exists (
            select
            from outreach.schedule_rows as others
            where
                others.enrolment_id = due.enrolment_id
                and others.schedule_row_id <> due.schedule_row_id
                and others.state in ('ready', 'held', 'sending', 'failed')
        )
    union all
    select
        due.schedule_row_id,
        'the step before it was not sent' as fault
    from due
    inner join outreach.schedule_rows as earlier
        on due.enrolment_id = earlier.enrolment_id and due.step_no = earlier.step_no + 1
    inner join outreach.scenario_versions as versions on earlier.scenario_version_id = versions.scenario_version_id
    where
        earlier.state not in ('deleted', 'sent')
        and not (earlier.state = 'skipped' and versions.on_skip = 'continue')
    union all
    select
        due.schedule_row_id,
        'it was sent already' as fault
    from due
    where
        exists (select from outreach.messages where messages.schedule_row_id = due.schedule_row_id)
        or exists (
            select
            from outreach.transitions
            where
                transitions.subject = 'schedule_row'
                and transitions.subject_id = due.schedule_row_id
                and transitions.from_state = 'sent'
        )
    union all
    select
        late_at_birth.schedule_row_id,
        late_at_birth.fault
    from late_at_birth
    where
        not exists (
            select
            from outreach.transitions
            where
                transitions.subject = 'schedule_row'
                and transitions.subject_id = late_at_birth.schedule_row_id
                and transitions.transition = 'T3'
                and transitions.actor_kind = 'operator'
        )
)

select
    schedule_row_id,
    fault
from faults
