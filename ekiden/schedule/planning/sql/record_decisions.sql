-- Keeps what was decided of one scenario's customers, unless it is what was decided of them last; returns how many each
-- rule decided, kept anew or not. `query` yields day, customer_id, rule_no and other_scenario_id.
with decided as materialized (
    select
        found.day,
        found.customer_id,
        rules.rule,
        rules.rule_no,
        case when rules.rule in ('outranked', 'active_elsewhere') then found.other_scenario_id end as other_scenario_id
    from (
        {query}
    ) as found
    inner join outreach.decision_rules as rules on found.rule_no = rules.rule_no
    -- the enrolment says so
    where rules.rule <> 'entered'
),

last_batches as (
    select
        batches.day,
        told_apart.customer_id,
        max(batches.decision_batch_id) as decision_batch_id
    from outreach.decision_batches as batches
    cross join lateral unnest(batches.customers) as told_apart (customer_id)
    where
        batches.scenario_id = %(scenario_id)s
        and batches.day between %(first_day)s::date and %(last_day)s::date
        -- a run that decides nothing reads nothing
        and exists (select from decided)
    group by batches.day, told_apart.customer_id
),

-- who entered and whose rows a person deleted: that was the last decision about them, and no batch has it
removed as (
    select
        partition_date as day,
        customer_id,
        max(exited_at) as removed_at
    from outreach.enrolments
    where
        scenario_id = %(scenario_id)s
        and partition_date between %(first_day)s::date and %(last_day)s::date
        and state = 'removed'
        and exists (select from decided)
    group by partition_date, customer_id
),

fresh as (
    select decided.*
    from decided
    left join last_batches on decided.day = last_batches.day and decided.customer_id = last_batches.customer_id
    left join outreach.decision_batches as batches on last_batches.decision_batch_id = batches.decision_batch_id
    left join removed on decided.day = removed.day and decided.customer_id = removed.customer_id
    where
        decided.rule is distinct from batches.rule
        or decided.other_scenario_id is distinct from batches.other_scenario_id
        or removed.removed_at > batches.decided_at
),

numbered as (
    select
        *,
        row_number() over (
            partition by day, rule, other_scenario_id
            order by customer_id collate "C"
        ) as number_in_order
    from fresh
),

recorded as (
    insert into outreach.decision_batches (
        scenario_id, other_scenario_id, run_id, decided_at, day, step_no, rule, customers
    )
    select
        %(scenario_id)s,
        other_scenario_id,
        %(run_id)s,
        %(now)s,
        day,
        1 as step_no,
        rule,
        array_agg(customer_id order by customer_id collate "C")
    from numbered
    group by day, rule, rule_no, other_scenario_id, (number_in_order - 1) / %(batch_size)s
    order by day, rule_no, other_scenario_id, min(number_in_order)
)

select
    rule,
    count(*)::integer as customers
from decided
group by rule, rule_no
order by rule_no
