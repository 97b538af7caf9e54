-- Invariant 6: no transition leads out of sent.
select
    transition_id,
    subject_id as schedule_row_id,
    to_state,
    actor,
    transitioned_at
from outreach.transitions
where subject = 'schedule_row' and from_state = 'sent'
