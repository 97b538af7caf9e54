-- Rows on their way whose sender is gone (its advisory lock is free, or its lease over), or whose outcome nobody knows
-- yet. Those of another channel as well: what was never posted is free whoever had it, and what was posted is known to
-- be unknown.
with senders as (
    select distinct claimed_by
    from outreach.attempts
    where finished_at is null or outcome = 'unknown'
),

-- asked once for each sender, not for each of its rows
asked as materialized (
    select
        claimed_by,
        outreach.dispatcher_is_alive(claimed_by) as is_alive,
        outreach.dispatcher_has_a_session(claimed_by) as has_a_session
    from senders
)

select
    rows.schedule_row_id,
    rows.message_id,
    attempts.posted_at is not null as was_posted,
    -- that a channel does not have a message says nothing while its sender may wake up and post it
    attempts.channel_name = %(channel_name)s and not asked.has_a_session as can_be_asked,
    attempts.outcome is not null as is_known_to_be_unknown
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
inner join asked on attempts.claimed_by = asked.claimed_by
where
    rows.state = 'sending'
    and rows.schedule_row_id > %(after)s
    and (
        (attempts.finished_at is null and not asked.is_alive)
        -- asked again and again, where there is somebody to ask
        or (attempts.outcome = 'unknown' and attempts.channel_name = %(channel_name)s and %(is_answered)s)
    )
order by rows.schedule_row_id -- noqa: PRS
limit %(batch_size)s
-- the attempts too: whoever records one at this moment holds it, and is left to it
for update of rows, attempts skip locked
