-- Why a row of `operator_rows` is held. Whether a person did it is read from its transition: who reopens a row says why
-- in words of their own.
select case when transitions.actor_kind = 'operator' then 'operator' else operator_rows.reason end -- noqa: RF01
from outreach.transitions
where
    transitions.subject = 'schedule_row'
    and transitions.subject_id = operator_rows.schedule_row_id -- noqa: RF01
    and transitions.to_state = 'held'
order by transitions.transition_id desc
limit 1
