-- How many messages these runs sent, by due date.
select
    messages.due_date,
    count(*) as messages
from outreach.messages
where
    -- the index of messages is by time, and a run sends nothing before it starts
    messages.sent_at >= (select min(runs.started_at) from outreach.runs where runs.run_id = any(%(runs)s))
    and messages.send_run_id = any(%(runs)s)
group by messages.due_date
order by messages.due_date
