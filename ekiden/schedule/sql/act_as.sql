-- Who acts, in which run and when, for the triggers that record transitions; until the transaction ends. It is on disk
-- when it is committed: a message's claim must survive a crash once the message is posted.
select
    set_config('ekiden.actor_kind', %(actor_kind)s, true),
    set_config('ekiden.actor', %(actor)s, true),
    set_config('ekiden.run_id', %(run_id)s, true),
    set_config('ekiden.now', %(now)s, true),
    set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)
