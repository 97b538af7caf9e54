select
    transitions.transition,
    nullif(transitions.from_state, '') as from_state,
    transitions.to_state,
    transitions.reason,
    transitions.actor_kind,
    transitions.actor,
    transitions.transitioned_at
from outreach.transitions
where transitions.subject = 'schedule_row' and transitions.subject_id = %(schedule_row_id)s
order by transitions.transition_id
