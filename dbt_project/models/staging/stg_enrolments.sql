select
    enrolments.enrolment_id,
    enrolments.customer_id,
    scenarios.scenario_code,
    enrolments.entered_at,
    scenarios.model_name,
    -- no array: dbt's unit tests cannot write one
    to_jsonb(array_prepend(scenarios.scenario_code, former.codes)) as scenario_codes
from {{ source('ledger', 'enrolments') }} as enrolments
inner join {{ source('ledger', 'scenarios') }} as scenarios on enrolments.scenario_id = scenarios.scenario_id
-- of one scenario at a time: PostgreSQL still looks up one customer's rows through this view
inner join lateral (
    select coalesce(array_agg(distinct versions.definition ->> 'code'), '{}') as codes
    from {{ source('ledger', 'scenario_versions') }} as versions
    where
        versions.scenario_id = scenarios.scenario_id
        -- a code that another scenario has now means that one
        and not exists (
            select from {{ source('ledger', 'scenarios') }} as holders
            where holders.scenario_code = versions.definition ->> 'code'
        )
) as former on true
-- whose every row was deleted never came in: it does not keep a customer from coming in again either
where enrolments.state <> 'removed'
