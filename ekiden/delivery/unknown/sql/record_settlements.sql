-- A person's word, with what was known when it was given; the attempt itself is about to be given its answer.
insert into outreach.settlements (
    schedule_row_id, attempt_no, message_id, settled_as, settled_by, settled_at, reason, run_id, answer, answered_at,
    events
)
select
    settled.schedule_row_id,
    settled.attempt_no,
    settled.message_id,
    %(settled_as)s,
    %(actor)s,
    %(now)s,
    %(reason)s,
    %(run_id)s,
    settled.answer,
    settled.answered_at,
    known.events
from outreach.rows_on_their_way as settled
inner join
    unnest(%(rows)s::bigint[], %(events)s::text[]) as known (schedule_row_id, events)
    on settled.schedule_row_id = known.schedule_row_id
