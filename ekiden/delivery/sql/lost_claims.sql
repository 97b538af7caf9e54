-- Rows on their way whose sender is gone (its advisory lock is free), or whose outcome nobody knows yet. Those of
-- another channel as well: what was never posted is free whoever had it, and what was posted is known to be unknown.
select
    rows.schedule_row_id,
    rows.message_id,
    attempts.posted_at is not null as was_posted,
    attempts.channel_name = %(channel_name)s as can_be_asked,
    attempts.outcome is not null as is_known_to_be_unknown
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
where
    rows.state = 'sending'
    and rows.schedule_row_id > %(after)s
    and (
        attempts.outcome = 'unknown'
        or not outreach.dispatcher_is_alive(rows.claimed_by)
    )
order by rows.schedule_row_id -- noqa: PRS
limit %(batch_size)s
for update of rows skip locked
