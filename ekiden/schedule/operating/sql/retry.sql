-- T10, by a person: whatever the dispatcher's budget of tries says.
update outreach.schedule_rows as rows
set
    state = 'ready',
    reason = null,
    send_at = %(now)s,
    -- a person has looked at it: as after a release, it is not held for being late. In the message's lineage it stands
    -- as a release too; that it was a retry says its transition, T10.
    released_at = %(now)s,
    released_by = %(actor)s,
    state_changed_at = %(now)s
from pg_temp.chosen_rows as chosen, outreach.enrolments
where
    rows.schedule_row_id = chosen.schedule_row_id
    and rows.state = 'failed'
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.state = 'active'
