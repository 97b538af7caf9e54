-- Who may enter one scenario now: one candidate per entry, the earliest due first (Q-10). Eligibility is judged at
-- `now`, whatever day is planned (Q-13); the sweep takes every day up to the last one planned.
insert into pg_temp.candidates (
    scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date, due_date
)
with eligible as (
    select
        customer_id,
        case when %(reentry)s = 'never' then '' else anchor_kind || ':' || anchor_key end as entry_key,
        anchor_kind,
        anchor_key,
        anchor_at,
        anchor_date,
        anchor_date + %(offset_days)s::integer as due_date
    from {eligibility}
    where
        entry_during @> %(now)s::timestamptz
        and not stop_during @> %(now)s::timestamptz
),

within_reach as (
    select *
    from eligible
    where
        case when %(enrol_at)s = 'anchor' then anchor_date else due_date end <= %(last_day)s
        and (%(period_from)s::date is null or due_date >= %(period_from)s)
        and (%(period_to)s::date is null or due_date <= %(period_to)s)
        and (%(look_back_days)s::integer is null or due_date >= %(first_day)s::date - %(look_back_days)s)
        and not (%(past_date_policy)s = 'skip' and due_date < %(today)s)
),

not_yet_entered as (
    select *
    from within_reach
    where not exists (
        select
        from outreach.enrolments as earlier
        where
            earlier.scenario_id = %(scenario_id)s
            and within_reach.customer_id = earlier.customer_id
            and earlier.state <> 'removed'
            and (
                %(reentry)s = 'never'
                or earlier.exit_reason = 'blocked'
                -- not by the entry's key, which is another one where the scenario's reentry was edited meanwhile
                or (
                    within_reach.anchor_kind = earlier.anchor_kind
                    and within_reach.anchor_key = earlier.anchor_key
                )
                or (
                    %(reentry)s = 'after_exit'
                    -- what triggers again during an enrolment is ignored, also once that has ended (R-045, C-06)
                    and (earlier.state = 'active' or earlier.exited_at >= within_reach.anchor_at)
                )
            )
    )
)

select distinct on (customer_id, case when %(reentry)s = 'per_anchor' then entry_key end)
    %(scenario_id)s,
    %(scenario_version_id)s,
    customer_id,
    entry_key,
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    due_date
from not_yet_entered
order by
    customer_id,
    case when %(reentry)s = 'per_anchor' then entry_key end,
    due_date,
    anchor_key
