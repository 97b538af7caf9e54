-- Who may enter one scenario now: one candidate per entry, the earliest due first (Q-10). The sweep takes
-- every day up to the last one planned.
insert into pg_temp.candidates (
    scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date,
    entry_date
)
with eligible as (
    select
        customer_id,
        case when %(reentry)s = 'never' then '' else anchor_kind || ':' || anchor_key end as entry_key,
        anchor_kind,
        anchor_key,
        anchor_at,
        anchor_date,
        -- the day that this entry is about: step 1's, or the anchor's own (C-05)
        anchor_date + %(entry_offset)s::integer as entry_date
    from {eligibility}
    where
        {among}
        -- bounds of the column itself, so that an index on it serves the sweep
        and anchor_date >= coalesce(%(anchored_from)s::date, '-infinity')
        and anchor_date <= %(anchored_to)s::date
        -- a table written by hand may hold nulls; it must not end the planning of all the others
        and customer_id is not null
        and anchor_kind is not null
        and anchor_key is not null
        and anchor_at is not null
        and entry_during @> (
            {judged_at}
        )
        -- whom a stop kept out then, the plan of that day would not have let in
        and not stop_during @> (
            {judged_at}
        )
        and not stop_during @> %(now)s::timestamptz
),

-- the same rule stands in audience.sql and explanation/planning.py of ekiden/insights; test_keeping_out asks all three
not_yet_entered as (
    select *
    from eligible
    where not exists (
        select
        from outreach.enrolments as earlier
        where
            earlier.scenario_id = %(scenario_id)s
            and eligible.customer_id = earlier.customer_id
            and earlier.state <> 'removed'
            and (
                %(reentry)s = 'never'
                or earlier.exit_reason = 'blocked'
                -- not by the entry's key, which is another one where the scenario's reentry was edited meanwhile
                or (
                    eligible.anchor_kind = earlier.anchor_kind
                    and eligible.anchor_key = earlier.anchor_key
                )
                -- what triggers again during an enrolment is ignored, also once that has ended (R-045, C-06); it lasts
                -- until what ended it came, which is noticed later (R-017)
                or (
                    %(reentry)s = 'after_exit'
                    and not %(restarts)s
                    and (
                        earlier.state = 'active'
                        or coalesce(earlier.left_at, earlier.exited_at) >= eligible.anchor_at
                    )
                )
                -- or starts anew, but never from an anchor before the last one, and not where the enrolment that it
                -- fell into was stopped
                or (
                    %(restarts)s
                    and (
                        earlier.anchor_at >= eligible.anchor_at
                        or (
                            earlier.state = 'stopped'
                            and earlier.exit_reason <> 'superseded'
                            and coalesce(earlier.left_at, earlier.exited_at) >= eligible.anchor_at
                        )
                    )
                )
            )
    )
    -- an option: who was blocked in one scenario enters no other either (T13)
    and not exists ({blocked_anywhere})
)

select distinct on (
    customer_id, case when %(reentry)s = 'per_anchor' and not %(restarts)s then entry_key end
)
    %(scenario_id)s,
    %(scenario_version_id)s,
    customer_id,
    entry_key,
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    entry_date
from not_yet_entered
order by
    customer_id asc,
    case when %(reentry)s = 'per_anchor' and not %(restarts)s then entry_key end asc,
    -- of several that start anew, the last one counts
    case when %(restarts)s then anchor_at end desc,
    entry_date asc,
    anchor_key asc
