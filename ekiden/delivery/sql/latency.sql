with latencies as (
    -- messages older than the column count from the time of their last try
    select sent_at - coalesce(due_at, send_at) as latency
    from outreach.messages
    where
        sent_at >= %(since)s
        and channel_name <> 'export'
        and (%(run_ids)s::uuid[] is null or send_run_id = any(%(run_ids)s))
)

select
    count(*) as messages,
    percentile_cont(0.5) within group (order by latency) as p50,
    percentile_cont(0.95) within group (order by latency) as p95,
    max(latency) as longest
from latencies
having count(*) > 0
