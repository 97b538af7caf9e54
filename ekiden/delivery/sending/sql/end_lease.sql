update outreach.dispatchers
set ended_at = clock_timestamp(), lease_until = least(lease_until, clock_timestamp())
where number = %(number)s
