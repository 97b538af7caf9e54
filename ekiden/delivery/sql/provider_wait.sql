select wait_until
from outreach.provider_waits
where channel_name = %(channel_name)s and wait_until > %(now)s
