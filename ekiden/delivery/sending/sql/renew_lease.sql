update outreach.dispatchers
set lease_until = clock_timestamp() + %(length)s
where number = %(number)s
