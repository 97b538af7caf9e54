-- Everyone whose entry conditions hold at an instant, and how each of their anchors stands then. Whether an earlier
-- enrolment keeps one out is the rule by which the planner lets in (find_candidates.sql of ekiden/schedule/planning),
-- aggregated per customer: two hash joins, whatever the size. `ekiden why` says it in words (explanation/planning.py);
-- test_keeping_out asks all three.
with eligible as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        anchor_at,
        anchor_date,
        anchor_date + %(due_after_days)s::integer as due_date,
        stop_during @> %(at)s::timestamptz as is_stopped
    from {eligibility}
    where entry_during @> %(at)s::timestamptz
),

-- the ledger as it was at that instant; what was removed since never was
earlier as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        anchor_at,
        exited_at is null or exited_at > %(at)s as is_active,
        case when exited_at <= %(at)s then coalesce(left_at, exited_at) end as left_at,
        case when exited_at <= %(at)s then exit_reason end as exit_reason
    from outreach.enrolments
    where scenario_id = %(scenario_id)s and state <> 'removed' and entered_at <= %(at)s
),

earlier_by_customer as (
    select
        customer_id,
        bool_or(is_active) as is_active,
        bool_or(coalesce(exit_reason = 'blocked', false)) as is_blocked,
        max(anchor_at) as last_anchor_at,
        max(left_at) as last_left_at,
        max(left_at) filter (where exit_reason <> 'superseded') as last_stopped_at
    from earlier
    group by customer_id
),

earlier_anchors as (
    select distinct
        customer_id,
        anchor_kind,
        anchor_key
    from earlier
),

-- an option: who was blocked in any scenario enters no other either (T13)
blocked_anywhere as (
    select customer_id
    from outreach.enrolments
    where %(blocks_everywhere)s and exit_reason = 'blocked' and state <> 'removed' and exited_at <= %(at)s
)

select
    eligible.customer_id,
    eligible.anchor_kind,
    eligible.anchor_key,
    eligible.anchor_at,
    eligible.anchor_date,
    eligible.due_date,
    case
        when eligible.is_stopped then 'stopped'
        when
            earlier_anchors.customer_id is not null
            or eligible.customer_id in (select blocked_anywhere.customer_id from blocked_anywhere)
            or earlier_by_customer.customer_id is not null
            and (
                %(reentry)s = 'never'
                or earlier_by_customer.is_blocked
                or (
                    %(reentry)s = 'after_exit'
                    and not %(restarts)s
                    and (
                        earlier_by_customer.is_active
                        or earlier_by_customer.last_left_at >= eligible.anchor_at
                    )
                )
                or (
                    %(restarts)s
                    and (
                        earlier_by_customer.last_anchor_at >= eligible.anchor_at
                        or earlier_by_customer.last_stopped_at >= eligible.anchor_at
                    )
                )
            )
            then 'enrolled'
        else 'may_enter'
    end as standing
from eligible
left join earlier_by_customer on eligible.customer_id = earlier_by_customer.customer_id
left join earlier_anchors
    on
        eligible.customer_id = earlier_anchors.customer_id
        and eligible.anchor_kind = earlier_anchors.anchor_kind
        and eligible.anchor_key = earlier_anchors.anchor_key
