select
    channel_name,
    wait_until as until,
    reason
from outreach.provider_waits
where wait_until > %(now)s and noted_at <= %(latest)s
order by channel_name
