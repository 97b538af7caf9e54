select
    enrolments.enrolment_id,
    enrolments.customer_id,
    scenarios.scenario_code,
    enrolments.entered_at
from {{ source('ledger', 'enrolments') }} as enrolments
inner join {{ source('ledger', 'scenarios') }} as scenarios on enrolments.scenario_id = scenarios.scenario_id
-- whose every row was deleted never came in: it does not keep a customer from coming in again either
where enrolments.state <> 'removed'
