-- Only of the attempt that the row stands at; a sender's answer only where the attempt is its own.
update outreach.attempts
set
    finished_at = %(now)s,
    outcome = answered.outcome,
    provider_message_id = answered.provider_message_id,
    costs_a_try = answered.costs_a_try,
    detail = nullif(answered.detail, '')
from
    unnest(
        %(rows)s::bigint[],
        %(outcomes)s::text[],
        %(provider_message_ids)s::text[],
        %(details)s::text[],
        %(costs_a_try)s::boolean[]
    ) as answered (schedule_row_id, outcome, provider_message_id, detail, costs_a_try)
inner join outreach.schedule_rows as rows on answered.schedule_row_id = rows.schedule_row_id
where
    attempts.schedule_row_id = answered.schedule_row_id
    and attempts.attempt_no = rows.attempts
    and (attempts.outcome is null or attempts.outcome = 'unknown')
    and (%(sender)s::integer is null or attempts.claimed_by = %(sender)s)
returning attempts.schedule_row_id
