-- Everything that is known to have happened to one customer and why, one CTE per source in the three parts. Each looks
-- the customer up by an index: transitions are found through the customer's rows and enrolments, so a ledger of years
-- answers at once.
with shop_entries as (
    {shop}
),

ledger_entries as (
    {ledger}
),

told_entries as (
    {told}
),

entries as (
    select * from shop_entries
    union all
    select * from ledger_entries
    union all
    select * from told_entries
),

asked as (
    select *
    from entries
    where
        (%(begins)s::timestamptz is null or occurred_at >= %(begins)s)
        and (%(ends)s::timestamptz is null or occurred_at < %(ends)s)
        -- what happened in the shop concerns every scenario
        and (%(scenario_code)s::text is null or coalesce(scenario_code, %(scenario_code)s) = %(scenario_code)s)
)

select
    asked.occurred_at as at,
    asked.kind,
    asked.scenario_code,
    asked.step_no,
    asked.details,
    rules.rule_in_words as reason_in_words,
    count(*) over () as total
from asked
left join outreach.decision_rules as rules
    on
        asked.details ->> 'reason' = rules.rule
        -- elsewhere it is the shop's words, the provider's or a person's, which may happen to be a rule's
        and (
            asked.kind in ('decision', 'enrolment')
            or (asked.kind = 'step' and asked.details ->> 'transition' in ('T2', 'T4', 'T5', 'T8', 'T15'))
        )
order by
    asked.occurred_at {direction},
    asked.source_no {direction},
    asked.sequence_no {direction},
    asked.kind {direction},
    asked.details::text {direction}
limit %(limit)s
