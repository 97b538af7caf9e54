insert into outreach.provider_waits as waits (channel_name, wait_until, reason, noted_at)
values (%(channel_name)s, %(until)s, %(reason)s, %(now)s)
on conflict (channel_name) do update
    set wait_until = excluded.wait_until, reason = excluded.reason, noted_at = excluded.noted_at
    where waits.wait_until < excluded.wait_until or waits.noted_at > %(latest)s
