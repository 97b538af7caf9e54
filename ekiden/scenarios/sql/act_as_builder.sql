-- Who registers what was built, and when, for the triggers that record changes; until the transaction ends.
select
    set_config('ekiden.actor', %(actor)s, true),
    set_config('ekiden.now', %(now)s, true)
