-- Invariant 5: planning makes rows and cancels stopped ones (T15); any other change would be a rewriting.
select
    transition_id,
    subject_id as schedule_row_id,
    transition,
    from_state,
    to_state,
    run_id
from outreach.transitions
where
    subject = 'schedule_row'
    and actor_kind = 'materialiser'
    and from_state <> ''
    and transition <> 'T15'
